"""A dataset, or one that was split, into a folder of some format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from .conversion import Conversion, Crowds
from .dataset import Dataset
from .formats import writer
from .names import Names
from .out_folder import Images, OutFolder
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
) -> Report:
    """Write a dataset in a format; see `Dataset.convert`."""
    write = writer(format)
    if images not in get_args(Images):
        raise ValueError(f"images is {images!r}, but must be one of: {', '.join(get_args(Images))}.")
    if crowds is not None and crowds not in get_args(Crowds):
        raise ValueError(f"crowds is {crowds!r}, but must be one of: {', '.join(get_args(Crowds))}, or None.")
    splits: Mapping[str, Dataset] = {"": source} if isinstance(source, Dataset) else source.parts
    names = Names(sample for dataset in splits.values() for sample in dataset.samples())
    report = Report()
    with OutFolder(out, overwrite=overwrite, images=images) as folder:
        write(Conversion(splits, folder, names, report, images, crowds))
    return report
