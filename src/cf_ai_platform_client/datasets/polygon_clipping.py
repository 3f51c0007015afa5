"""Polygons cut off at the borders of an image."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]


def clip(polygon: Sequence[float], width: float, height: float, *, margin: float = 0) -> list[float]:
    """Return what of a polygon is in an image, an empty list where nothing is; pieces hang together along the border.

    A `margin` around the image is kept too.

    Method: Sutherland and Hodgman 1974, Reentrant polygon clipping, https://doi.org/10.1145/360767.360802.

    >>> clip([-5, 0, 5, 0, 5, 5, -5, 5], 10, 10)
    [0, 0.0, 5, 0, 5, 5, 0, 5.0]
    """
    points: list[Point] = list(zip(polygon[::2], polygon[1::2], strict=True))
    for axis, limit, sign in ((0, -margin, 1), (0, width + margin, -1), (1, -margin, 1), (1, height + margin, -1)):
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
    """Return where an edge meets a line: from its nearer end, and in halves, so that no number is too large."""
    near, far = sorted((one, other), key=lambda point: abs(point[axis] - limit))
    share = (limit / 2 - near[axis] / 2) / (far[axis] / 2 - near[axis] / 2)
    across = near[1 - axis] + 2 * share * (far[1 - axis] / 2 - near[1 - axis] / 2)
    return (limit, across) if axis == 0 else (across, limit)
