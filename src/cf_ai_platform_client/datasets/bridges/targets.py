"""Annotations as detectors take them: corners inside the image, and why some cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..records import Annotation, Box, Rle

CLIPPED = "box clipped to the image"
NO_AREA = "box without area"
OUTSIDE = "box outside the image"
NO_MASK = "no segmentation"
OTHER_SIZE = "mask of another size than the image"
NO_KEYPOINTS = "no keypoints, or of another number"


class Target(NamedTuple):
    """An annotation, and its box as left, top, right, bottom."""

    annotation: Annotation
    corners: Box


def corners(box: Box) -> Box:
    """Return left, top, right, bottom of a box that is left, top, width, height.

    >>> corners((10, 20, 5, 5))
    (10, 20, 15, 25)
    """
    left, top, width, height = box
    return left, top, left + width, top + height


def clipped(box: Box, width: int, height: int) -> Box:
    """Return what is inside the image of a box given by its corners.

    >>> clipped((-5, 0, 20, 20), 10, 15)
    (0, 0, 10, 15)
    """
    left, top, right, bottom = box
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


class Needs(NamedTuple):
    """What a target must have beside a box: a mask, and this many keypoints."""

    masks: bool = False
    keypoints: int = 0


def targets(
    annotations: Iterable[Annotation], width: int, height: int, needs: Needs
) -> Iterator[tuple[Target, str | None]]:
    """Yield each annotation as a target, and why it cannot be one, None if it can."""
    for annotation in annotations:
        whole = corners(annotation.bbox)
        box = clipped(whole, width, height)
        why: str | None = None
        if not (whole[0] < whole[2] and whole[1] < whole[3]):
            why = NO_AREA
        elif not (box[0] < box[2] and box[1] < box[3]):
            why = OUTSIDE
        elif needs.masks:
            why = mask_problem(annotation, width, height)
        if why is None and needs.keypoints and not has_keypoints(annotation, needs.keypoints):
            why = NO_KEYPOINTS
        yield Target(annotation, box), why


def mask_problem(annotation: Annotation, width: int, height: int) -> str | None:
    """Tell why an annotation gives no mask of the image's size, None if it does."""
    shape = annotation.segmentation
    if not shape:
        return NO_MASK
    return OTHER_SIZE if isinstance(shape, Rle) and (shape.width, shape.height) != (width, height) else None


def has_keypoints(annotation: Annotation, number: int) -> bool:
    """Tell whether an annotation has so many keypoints, seen or not."""
    return len(annotation.keypoints) == 3 * number > 0
