"""Tables, written as the samples come: row groups of bounded size, so that memory does not grow with the dataset."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Protocol, TypeAlias

from .conversion import Conversion
from .dataset import Dataset
from .records import Sample
from .tables import TABLES, Column, Row, annotation_row, category_row, image_row

GROUP_ROWS = 8192
"""Rows of a row group, at most."""

GROUP_CHARACTERS = 16 << 20
"""Characters of a row group's text, about: masks can be long."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class TableFile(Protocol):
    """A file that takes rows, group by group."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write a row group."""

    def finish(self) -> None:
        """Write what comes last; the file itself is closed by whoever opened it."""


OpenTable: TypeAlias = "Callable[[IO[bytes], tuple[Column, ...]], TableFile]"


@dataclass
class RowGroups:
    """Collects rows into groups; `write` takes each of them."""

    write: Callable[[Sequence[Row]], None]
    count: int = 0
    _rows: list[Row] = field(default_factory=list[Row])
    _characters: int = 0

    def add(self, row: Row) -> None:
        """Add a row; write the group that it fills."""
        self.count += 1
        text = "".join([value for value in row if type(value) is str])
        self._rows.append(row if text.isascii() else _without_surrogates(row, text))
        self._characters += len(text)
        if len(self._rows) >= GROUP_ROWS or self._characters >= GROUP_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what is left."""
        if self._rows:
            self.write(self._rows)
        self._rows, self._characters = [], 0


def _without_surrogates(row: Row, text: str) -> Row:
    """Put U+FFFD in place of half surrogate pairs, as names of files have that are not UTF-8: no file holds them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return tuple(_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value for value in row)
    return row


def write_tables(job: Conversion, suffix: str, open_table: OpenTable) -> None:
    """Write the three tables, and the image files into `images/`; ids go on from split to split."""
    with ExitStack() as stack:

        def opened(name: str, columns: tuple[Column, ...]) -> RowGroups:
            table = open_table(stack.enter_context(job.out.open(f"{name}.{suffix}")), columns)
            return stack.enter_context(_finished(table))

        images, annotations, categories = (opened(name, columns) for name, columns in TABLES.items())
        in_place = 0
        for split, dataset in job.splits.items():
            in_place += _write_split(job, split, dataset, images, annotations)
        for category in next(iter(job.splits.values())).categories:
            categories.add(category_row(category))
    job.report.images.went_out += images.count
    job.report.annotations.went_out += annotations.count
    if in_place:
        job.report.warnings.append(f"Images stay where they are: the column path leads on from {job.whole.root}.")


@contextmanager
def _finished(table: TableFile) -> Generator[RowGroups, None, None]:
    """Finish a file in the end; after an error too, or its writer would try again when it is collected."""
    rows = RowGroups(table.write)
    try:
        yield rows
        rows.flush()
    except BaseException:
        with suppress(Exception):
            table.finish()
        raise
    table.finish()


def _write_split(job: Conversion, split: str, dataset: Dataset, images: RowGroups, annotations: RowGroups) -> int:
    """Write the rows of a split; return how many images stay where they are."""
    in_place = 0
    for item in dataset.items(job.report):
        for sample in item.samples:
            path = _path(job, sample, dataset)
            in_place += job.images == "none" and path is not None
            images.add(image_row(sample, images.count + 1, path=path, split=split or None))
            for row in annotation_rows_of(sample, annotations.count + 1, images.count, split=split or None):
                annotations.add(row)
        job.report.documents.went_out += 1
    return in_place


def annotation_rows_of(sample: Sample, first_id: int, image_id: int, *, split: str | None = None) -> Iterator[Row]:
    """Yield the rows of a sample's annotations, numbered from `first_id`."""
    for number, annotation in enumerate(sample.annotations, first_id):
        yield annotation_row(annotation, sample, number, image_id, split=split)


def _path(job: Conversion, sample: Sample, dataset: Dataset) -> str | None:
    if job.images != "none":
        name = f"images/{job.name_of(sample)}"
        return name if job.out.add_image(name, sample.path) else None
    return relative_path(sample.path, str(dataset.root)) if job.out.is_on_disk(sample.path) else None


def relative_path(path: str | None, root: str) -> str | None:
    """Return a path below a folder relative to it, with `/`; another as it is.

    >>> relative_path(os.path.join("data", "plots", "a.jpg"), "data")
    'plots/a.jpg'
    """
    if path is None or not path.startswith(root + os.sep):
        return path
    return path[len(root) + 1 :].replace(os.sep, "/")
