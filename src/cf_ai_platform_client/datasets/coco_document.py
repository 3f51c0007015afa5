"""Records to one COCO document, written as they come: https://cocodataset.org/#format-data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from .coco_rows import annotation_row, category_row, encode_lines, image_row
from .names import ORIGINAL
from .records import Category, Item, Sample, SourceId

_PIECE = 1 << 20


class CocoDocument:
    """One document: ids of images and annotations are new, dense from 1, those of categories are the dataset's.

    For each item `begin`, for each image `image_row`, `write_image` (at once or at last, in the same order) and
    `write_annotations`, then `finish`. Annotations go into a scratch file until then. What COCO does not name is kept,
    and `work_item_id`, `batch`, `source_id` and, of images, `source_file` are added.
    """

    def __init__(
        self, file: IO[bytes], scratch: IO[bytes], categories: Iterable[Category], *, ascii_only: bool = True
    ) -> None:
        self._file = file
        self._scratch = scratch
        self._ascii_only = ascii_only
        self._categories = tuple(categories)
        self._licenses: dict[bytes, Any] = {}
        self._license_ids: dict[SourceId, int] = {}
        self._info: dict[str, Any] | None = None
        self._images_written = 0
        self.images = self.annotations = 0
        file.write(b'{"images": [')

    def begin(self, item: Item) -> None:
        """Take in what an item's document says of all its images: of `info`, what all documents say."""
        self._license_ids = self._add_licenses(item.licenses)
        if self._info is None:
            self._info = dict(item.info)
        elif self._info:
            self._info = {name: value for name, value in self._info.items() if item.info.get(name, ...) == value}

    def image_row(self, sample: Sample) -> dict[str, Any]:
        """Return what is to be written of the next image, with the name that its document gave it."""
        self.images += 1
        row = image_row(self.images, sample)
        if (license := row.get("license")) in self._license_ids:
            row["license"] = self._license_ids[license]
        return row

    def write_image(self, row: dict[str, Any], file_name: str) -> None:
        """Write an image under the name that it has now."""
        if file_name != row["file_name"]:
            row.setdefault(ORIGINAL, row["file_name"])
            row["file_name"] = file_name
        self._write(self._file, [row], first=not self._images_written)
        self._images_written += 1

    def write_annotations(self, sample: Sample) -> None:
        """Write the annotations of the image whose row was asked for last."""
        first, image_id = self.annotations + 1, self.images
        self.annotations += len(sample.annotations)
        rows = [annotation_row(number, image_id, each, sample) for number, each in enumerate(sample.annotations, first)]
        self._write(self._scratch, rows, first=first == 1)

    def finish(self) -> None:
        """Write the rest."""
        self._file.write(b'\n],\n"annotations": [')
        self._scratch.seek(0)
        shutil.copyfileobj(self._scratch, self._file, _PIECE)
        self._file.write(b'\n],\n"categories": [')
        self._write(self._file, [category_row(category) for category in self._categories], first=True)
        self._file.write(b'\n],\n"licenses": [')
        self._write(self._file, list(self._licenses.values()), first=True)
        self._file.write(b'\n],\n"info": ' + encode_lines([self._info or {}], self._ascii_only) + b"}\n")

    def _add_licenses(self, licenses: Iterable[Mapping[str, Any]]) -> dict[SourceId, int]:
        """Take in licenses, of which equal ones are one; return their new ids by those of the document."""
        found: dict[SourceId, int] = {}
        for entry in licenses:
            plain = {name: value for name, value in entry.items() if name != "id"}
            key = encode_lines([plain])
            number = self._licenses.setdefault(key, {"id": len(self._licenses) + 1, **plain})["id"]
            if isinstance(source := entry.get("id"), int | str):
                found[source] = number
        return found

    def _write(self, file: IO[bytes], rows: Sequence[object], *, first: bool) -> None:
        if rows:
            file.write((b"\n" if first else b",\n") + encode_lines(rows, self._ascii_only).replace(b"\n", b",\n"))
