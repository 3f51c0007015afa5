"""Polygons cut off at the borders of an image."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]


def clip(polygon: Sequence[float], width: float, height: float) -> list[float]:
    """Return what of a polygon is in an image, an empty list where nothing is; pieces hang together along the border.

    Method: Sutherland and Hodgman 1974, Reentrant polygon clipping, https://doi.org/10.1145/360767.360802.

    >>> clip([-5, 0, 5, 0, 5, 5, -5, 5], 10, 10)
    [0, 0.0, 5, 0, 5, 5, 0, 5.0]
    """
    points: list[Point] = list(zip(polygon[::2], polygon[1::2], strict=True))
    for axis, limit, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        points = _clip_half(points, axis, limit, sign)
    return [number for point in points for number in point]


def _clip_half(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    """Keep what is on the greater side of a line, or on the smaller one for a sign of -1."""
    kept: list[Point] = []
    for before, here in zip([*points[-1:], *points[:-1]], points, strict=True):
        was_in, is_in = sign * (before[axis] - limit) >= 0, sign * (here[axis] - limit) >= 0
        if was_in != is_in:
            kept.append(_crossing(before, here, axis, limit))
        if is_in:
            kept.append(here)
    return kept


def _crossing(one: Point, other: Point, axis: int, limit: float) -> Point:
    share = (limit - one[axis]) / (other[axis] - one[axis])
    across = one[1 - axis] + share * (other[1 - axis] - one[1 - axis])
    return (limit, across) if axis == 0 else (across, limit)
