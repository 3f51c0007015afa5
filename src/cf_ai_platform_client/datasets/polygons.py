"""Polygons as lists of coordinates, x, y, x, y, …: continuous, not pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .records import Box


def area(polygon: Sequence[float]) -> float:
    """Return what a polygon encloses, in square pixels, by the shoelace formula.

    >>> area([0, 0, 4, 0, 4, 3])
    6.0
    """
    xs, ys = polygon[::2], polygon[1::2]
    twice = sum(map(_cross, xs, ys, (*xs[1:], xs[0]), (*ys[1:], ys[0])))
    return abs(twice) / 2


def total_area(polygons: Iterable[Sequence[float]]) -> float:
    """Return the sum of the areas of an object's parts: what overlaps counts twice, as in COCO's own files."""
    return sum(map(area, polygons), 0.0)


def bbox(polygons: Iterable[Sequence[float]]) -> Box:
    """Return the box around an object's parts.

    >>> bbox([[1, 2, 5, 2, 5, 9]])
    (1, 2, 4, 7)
    """
    xs, ys = list[float](), list[float]()
    for polygon in polygons:
        xs += polygon[::2]
        ys += polygon[1::2]
    left, top = min(xs), min(ys)
    return left, top, max(xs) - left, max(ys) - top


def contains(outer: Sequence[float], x: float, y: float) -> bool:
    """Tell whether a point lies in a polygon, by the rule of even and odd.

    >>> contains([0, 0, 4, 0, 4, 4, 0, 4], 1, 1)
    True
    """
    inside = False
    before_x, before_y = outer[-2], outer[-1]
    for at in range(0, len(outer), 2):
        here_x, here_y = outer[at], outer[at + 1]
        if (here_y > y) != (before_y > y) and x < (before_x - here_x) * (y - here_y) / (before_y - here_y) + here_x:
            inside = not inside
        before_x, before_y = here_x, here_y
    return inside


def is_within(inner: Sequence[float], outer: Sequence[float]) -> bool:
    """Tell whether every corner of a polygon lies in another one.

    >>> is_within([1, 1, 2, 1, 2, 2], [0, 0, 4, 0, 4, 4, 0, 4])
    True
    """
    return all(contains(outer, inner[at], inner[at + 1]) for at in range(0, len(inner), 2))


def _cross(x: float, y: float, next_x: float, next_y: float) -> float:
    return x * next_y - next_x * y
