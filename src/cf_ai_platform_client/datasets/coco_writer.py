"""Records to one COCO document, written as they come: https://cocodataset.org/#format-data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any

from .coco_rows import annotation_rows, category_row, decode_line, encode_lines, image_row
from .document_ids import read_id
from .names import ORIGINAL, safe_path
from .records import Category, Item, Sample, SourceId
from .report import Report

ON_DISK = "file name replaced by the image's path on the disk"
SAFE = "file name made one that every system takes"
APART = "file name changed, since another image has it too"


class CocoWriter:
    """One document: ids of images and annotations are new, dense from 1, those of categories are the dataset's.

    For each item `begin`, for each image `add`, then `finish`. Annotations are written at once, images into a scratch
    file until then, so that their names may be decided last. What COCO does not name is kept, and `work_item_id`,
    `batch`, `source_id` and, of images, `source_file` are added.
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
        self._renamed: Counter[str] = Counter()
        self.images = self.annotations = self.unsized = 0
        file.write(b'{"annotations": [')

    def begin(self, item: Item) -> None:
        """Take in what an item's document says of all its images: of `info`, what all documents say."""
        self._license_ids = self._add_licenses(item.licenses)
        if self._info is None:
            self._info = dict(item.info)
        elif self._info:
            self._info = {name: value for name, value in self._info.items() if item.info.get(name, ...) == value}

    def add(self, sample: Sample, name: str | None = None) -> dict[str, Any]:
        """Write an image and its annotations; return what stands for the image, under its document's name.

        Its id is `images` then, those of its annotations are the last ones up to `annotations`. `unsized` counts those
        of which width or height are not known.
        """
        self.images += 1
        self.unsized += sample.image.width is None or sample.image.height is None
        row = image_row(self.images, sample)
        license = read_id(row.get("license"))
        if license is not None and license in self._license_ids:
            row["license"] = self._license_ids[license]
        self._scratch.write(encode_lines([[row, name]]) + b"\n")
        rows = annotation_rows(self.annotations + 1, self.images, sample)
        self._write(rows, first=not self.annotations)
        self.annotations += len(rows)
        return row

    def finish(self, decide: Callable[[dict[str, Any], str | None], str] | None = None) -> None:
        """Write the rest; `decide` is asked for the names of the images, given their rows and the names of `add`.

        Those of `add` are paths on the disk then.
        """
        self._file.write(b'\n],\n"images": [')
        self._scratch.seek(0)
        for number, line in enumerate(self._scratch):
            row, name = decode_line(line)
            if decide is not None:
                self._rename(row, decide(row, name), None if name is None else ON_DISK)
            elif name is not None:
                self._rename(row, name)
            self._write([row], first=not number)
        self._file.write(b'\n],\n"categories": [')
        self._write([category_row(category) for category in self._categories], first=True)
        self._file.write(b'\n],\n"licenses": [')
        self._write(list(self._licenses.values()), first=True)
        self._file.write(b'\n],\n"info": ' + encode_lines([self._info or {}], self._ascii_only) + b"}\n")

    def count(self, report: Report) -> None:
        """Add to a report what was written."""
        report.images.went_out += self.images
        report.annotations.went_out += self.annotations
        report.changed.update(self._renamed)

    def _rename(self, row: dict[str, Any], name: str, why: str | None = None) -> None:
        before = row["file_name"]
        if name != before:
            is_safe = name == safe_path(before, decode=ORIGINAL not in row)
            self._renamed[why or (SAFE if is_safe else APART)] += 1
            row.setdefault(ORIGINAL, before)
            row["file_name"] = name

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

    def _write(self, rows: Sequence[object], *, first: bool) -> None:
        if rows:
            lines = encode_lines(rows, self._ascii_only).replace(b"\n", b",\n")
            self._file.write((b"\n" if first else b",\n") + lines)


def unsized_warnings(count: int) -> list[str]:
    """Tell of images whose size is not known, where there are any."""
    if not count:
        return []
    what = "1 image is" if count == 1 else f"{count:,} images are"
    return [
        f"{what} of unknown size, without which pycocotools makes no masks of polygons: `cf-ai dataset validate` says "
        "which, and with --fix it takes the size from the image where it can."
    ]
