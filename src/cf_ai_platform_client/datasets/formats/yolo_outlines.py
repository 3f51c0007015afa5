"""An object as the one outline that YOLO has for it: clipped, its parts and holes joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from .. import polygons, rasters, rle
from ..contours import join, outlines
from ..extras import require
from ..polygon_clipping import clip
from ..records import Annotation, Polygons, Rle
from ..size_limit import is_too_large, too_large
from .reasons import HOLE_BRIDGED, NO_MASK, NO_PIXEL, OTHER_SIZE, OUTLINE_CLIPPED, PARTS_JOINED, PARTS_UNITED, LeftOut
from .walking import Size

Outline = Sequence[float]

_ALIKE = 0.002
"""The share of an object's pixels that its parts may have in common and still be taken for apart: their rims."""


def outline_of(annotation: Annotation, size: Size, changed: Counter[str]) -> Outline | LeftOut:
    """Return one outline of an object, within the image; `changed` counts what became of holes and parts."""
    segmentation = annotation.segmentation
    if segmentation is None:
        return NO_MASK
    if isinstance(segmentation, Rle):
        if (segmentation.width, segmentation.height) != size:
            return OTHER_SIZE
        parts = _beyond(size) or _traced(segmentation, changed)
    else:
        parts = _apart(_within(segmentation, size, changed), size, changed)
    if isinstance(parts, LeftOut):
        return parts
    if not parts:
        return NO_PIXEL
    if len(parts) == 1:
        return parts[0]
    changed[PARTS_JOINED] += 1
    return join(parts)


def _beyond(size: Size) -> LeftOut | None:
    """Return why pixels are not drawn in an image of a size, None where they are; outlines alone may be of any."""
    return LeftOut(f"mask of an image of {too_large(*size)}") if is_too_large(*size) else None


def _traced(mask: Rle, changed: Counter[str]) -> Sequence[Outline]:
    parts, holes = outlines(rle.decode(mask.counts), mask.height)
    if holes:
        changed[HOLE_BRIDGED] += 1
    return parts


def _within(parts: Polygons, size: Size, changed: Counter[str]) -> Sequence[Outline]:
    """Return the parts of an object that are in the image."""
    width, height = size
    if all(min(part) >= 0 and max(part[::2]) <= width and max(part[1::2]) <= height for part in parts):
        return [part for part in parts if polygons.area(part)] if len(parts) > 1 else parts
    changed[OUTLINE_CLIPPED] += 1
    clipped = [clip(part, width, height) for part in parts]
    return [part for part in clipped if part and polygons.area(part)]


def _apart(parts: Sequence[Outline], size: Size, changed: Counter[str]) -> Sequence[Outline] | LeftOut:
    """Return parts that do not overlap: joined, what lies in two of them would be outside.

    A part within another one is left out; parts that overlap are traced around their pixels.
    """
    if len(parts) < 2 or not any(_meet(one, other) for one, other in combinations(parts, 2)):
        return parts
    if (why := _beyond(size)) is not None:
        return why
    require("pycocotools.mask", "masks", "YOLO outlines of objects in several parts that may overlap")
    masks = [rasters.encoded([part], size[1], size[0]) for part in parts]
    areas = [rasters.area(mask) for mask in masks]
    union = rasters.united(masks)
    total = rasters.area(union)
    if sum(areas) - total <= _ALIKE * total:
        return parts
    changed[PARTS_UNITED] += 1
    if max(areas) == total:
        return [parts[areas.index(total)]]
    return _traced(union, changed)


def _meet(one: Outline, other: Outline) -> bool:
    """Tell whether the boxes of two parts overlap."""
    return (
        min(one[::2]) < max(other[::2])
        and min(other[::2]) < max(one[::2])
        and min(one[1::2]) < max(other[1::2])
        and min(other[1::2]) < max(one[1::2])
    )
