from __future__ import annotations

import pytest

from cf_ai_platform_client.datasets import polygons


@pytest.mark.parametrize("polygon", [[2, 3, 12, 3, 12, 8, 2, 8], [2, 8, 12, 8, 12, 3, 2, 3]])
def test_area_does_not_depend_on_the_direction(polygon: list[float]) -> None:
    assert polygons.area(polygon) == 50


def test_area_of_big_polygons_is_that_of_pycocotools() -> None:
    mask = pytest.importorskip("pycocotools.mask")
    polygon = [20.0, 30.0, 220.0, 40.0, 180.0, 240.0, 90.0, 200.0, 30.0, 150.0]
    drawn = mask.area(mask.frPyObjects([polygon], 300, 300))[0]
    assert polygons.area(polygon) == pytest.approx(drawn, rel=0.01)


def test_within_needs_every_corner() -> None:
    outer = [0, 0, 10, 0, 10, 10, 0, 10]
    assert polygons.is_within([2, 2, 4, 2, 4, 4], outer)
    assert not polygons.is_within([2, 2, 14, 2, 4, 4], outer)
    assert not polygons.is_within(outer, [2, 2, 4, 2, 4, 4])
