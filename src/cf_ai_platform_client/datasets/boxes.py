"""Boxes as left, top, width and height, in pixels."""

from __future__ import annotations

from .records import Box

TOLERANCE = 1.0
"""Pixels that a box may go beyond its image: rounding does that."""

ALIKE = 2.0
"""Pixels by which sides of boxes may differ that are of one object: polygons run through the middle of pixels."""


def has_extent(box: Box) -> bool:
    """Tell whether a box is wider and higher than nothing."""
    return box[2] > 0 and box[3] > 0


def is_inside(box: Box, width: float, height: float) -> bool:
    """Tell whether a box lies in an image, but for a pixel.

    >>> is_inside((0, 0, 11, 10), 10, 10), is_inside((5, 5, 9, 2), 10, 10)
    (True, False)
    """
    left, top, wide, high = box
    most = TOLERANCE
    return left >= -most and top >= -most and left + wide <= width + most and top + high <= height + most


def is_outside(box: Box, width: float, height: float) -> bool:
    """Tell whether no part of a box lies in an image."""
    left, top, wide, high = box
    return left >= width or top >= height or left + wide <= 0 or top + high <= 0


def are_alike(one: Box, other: Box) -> bool:
    """Tell whether two boxes are the same but for rounding.

    >>> are_alike((0, 0, 10, 10), (1, 0, 9, 11)), are_alike((0, 0, 10, 10), (0, 0, 20, 10))
    (True, False)
    """
    edges = zip(corners(one), corners(other), strict=True)
    return all(abs(mine - theirs) <= ALIKE for mine, theirs in edges)


def corners(box: Box) -> Box:
    """Return left, top, right and bottom."""
    left, top, wide, high = box
    return left, top, left + wide, top + high


def of_corners(box: Box) -> Box | None:
    """Return the box that four numbers mean if they are left, top, right and bottom; None where they cannot be.

    >>> of_corners((40, 30, 60, 45))
    (40, 30, 20, 15)
    """
    left, top, right, bottom = box
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None
