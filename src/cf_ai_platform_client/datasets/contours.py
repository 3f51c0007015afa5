"""From run lengths to outlines that enclose the very same pixels, and from many outlines to one.

Outlines follow the cracks between pixels: their corners are whole numbers, a pixel at column 3 and row 5 is the square
from (3, 5) to (4, 6). Pixels that touch at a corner only are apart. Each part of a column is a strip, with an edge
above it that is walked to the right and one below it that is walked to the left, the object being at the right hand;
what is left to find is which edge follows which on each line between two columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

_REACH = 500
"""Corners before and after the last bridge among which the next one begins: time grows with their number only."""

Ring = list[int]
"""A closed outline: x, y, x, y, … without the first point at the end."""


class Region(NamedTuple):
    """Pixels that hang together by their sides: the ring around them, clockwise as seen, and those of their holes."""

    outer: Ring
    holes: list[Ring]


class Outlines(NamedTuple):
    """An object's parts, one ring each. `holes` of them were joined to the ring around them by a seam of no width."""

    parts: list[Ring]
    holes: int


def regions(runs: Sequence[int], height: int) -> list[Region]:
    """Trace the regions of a mask, from left to right.

    >>> regions([0, 2, 1, 1], height=2)
    [Region(outer=[0, 0, 1, 0, 1, 1, 2, 1, 2, 2, 0, 2], holes=[])]
    """
    graph = _Graph(list(strips(runs, height)))
    found = {ring: Region(graph.trace(edge), []) for ring, edge in enumerate(graph.firsts) if graph.areas[ring] > 0}
    for ring, edge in enumerate(graph.firsts):
        if graph.areas[ring] < 0:
            found[graph.owner(ring)].holes.append(graph.trace(edge))
    return list(found.values())


def outlines(runs: Sequence[int], height: int) -> Outlines:
    """Trace the regions of a mask as one ring each: a seam leads from a hole up to the ring above it, and back.

    Drawn by the rule of even and odd, as pycocotools and OpenCV do, a seam encloses nothing.

    >>> outlines([0, 4, 1, 2, 1, 4], height=4)
    Outlines(parts=[[0, 0, 1, 0, 1, 1, 2, 1, 2, 0, 3, 0, 3, 4, 2, 4, 2, 3, 1, 3, 1, 4, 0, 4]], holes=0)
    >>> outlines([0, 4, 1, 1, 1, 4], height=3).holes
    0
    """
    graph = _Graph(list(strips(runs, height)))
    holes = [ring for ring, area in enumerate(graph.areas) if area < 0]
    for ring in holes:
        graph.sew(ring)
    parts = [graph.trace(edge) for edge, area in zip(graph.firsts, graph.areas, strict=True) if area > 0]
    return Outlines(parts, len(holes))


def join(polygons: Sequence[Sequence[float]]) -> list[float]:
    """Make one outline of parts that do not overlap, by bridges of no width between corners that are near each other.

    >>> join([[0, 0, 1, 0, 1, 1], [3, 1, 4, 1, 4, 2]])
    [0, 0, 1, 0, 1, 1, 3, 1, 4, 1, 4, 2, 3, 1, 1, 1]
    """
    joined, last = _points(polygons[0]), 0
    for polygon in polygons[1:]:
        part = _points(polygon)
        begin = max(0, last - _REACH)
        near, start = _bridge(joined[begin : last + _REACH], part)
        last = begin + near
        there = [*part[start:], *part[: start + 1], joined[last]]
        joined[last + 1 : last + 1] = there[1:-1] if there[0] == joined[last] else there
    return [number for point in joined for number in point]


