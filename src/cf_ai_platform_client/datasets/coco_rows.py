"""What stands for a record in a COCO document, and how rows become lines of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from .keys import SAMPLE_KEY
from .origins import rest_of_annotation, rest_of_image, source_id_of, source_of
from .records import Annotation, Category, Rle, Sample

_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_encoder = msgspec.json.Encoder()


class _Mask(msgspec.Struct, gc=False):
    size: tuple[int, int]
    counts: str


class _Annotation(msgspec.Struct, gc=False, omit_defaults=True):
    """As a struct, since these are most of a document."""

    id: int
    image_id: int
    category_id: int
    bbox: object
    area: float
    iscrowd: int
    work_item_id: object
    batch: object
    source_id: object
    segmentation: object = None
    keypoints: object = ()
    num_keypoints: int | None = None


_NAMES = _Annotation.__struct_fields__
_UNWRITTEN = (None, (), msgspec.UNSET)


def annotation_rows(first: int, image_id: int, sample: Sample) -> list[object]:
    """Return what is written of an image's annotations, `iscrowd` as 0 or 1, masks with string counts."""
    item, batch = sample.work_item_id, sample.batch or msgspec.UNSET
    return [
        _with_extra(number, image_id, each, sample)
        if each.extra
        else _plain(number, image_id, each, item, batch, each.id)
        for number, each in enumerate(sample.annotations, first)
    ]


def _plain(number: int, image_id: int, each: Annotation, item: object, batch: object, source_id: object) -> _Annotation:
    shape = each.segmentation
    return _Annotation(
        number,
        image_id,
        each.category.id,
        each.bbox,
        each.area,
        1 if each.iscrowd else 0,
        item,
        batch,
        source_id,
        shape if type(shape) is not Rle else _Mask((shape.height, shape.width), shape.counts),
        each.keypoints,
        each.num_keypoints,
    )


def _with_extra(number: int, image_id: int, annotation: Annotation, sample: Sample) -> object:
    """Add what COCO does not name; where it came from is kept of an earlier merge."""
    batch = sample.batch or msgspec.UNSET
    row = _plain(number, image_id, annotation, sample.work_item_id, batch, source_id_of(annotation, sample))
    rest = rest_of_annotation(annotation, sample)
    if not rest:
        return row
    written = {name: value for name in _NAMES if (value := getattr(row, name)) not in _UNWRITTEN}
    return {**written, **rest}


def image_row(number: int, sample: Sample) -> dict[str, Any]:
    """Return what is written of an image under the name that its document gave it; an unknown size is left out.

    Its key comes along, so that what is written is split as what it was written from.
    """
    image = sample.image
    row: dict[str, Any] = {"id": number, "file_name": image.file_name}
    if image.width is not None:
        row["width"] = image.width
    if image.height is not None:
        row["height"] = image.height
    row["work_item_id"] = sample.work_item_id
    if sample.batch:
        row["batch"] = sample.batch
    source, document = source_of(sample)
    return {**row, "source_id": source, "source_file": document, SAMPLE_KEY: sample.key, **rest_of_image(sample)}


def category_row(category: Category) -> dict[str, Any]:
    """Return what is written of a category."""
    row: dict[str, Any] = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    if category.keypoints:
        row |= {"keypoints": category.keypoints, "skeleton": category.skeleton}
    return {**row, **category.extra}


def encode_lines(rows: Sequence[object], ascii_only: bool = True) -> bytes:
    r"""Encode each row as a line of JSON, without the last line's end.

    >>> encode_lines([{"name": "樹"}, {}])
    b'{"name":"\\u6a39"}\n{}'
    """
    try:
        lines = _encoder.encode_lines(rows)[:-1]
    except (UnicodeEncodeError, OverflowError):  # half a character, or a number beyond 64 bits
        lines = "\n".join(json.dumps(msgspec.to_builtins(row), separators=(",", ":")) for row in rows).encode()
    if not ascii_only or lines.isascii():
        return lines
    return _NON_ASCII.sub(_escaped, lines.decode()).encode()


def decode_line(line: bytes) -> Any:
    """Decode a line of JSON."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:  # half a character
        return json.loads(line)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
