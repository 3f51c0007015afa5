"""Records to one COCO document, written as they come: https://cocodataset.org/#format-data."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import msgspec

from .names import ORIGINAL
from .records import Annotation, Category, Item, Rle, Sample, SourceId

_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_encoder = msgspec.json.Encoder()
_PIECE = 1 << 20


class CocoDocument:
    """One document: ids are new, dense from 1, in the order of adding; categories are matched by name.

    For each item `begin`, for each image `image_row`, `write_image` (at once or at last, in the same order) and
    `write_annotations`, then `finish`. Annotations go into a scratch file until then. What COCO does not name is kept,
    and `work_item_id`, `batch` and `source_id` are added. An image whose size nothing tells has none.
    """

    def __init__(
        self, file: IO[bytes], scratch: IO[bytes], *, ascii_only: bool = True, categories: Iterable[Category] = ()
    ) -> None:
        self._file = file
        self._scratch = scratch
        self._ascii_only = ascii_only
        self._categories: dict[tuple[str, str], Category] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._licenses: dict[bytes, Any] = {}
        self._license_ids: dict[SourceId, int] = {}
        self._info: dict[str, Any] | None = None
        self._images_written = 0
        self.images = self.annotations = 0
        for category in categories:
            self.category_id(category)
        file.write(b'{"images": [')

    def category_id(self, category: Category) -> int:
        """Return the id of a category, a new one where it is the first of its supercategory and name."""
        key = (category.supercategory, category.name)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._numbers) + 1
            self._categories[key] = category
        elif category.keypoints and not self._categories[key].keypoints:
            self._categories[key] = category
        return found

    def begin(self, item: Item) -> None:
        """Take in what an item's document says of all its images: of `info`, what all documents say."""
        for category in item.categories:
            self.category_id(category)
        self._license_ids = self._add_licenses(item.licenses)
        if self._info is None:
            self._info = dict(item.info)
        elif self._info:
            self._info = {name: value for name, value in self._info.items() if item.info.get(name, ...) == value}

    def image_row(self, sample: Sample) -> dict[str, Any]:
        """Return what is to be written of the next image, with the name that its document gave it."""
        self.images += 1
        image = sample.image
        row: dict[str, Any] = {"id": self.images, "file_name": image.file_name}
        if image.width is not None:
            row["width"] = image.width
        if image.height is not None:
            row["height"] = image.height
        row |= origin(sample, image.id, {"source_file": sample.document, **image.extra})
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
        first = self.annotations + 1
        self.annotations += len(sample.annotations)
        rows = [self._annotation(number, each, sample) for number, each in enumerate(sample.annotations, first)]
        self._write(self._scratch, rows, first=first == 1)

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

    def finish(self) -> None:
        """Write the rest."""
        self._file.write(b'\n],\n"annotations": [')
        self._scratch.seek(0)
        shutil.copyfileobj(self._scratch, self._file, _PIECE)
        self._file.write(b'\n],\n"categories": [')
        numbered = zip(self._numbers.values(), self._categories.values(), strict=True)
        self._write(self._file, [_category(number, category) for number, category in numbered], first=True)
        self._file.write(b'\n],\n"licenses": [')
        self._write(self._file, list(self._licenses.values()), first=True)
        self._file.write(b'\n],\n"info": ' + encode_lines([self._info or {}], self._ascii_only) + b"}\n")

    def _annotation(self, number: int, annotation: Annotation, sample: Sample) -> dict[str, Any]:
        category = annotation.category
        row: dict[str, Any] = {
            "id": number,
            "image_id": self.images,
            "category_id": self._numbers.get((category.supercategory, category.name)) or self.category_id(category),
            "bbox": annotation.bbox,
            "area": annotation.area,
            "iscrowd": int(annotation.iscrowd),
        }
        shape = annotation.segmentation
        if shape is not None:
            row["segmentation"] = (
                {"size": (shape.height, shape.width), "counts": shape.counts} if isinstance(shape, Rle) else shape
            )
        if annotation.keypoints:
            row["keypoints"] = annotation.keypoints
        if annotation.num_keypoints is not None:
            row["num_keypoints"] = annotation.num_keypoints
        return row | origin(sample, annotation.id, annotation.extra)

    def _write(self, file: IO[bytes], rows: Sequence[Mapping[str, Any]], *, first: bool) -> None:
        if rows:
            file.write((b"\n" if first else b",\n") + encode_lines(rows, self._ascii_only).replace(b"\n", b",\n"))


def origin(sample: Sample, source_id: SourceId, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra fields of a record with those that tell where it came from, unless they are there already."""
    return {"work_item_id": sample.work_item_id, "batch": sample.batch, "source_id": source_id, **extra}


def encode_lines(rows: Sequence[Any], ascii_only: bool = True) -> bytes:
    r"""Encode each row as a line of JSON, without the last line's end.

    >>> encode_lines([{"name": "樹"}, {}])
    b'{"name":"\\u6a39"}\n{}'
    """
    try:
        lines = _encoder.encode_lines(rows)[:-1]
    except (UnicodeEncodeError, OverflowError):  # half a character, or a number beyond 64 bits
        lines = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows).encode()
    if not ascii_only or lines.isascii():
        return lines
    return _NON_ASCII.sub(_escaped, lines.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def _category(number: int, category: Category) -> dict[str, Any]:
    row: dict[str, Any] = {"id": number, "name": category.name, "supercategory": category.supercategory}
    if category.keypoints:
        row |= {"keypoints": category.keypoints, "skeleton": category.skeleton}
    return row | category.extra
