from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cf_ai_platform_client.datasets.polygon_clipping import clip
from cf_ai_platform_client.datasets.polygons import area, contains

NUMBERS = st.integers(-40, 60).map(lambda number: number / 2)
POLYGONS = st.lists(NUMBERS, min_size=6, max_size=14).map(lambda found: found[: len(found) // 2 * 2])


@given(POLYGONS, st.integers(0, 19), st.integers(0, 11))
def test_points_of_the_image_are_in_it_as_before_and_no_corner_is_outside(
    polygon: list[float], column: int, row: int
) -> None:
    clipped = clip(polygon, 20, 12)
    assert all(-1e-9 <= x <= 20 + 1e-9 for x in clipped[::2])
    assert all(-1e-9 <= y <= 12 + 1e-9 for y in clipped[1::2])
    x, y = column + 0.53, row + 0.47
    assume(_is_clear_of_edges(polygon, x, y))
    assert contains(polygon, x, y) == (bool(clipped) and contains(clipped, x, y))


def _is_clear_of_edges(polygon: list[float], x: float, y: float) -> bool:
    return len({contains(polygon, x + right, y + down) for right in (-1e-6, 1e-6) for down in (-1e-6, 1e-6)}) == 1


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        ([1, 1, 5, 1, 5, 5, 1, 5], 16),
        ([-5, -5, 30, -5, 30, 30, -5, 30], 240),
        ([-5, 2, 5, 2, 5, 6, -5, 6], 20),
        ([25, 2, 35, 2, 35, 6], 0),
        ([-4, -4, -1, -4, -1, -1], 0),
    ],
)
def test_what_is_in_the_image_stays(polygon: list[float], expected: float) -> None:
    clipped = clip(polygon, 20, 12)
    assert (area(clipped) if clipped else 0) == expected


def test_a_polygon_in_the_image_stays_as_it_is() -> None:
    assert clip([0, 0, 20, 0, 20, 12, 0, 12], 20, 12) == [0, 0, 20, 0, 20, 12, 0, 12]
