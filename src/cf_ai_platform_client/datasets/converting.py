"""A dataset, or one that was split, into a folder of some format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, get_args

from ..errors import DiskError
from .conversion import Conversion, Crowds
from .dataset import Dataset
from .formats import writer
from .out_folder import Images, OutFolder, check_apart, check_images, write_folder
from .report import Report

if TYPE_CHECKING:
    from .splitting import Split


def convert(
    source: Dataset | Split,
    format: str,
    out: str | os.PathLike[str],
    *,
    images: Images = "copy",
    crowds: Crowds | None = None,
    overwrite: bool = False,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Write a dataset in a format; see `Dataset.convert`. `progress` is called with the report as it fills."""
    write = writer(format)
    check_images(images)
    if crowds is not None and crowds not in get_args(Crowds):
        raise ValueError(f"crowds is {crowds!r}, but must be one of: {', '.join(get_args(Crowds))}, or None.")
    splits: Mapping[str, Dataset] = {"": source} if isinstance(source, Dataset) else source.parts
    whole = source if isinstance(source, Dataset) else source.dataset
    check_apart(out, whole.documents.place)
    report = Report() if isinstance(source, Dataset) else source.report.of_what_was_left_out()

    def work(folder: OutFolder) -> None:
        write(Conversion(splits, whole, folder, report, images, crowds))
        if not isinstance(source, Dataset):
            _check_unchanged(report, source)

    write_folder(out, work, report, overwrite=overwrite, images=images, progress=progress)
    report.tell_emptied()
    return report


def _check_unchanged(report: Report, split: Split) -> None:
    """Raise DiskError where not all that was split came in again."""
    for things in ("images", "annotations"):
        before, now = (getattr(each, things).came_in for each in (split.report, report))
        if before != now:
            what = f"{split.dataset.root} was changed after it was split: it had {before:,} {things}, now {now:,}."
            raise DiskError(what, code="disk_error", hint="Open it again, and split it with previous= this split.")