def strips(runs: Sequence[int], height: int) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of columns that an object covers: column, first row, and the row after the last.

    >>> list(strips([1, 3, 2], height=3))
    [(0, 1, 3), (1, 0, 1)]
    """
    begin = end = 0
    for start, stop in _spans(runs):
        if start > end:
            yield from _cut(begin, end, height)
            begin = start
        end = stop
    yield from _cut(begin, end, height)


def _spans(runs: Sequence[int]) -> Iterator[tuple[int, int]]:
    at = 0
    for skipped, length in zip(runs[::2], runs[1::2], strict=False):
        at += skipped
        if length:
            yield at, at + length
        at += length


def _cut(begin: int, end: int, height: int) -> Iterator[tuple[int, int, int]]:
    while begin < end:
        column, row = divmod(begin, height)
        length = min(height - row, end - begin)
        yield column, row, row + length
        begin += length


class _Graph:
    """The edges of a mask's strips, and which follows which. Edge 2 i lies above strip i, edge 2 i + 1 below it.

    `firsts` has an edge of each ring, `areas` what it encloses, below zero for a hole.
    """

    def __init__(self, strips: list[tuple[int, int, int]]) -> None:
        self._xs = [column for column, _, _ in strips]
        self._ys = [row for _, top, bottom in strips for row in (top, bottom)]
        self._next = _links(strips)
        self._previous: list[int] = []
        self._rings = [-1] * len(self._ys)
        self.firsts: list[int] = []
        self.areas: list[int] = []
        self._highest: list[int] = []
        for edge, ring in enumerate(self._rings):
            if ring < 0:
                self._walk(edge)

    def _walk(self, first: int) -> None:
        ring, area, highest, edge = len(self.firsts), 0, -1, first
        ys, rings, following = self._ys, self._rings, self._next
        while rings[edge] < 0:
            rings[edge] = ring
            if not edge & 1:
                area -= ys[edge]
            else:
                area += ys[edge]
                if highest < 0 or ys[edge] < ys[highest]:
                    highest = edge
            edge = following[edge]
        self.firsts.append(first)
        self.areas.append(area)
        self._highest.append(highest)

    def owner(self, hole: int) -> int:
        """Return the outer ring of a hole: the first one met on the way up through the object and its other holes."""
        while self.areas[hole] < 0:
            hole = self._rings[self._highest[hole] - 1]
        return hole

    def sew(self, hole: int) -> None:
        """Join a hole to the ring above it: down at the left of the strip between them, around, and up again."""
        if not self._previous:
            self._previous = sorted(range(len(self._next)), key=self._next.__getitem__)
        below = self._highest[hole]
        above = below - 1
        before, after = self._previous[above], self._next[below]
        self._next[before], self._next[below] = after, above
        self._previous[after], self._previous[above] = before, below

    def trace(self, first: int) -> Ring:
        """Return the corners of the ring that an edge is in."""
        corners: Ring = []
        xs, ys, following = self._xs, self._ys, self._next
        edge = first
        while True:
            after = following[edge]
            x = xs[edge >> 1] + 1 - (edge & 1)
            y, next_y = ys[edge], ys[after]
            if y != next_y:
                corners += (x, y, x, next_y)
            elif (edge ^ after) & 1:
                corners += (x, y)
            edge = after
            if edge == first:
                return corners[-2:] + corners[:-2]


def _links(strips: list[tuple[int, int, int]]) -> list[int]:
    """Return the edge that follows each edge.

    On a line between two columns, what begins or ends at it is sorted by row, ends before beginnings, and taken in
    pairs: between the two of a pair one side is covered and the other is not, so there the outline runs along the line.
    """
    first, last = (strips[0][0], strips[-1][0] + 2) if strips else (0, 0)
    lines: list[list[int]] = [[] for _ in range(first, last)]
    shift = (4 * len(strips)).bit_length()
    for at, (column, top, bottom) in enumerate(strips):
        # Sorts by row, then ends before beginnings; the last bit says that the edge arrives at the line.
        above, below = 2 * top + 1 << shift | 4 * at, 2 * bottom << shift | 4 * at + 2
        lines[column - first] += (above, below | 1)
        lines[column - first + 1] += (above | 1, below)
    following = [0] * (2 * len(strips))
    mask = (1 << shift) - 1
    for line in lines:
        line.sort()
        pairs = iter(line)
        for one, other in zip(pairs, pairs, strict=True):
            if not one & 1:
                one, other = other, one
            following[(one & mask) >> 1] = (other & mask) >> 1
    return following


def _points(polygon: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(polygon[::2], polygon[1::2], strict=True))


def _bridge(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> tuple[int, int]:
    """Return corners of both that are near each other: the nearest to each other's nearest, from two starts."""
    best, found = inf, (0, 0)
    for start in {0, len(other) // 2}:
        here = start
        there = _nearest(one, other[here])
        here = _nearest(other, one[there])
        there = _nearest(one, other[here])
        distance = _distance(one[there], other[here])
        if distance < best:
            best, found = distance, (there, here)
    return found


def _nearest(points: list[tuple[float, float]], to: tuple[float, float]) -> int:
    x, y = to
    distances = [(px - x) ** 2 + (py - y) ** 2 for px, py in points]
    return distances.index(min(distances))


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
