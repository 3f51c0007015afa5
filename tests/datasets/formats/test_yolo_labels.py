from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.datasets.formats.reasons import LeftOut
from cf_ai_platform_client.datasets.formats.yolo_labels import box_line, digits_for, keypoints_text, outline_line

SIDES = st.integers(1, 20_000)
NUMBERS = st.floats(0, 1)


@given(SIDES, SIDES, st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def test_a_box_that_is_read_back_is_near_and_is_written_the_same(
    width: int, height: int, share: tuple[float, float, float, float]
) -> None:
    left, top = share[0] * width, share[1] * height
    box = (left, top, share[2] * (width - left), share[3] * (height - top))
    line = box_line(3, box, (width, height), Counter())
    if isinstance(line, LeftOut):
        assert line.reason == "box without area"
        assert min(box[2:]) < 0.001
        return
    number, x, y, w, h = line.split()
    read = (float(x) - float(w) / 2) * width, (float(y) - float(h) / 2) * height, float(w) * width, float(h) * height
    assert number == "3"
    assert read == pytest.approx(box, abs=0.00101)
    assert min(read[:2]) >= -1e-9
    assert box_line(3, read, (width, height), Counter()) == line


@given(SIDES, SIDES, st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=9))
def test_an_outline_that_is_read_back_is_near_and_is_written_the_same(
    width: int, height: int, points: list[tuple[float, float]]
) -> None:
    outline = [number for x, y in points for number in (x * width, y * height)]
    line = outline_line(0, outline, (width, height))
    if isinstance(line, LeftOut):
        return
    shares = [float(word) for word in line.split()[1:]]
    assert all(0 <= share <= 1 for share in shares)
    read = [share * (height if at % 2 else width) for at, share in enumerate(shares)]
    assert outline_line(0, read, (width, height)) == line


@pytest.mark.parametrize(("size", "digits"), [((1, 1), 6), ((1000, 2), 6), ((2, 1001), 7), ((40_000, 100), 8)])
def test_there_are_digits_enough_for_half_a_thousandth_of_a_pixel(size: tuple[int, int], digits: int) -> None:
    assert digits_for(size) == digits
    assert max(size) * 10**-digits / 2 <= 0.0005


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((64, 0, 5, 5), "box outside of its image"),
        ((0, 48, 5, 5), "box outside of its image"),
        ((-5, 0, 5, 5), "box outside of its image"),
        ((5, 5, 1e-6, 5), "box without area"),
    ],
)
def test_boxes_with_nothing_in_the_image_are_left_out(box: tuple[float, float, float, float], reason: str) -> None:
    assert box_line(0, box, (64, 48), Counter()) == LeftOut(reason)


def test_only_what_is_clipped_by_more_than_rounding_is_told() -> None:
    changed: Counter[str] = Counter()
    box_line(0, (-0.0005, 0, 5, 5), (64, 48), changed)
    assert not changed
    box_line(0, (-0.5, 0, 5, 5), (64, 48), changed)
    assert changed == {"box clipped to its image": 1}


def test_an_outline_without_area_is_left_out() -> None:
    assert outline_line(0, [1, 1, 5, 1, 9, 1], (64, 48)) == LeftOut("outline without area")
    assert outline_line(0, [1, 1, 1.0000001, 1, 1, 1.0000001], (64, 48)) == LeftOut("outline without area")


@pytest.mark.parametrize(
    ("points", "expected", "told"),
    [
        ([32, 24, 2], "0.500000 0.500000 2 0.000000 0.000000 0", 0),
        ([32, 24, 1, 64, 48, 2], "0.500000 0.500000 1 1.000000 1.000000 2", 0),
        ([32, 24, 0, 5, 5, 7], "0.000000 0.000000 0 0.078125 0.104167 2", 0),
        ([65, 24, 2], "0.000000 0.000000 0 0.000000 0.000000 0", 1),
    ],
)
def test_keypoints_are_shares_and_a_visibility_of_0_1_or_2(points: list[float], expected: str, told: int) -> None:
    changed: Counter[str] = Counter()
    assert keypoints_text(points, 2, (64, 48), changed) == expected
    assert changed.total() == told
