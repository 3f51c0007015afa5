"""Annotations that nothing is wrong with, read fast: what this does not take is read carefully."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Annotated, Any, TypeAlias

import msgspec

from . import rle
from .boxes import TOLERANCE
from .document_annotations import MEMBERS
from .document_ids import Known
from .keypoints import are_plain
from .notes import Notes
from .records import Annotation, Category, Image, Rle, SourceId
from .segmentations import note_empty_segmentation

_FAR = 1 << 53
_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-_FAR, le=_FAR)]
_Number: TypeAlias = _Integer | float
_Positive: TypeAlias = Annotated[int, msgspec.Meta(gt=0, le=_FAR)] | Annotated[float, msgspec.Meta(gt=0)]
_Area: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_FAR)] | Annotated[float, msgspec.Meta(ge=0)]
_Polygon: TypeAlias = Annotated[tuple[_Number, ...], msgspec.Meta(min_length=6)]


_Polygons: TypeAlias = tuple[_Polygon, ...]


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


class CleanReader:
    """Reads annotations that nothing is wrong with, but for an empty segmentation, which boxes alone often have.

    Those are noted where there are notes, and their places are in `empty_segmentations`. `seen` are the ids so far,
    which it adds to.
    """

    def __init__(
        self, images: Known[Image], categories: Known[Category], seen: set[SourceId], notes: Notes | None
    ) -> None:
        self._images = {
            identity: (inf if image.width is None else image.width, inf if image.height is None else image.height)
            for identity, image in images.plain()
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
        given, mask = found.segmentation, None
        if type(given) is tuple:
            for polygon in given:
                if len(polygon) & 1:
                    return None
        elif isinstance(given, _Mask) and (mask := _mask(given, size)) is None:
            return None
        labels = None if found.num_keypoints is msgspec.UNSET else found.num_keypoints
        if found.keypoints and not are_plain(found.keypoints, labels, len(category.keypoints)):
            return None
        if given == ():
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
            (given or None) if isinstance(given, tuple) else mask,
            found.keypoints,
            labels,
            {} if entry.keys() <= MEMBERS else {key: value for key, value in entry.items() if key not in MEMBERS},
        )


def shapes_of(entries: list[Any]) -> Sequence[_Clean | None]:
    """Return each entry as annotations have it that nothing is wrong with, None in place of the others."""
    try:
        return msgspec.convert(entries, list[_Clean])
    except (msgspec.ValidationError, RecursionError):
        return [_shape_of(entry) for entry in entries]


def _shape_of(entry: Any) -> _Clean | None:
    try:
        return msgspec.convert(entry, _Clean)
    except (msgspec.ValidationError, RecursionError):
        return None


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
