"""Tables, written as the samples come: row groups of bounded size, so that memory does not grow with the dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Protocol, TypeAlias

from .conversion import Conversion
from .dataset import Dataset
from .records import Sample
from .tables import ANNOTATIONS, CATEGORIES, IMAGES, Column, Row, annotation_row, category_row, image_row

GROUP_ROWS = 8192
"""Rows of a row group, at most."""

GROUP_CHARACTERS = 16 << 20
"""Characters of a row group's text, about: masks can be long."""


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
        self._rows.append(row)
        self._characters += sum(len(value) for value in row if isinstance(value, str))
        if len(self._rows) >= GROUP_ROWS or self._characters >= GROUP_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what is left."""
        if self._rows:
            self.write(self._rows)
        self._rows, self._characters = [], 0


def write_tables(job: Conversion, suffix: str, open_table: OpenTable) -> None:
    """Write the three tables, and the image files into `images/`; ids go on from split to split."""
    with ExitStack() as stack:

        def opened(name: str, columns: tuple[Column, ...]) -> tuple[TableFile, RowGroups]:
            table = open_table(stack.enter_context(job.out.open(f"{name}.{suffix}")), columns)
            return table, RowGroups(table.write)

        images, image_rows = opened("images", IMAGES)
        annotations, annotation_rows = opened("annotations", ANNOTATIONS)
        categories, category_rows = opened("categories", CATEGORIES)
        for split, dataset in job.splits.items():
            _write_split(job, split, dataset, image_rows, annotation_rows)
        for category in next(iter(job.splits.values())).categories:
            category_rows.add(category_row(category))
        for rows, table in ((image_rows, images), (annotation_rows, annotations), (category_rows, categories)):
            rows.flush()
            table.finish()
    job.report.images.went_out += image_rows.count
    job.report.annotations.went_out += annotation_rows.count


def _write_split(job: Conversion, split: str, dataset: Dataset, images: RowGroups, annotations: RowGroups) -> None:
    for item in dataset.items(job.report):
        for sample in item.samples:
            path = _path(job, sample, dataset)
            images.add(image_row(sample, images.count + 1, path=path, split=split or None))
            for row in annotation_rows_of(sample, annotations.count + 1, images.count, split=split or None):
                annotations.add(row)
        job.report.documents.went_out += 1


def annotation_rows_of(sample: Sample, first_id: int, image_id: int, *, split: str | None = None) -> Iterator[Row]:
    """Yield the rows of a sample's annotations, numbered from `first_id`."""
    for number, annotation in enumerate(sample.annotations, first_id):
        yield annotation_row(annotation, sample, number, image_id, split=split)


def _path(job: Conversion, sample: Sample, dataset: Dataset) -> str | None:
    name = f"images/{job.name_of(sample)}"
    if job.out.add_image(name, sample.path):
        return name
    return relative_path(sample.path, str(dataset.root))


def relative_path(path: str | None, root: str) -> str | None:
    """Return a path below a folder relative to it, with `/`; another as it is.

    >>> relative_path(os.path.join("data", "plots", "a.jpg"), "data")
    'plots/a.jpg'
    """
    if path is None or not path.startswith(root + os.sep):
        return path
    return path[len(root) + 1 :].replace(os.sep, "/")
