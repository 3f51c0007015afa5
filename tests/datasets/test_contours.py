from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cf_ai_platform_client.datasets import rle
from cf_ai_platform_client.datasets.contours import join, outlines, regions, strips
from cf_ai_platform_client.datasets.polygons import area

numpy = pytest.importorskip("numpy")
masks = pytest.importorskip("pycocotools.mask")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

Drawing = list[str]

SINGLE_PIXEL = ["...", ".#.", "..."]
FULL = ["##", "##", "##"]
DIAGONAL = ["#.", ".#"]
OTHER_DIAGONAL = [".#", "#."]
HOLE = ["####", "#..#", "####"]
HOLES_THAT_TOUCH = ["####", "#.##", "##.#", "####"]
TWO_HOLES_IN_A_COLUMN = ["###", "#.#", "###", "#.#", "###"]
ISLAND = ["#####", "#...#", "#.#.#", "#...#", "#####"]
RING_OF_CORNERS = [".#.", "#.#", ".#."]
STAIRS = ["##..", ".##.", "..##"]
COMB = ["#.#.#", "#####", "#.#.#"]
CASES = (
    SINGLE_PIXEL,
    FULL,
    DIAGONAL,
    OTHER_DIAGONAL,
    HOLE,
    HOLES_THAT_TOUCH,
    TWO_HOLES_IN_A_COLUMN,
    ISLAND,
    RING_OF_CORNERS,
    STAIRS,
    COMB,
)


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """Random pixels, or rectangles that are drawn and rubbed out again."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    if draw(st.booleans()):
        return draw(st.lists(st.text(".#", min_size=width, max_size=width), min_size=height, max_size=height))
    grid = numpy.zeros((height, width), numpy.uint8)
    for value in draw(st.lists(st.integers(0, 1), min_size=1, max_size=6)):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        grid[top : top + draw(st.integers(1, 8)), left : left + draw(st.integers(1, 8))] = value
    return ["".join(".#"[pixel] for pixel in row) for row in grid]


def grid_of(drawing: Drawing) -> Any:
    return numpy.array([[pixel == "#" for pixel in row] for row in drawing], numpy.uint8)


def runs_of(drawing: Drawing) -> list[int]:
    return rle.decode(masks.encode(numpy.asfortranarray(grid_of(drawing)))["counts"].decode())


def draw_even_odd(ring: Sequence[float], shape: tuple[int, int]) -> Any:
    return masks.decode(masks.frPyObjects([[float(number) for number in ring]], *shape))[:, :, 0]


def draw_all(rings: Sequence[Sequence[float]], shape: tuple[int, int]) -> Any:
    """Draw rings that are apart: no pixel is in two of them."""
    found = sum((draw_even_odd(ring, shape) for ring in rings), numpy.zeros(shape, numpy.uint8))
    assert found.max(initial=0) <= 1
    return found


def pieces(grid: Any, value: int, *, corners: bool) -> list[set[tuple[int, int]]]:
    """Return the connected parts of those pixels that have a value."""
    left = {(int(y), int(x)) for y, x in zip(*numpy.nonzero(grid == value), strict=True)}
    steps = [step for step in product((-1, 0, 1), repeat=2) if any(step) and (corners or 0 in step)]
    found: list[set[tuple[int, int]]] = []
    while left:
        todo = [left.pop()]
        piece = set(todo)
        while todo:
            y, x = todo.pop()
            for near in ((y + down, x + right) for down, right in steps):
                if near in left:
                    left.remove(near)
                    piece.add(near)
                    todo.append(near)
        found.append(piece)
    return found


@given(drawings())
@example(SINGLE_PIXEL)
@example(HOLES_THAT_TOUCH)
@example(ISLAND)
def test_regions_are_the_pieces_of_a_mask_and_their_rings_enclose_its_pixels(drawing: Drawing) -> None:
    grid = grid_of(drawing)
    found = regions(runs_of(drawing), len(drawing))
    assert len(found) == len(pieces(grid, 1, corners=False))
    around = pieces(numpy.pad(grid, 1), 0, corners=True)
    assert sum(len(region.holes) for region in found) == len(around) - 1
    total = numpy.zeros(grid.shape, numpy.uint8)
    for region in found:
        total += draw_even_odd(region.outer, grid.shape) - draw_all(region.holes, grid.shape)
    assert (total == grid).all()


@given(drawings())
@example(TWO_HOLES_IN_A_COLUMN)
def test_outlines_with_seams_enclose_the_pixels_of_a_mask(drawing: Drawing) -> None:
    grid = grid_of(drawing)
    parts, holes = outlines(runs_of(drawing), len(drawing))
    assert len(parts) == len(pieces(grid, 1, corners=False))
    assert holes == sum(len(region.holes) for region in regions(runs_of(drawing), len(drawing)))
    assert (draw_all(parts, grid.shape) == grid).all()


@given(drawings())
@example(RING_OF_CORNERS)
@example(ISLAND)
def test_parts_that_are_joined_enclose_the_pixels_of_a_mask(drawing: Drawing) -> None:
    grid = grid_of(drawing)
    parts, _ = outlines(runs_of(drawing), len(drawing))
    if parts:
        assert (draw_even_odd(join(parts), grid.shape) == grid).all()


@pytest.mark.parametrize("drawing", CASES)
def test_corners_are_whole_numbers_and_none_is_superfluous(drawing: Drawing) -> None:
    for region in regions(runs_of(drawing), len(drawing)):
        for ring in (region.outer, *region.holes):
            points = list(zip(ring[::2], ring[1::2], strict=True))
            assert len(points) >= 4
            for before, here, after in zip([points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True):
                assert all(type(number) is int for number in here)
                assert (before[0] == here[0]) != (here[0] == after[0])


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (SINGLE_PIXEL, [1]),
        (FULL, [6]),
        (DIAGONAL, [1, 1]),
        (OTHER_DIAGONAL, [1, 1]),
        (HOLE, [10]),
        (STAIRS, [6]),
        (RING_OF_CORNERS, [1, 1, 1, 1]),
    ],
)
def test_pixels_that_touch_at_a_corner_only_are_apart(drawing: Drawing, expected: list[int]) -> None:
    parts, _ = outlines(runs_of(drawing), len(drawing))
    assert [int(draw_even_odd(part, grid_of(drawing).shape).sum()) for part in parts] == expected


def test_a_mask_without_pixels_has_no_outlines() -> None:
    assert outlines([12], 3) == ([], 0)
    assert regions([12], 3) == []


def test_runs_of_no_length_part_nothing() -> None:
    assert list(strips([0, 2, 0, 1, 3], 3)) == [(0, 0, 3)]
    assert len(outlines([0, 2, 0, 1, 3], 3).parts) == 1


def test_one_run_may_cover_many_columns() -> None:
    assert outlines([1, 10, 1], 4).parts == [[0, 1, 1, 1, 1, 0, 3, 0, 3, 3, 2, 3, 2, 4, 0, 4]]


def test_parts_at_a_distance_are_joined_by_a_way_there_and_back() -> None:
    parts = [[0.5, 0.5, 4.5, 0.5, 4.5, 3.5], [10.0, 1.0, 12.0, 1.0, 12.0, 4.0], [6.0, 8.0, 9.0, 8.0, 9.0, 12.0]]
    joined = join(parts)
    assert area(joined) == pytest.approx(sum(map(area, parts)))
    points = list(zip(joined[::2], joined[1::2], strict=True))
    assert {(part[at], part[at + 1]) for part in parts for at in (0, 2, 4)} == set(points)
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    bridges = [edge for edge in edges if (edge[1], edge[0]) in edges]
    assert len(bridges) == 4


def test_one_part_stays_as_it_is() -> None:
    assert join([[1, 2, 3, 4, 5, 7]]) == [1, 2, 3, 4, 5, 7]
