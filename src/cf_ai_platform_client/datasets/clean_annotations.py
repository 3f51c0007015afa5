"""Annotations that nothing is wrong with, read fast: what this does not take is read carefully."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from . import rle
from .boxes import TOLERANCE
from .document_annotations import MEMBERS
from .document_ids import Known
from .keypoints import are_plain
from .notes import Notes
from .numbers import FAR
from .records import Annotation, Category, Image, Polygons, Rle, SourceId
from .segmentations import note_empty_segmentation

_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-FAR, le=FAR)]
_Number: TypeAlias = _Integer | Annotated[float, msgspec.Meta(ge=-FAR, le=FAR)]
_Positive: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=FAR)] | Annotated[float, msgspec.Meta(gt=0)]
_Area: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=FAR)] | Annotated[float, msgspec.Meta(ge=0)]
_Polygon: TypeAlias = Annotated[tuple[_Number, ...], msgspec.Meta(min_length=6)]


_Polygons: TypeAlias = tuple[_Polygon, ...]


_UNKNOWN = FAR / 4 + 0.5  # no mask's side
"""The side of an image that nothing tells: what goes beyond is read carefully."""


class _Mask(msgspec.Struct, gc=False):
    size: tuple[int, int]
    counts: str


_Zero: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=0)]
_Shape: TypeAlias = _Polygons | _Mask | msgspec.UnsetType


class _Clean(msgspec.Struct, gc=False):
    id: _Integer
    image_id: _Integer
    category_id: _Integer
    bbox: tuple[_Number, _Number, _Positive, _Positive]
    area: _Area
    iscrowd: _Zero
    segmentation: _Shape = msgspec.UNSET
    keypoints: tuple[_Number, ...] = ()
    num_keypoints: _Integer | msgspec.UnsetType = msgspec.UNSET


class _Plain(_Clean, gc=False, forbid_unknown_fields=True):
    """One that has no further members; most are like that, and then they need not be looked for."""


_KINDS: tuple[type[Sequence[_Clean]], ...] = (list[_Plain], list[_Clean])
_ODD: Final = Rle(0, 0, "")


class CleanReader:
    """Reads annotations that nothing is wrong with, but for an empty segmentation, which boxes alone often have.

    Those are noted where there are notes, and their places are in `empty_segmentations`. `seen` are the ids so far,
    which it adds to.
    """

    def __init__(
        self, images: Known[Image], categories: Known[Category], seen: set[SourceId], notes: Notes | None
    ) -> None:
        self._images = {
            identity: (image.width or _UNKNOWN, image.height or _UNKNOWN) for identity, image in images.plain()
        }
        self._categories = dict(categories.plain())
        self._seen = seen
        self._notes = notes
        self.empty_segmentations: list[int] = []

    def read(self, at: int, entry: Any, found: _Clean | None) -> Annotation | None:
        """Return an annotation, None where it must be read carefully; `found` is what `shapes_of` made of the entry."""
        if found is None:
            return None
        size = self._images.get(found.image_id)
        category = self._categories.get(found.category_id)
        if size is None or category is None or not found.id or found.id in self._seen:
            return None
        left, top, width, height = found.bbox
        if left < -TOLERANCE or top < -TOLERANCE or left + width > size[0] + TOLERANCE:
            return None
        if top + height > size[1] + TOLERANCE:
            return None
        given = found.segmentation
        shape = _shape(given, size) if given else None
        if shape is _ODD:
            return None
        labels = None if found.num_keypoints is msgspec.UNSET else found.num_keypoints
        if found.keypoints and not are_plain(found.keypoints, labels, len(category.keypoints)):
            return None
        if shape is None and given is not msgspec.UNSET:
            self.empty_segmentations.append(at)
            if self._notes is not None:
                note_empty_segmentation([], ("annotations", at, "segmentation"), self._notes)
        self._seen.add(found.id)
        return Annotation(
            found.id,
            found.image_id,
            found.category_id,
            category,
            found.bbox,
            found.area,
            False,
            shape,
            found.keypoints,
            labels,
            {} if found.__class__ is _Plain or entry.keys() <= MEMBERS else _rest_of(entry),
        )


def shapes_of(entries: list[Any]) -> Sequence[_Clean | None]:
    """Return each entry as annotations have it that nothing is wrong with, None in place of the others."""
    for kind in _KINDS:
        try:
            return msgspec.convert(entries, kind)
        except (msgspec.ValidationError, RecursionError):
            continue
    return [_clean(entry) for entry in entries]


def _clean(entry: Any) -> _Clean | None:
    try:
        return msgspec.convert(entry, _Clean)
    except (msgspec.ValidationError, RecursionError):
        return None


def _shape(given: _Polygons | _Mask, size: tuple[float, float]) -> Polygons | Rle | None:
    """Return polygons or a mask, None for no polygon at all, `_ODD` for what must be read carefully."""
    if isinstance(given, _Mask):
        return _mask(given, size) or _ODD
    for polygon in given:
        if len(polygon) & 1:
            return _ODD
    return given or None


def _rest_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in MEMBERS}


def _mask(mask: _Mask, size: tuple[float, float]) -> Rle | None:
    height, width = mask.size
    if width != size[0] or height != size[1]:
        return None
    try:
        runs = rle.decode(mask.counts)
    except ValueError:
        return None
    is_good = bool(runs) and min(runs) >= 0 and sum(runs) == height * width and rle.area(runs)
    return Rle(height, width, mask.counts) if is_good else None
