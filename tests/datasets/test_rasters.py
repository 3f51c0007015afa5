from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import rasters
from cf_ai_platform_client.datasets.polygons import contains
from cf_ai_platform_client.datasets.records import Annotation, Category, Rle

from .sample import lay_sample

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
SQUARE = (1.0, 1.0, 4.0, 1.0, 4.0, 4.0, 1.0, 4.0)


def thing(segmentation: Rle | None) -> Annotation:
    return Annotation(1, 1, 1, Category(1, "tree"), (1, 1, 3, 3), 9, segmentation=segmentation)


def test_masks_are_those_of_pycocotools(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    compared = 0
    for sample in datasets.open(lay_sample(tmp_path, images=False)).samples():
        tool = coco.COCO()
        tool.dataset = json.loads((tmp_path / sample.document).read_bytes())
        tool.createIndex()
        width, height = sample.image.width or 0, sample.image.height or 0
        for annotation in sample.annotations:
            found = rasters.mask(annotation, height, width)
            if found is None:
                assert annotation.segmentation is None
                continue
            assert (found == tool.annToMask(tool.anns[annotation.id])).all()
            compared += 1
    assert compared == 154


def test_parts_are_one_object_and_what_they_share_counts_once() -> None:
    pytest.importorskip("pycocotools")
    other = tuple(number + 1 for number in SQUARE)
    assert rasters.area(rasters.encoded([SQUARE], 8, 8)) == 9
    assert rasters.area(rasters.encoded([SQUARE, other], 8, 8)) == 14
    masks = [rasters.encoded([SQUARE], 8, 8), rasters.encoded([other], 8, 8)]
    assert rasters.area(rasters.united(masks)) == 14


def test_there_is_no_mask_without_segmentation_or_of_another_size() -> None:
    pytest.importorskip("pycocotools")
    assert rasters.mask(thing(None), 8, 8) is None
    drawn = rasters.encoded([SQUARE], 8, 8)
    assert rasters.encoded_mask(thing(drawn), 8, 8) == drawn
    assert rasters.mask(thing(Rle(4, 16, drawn.counts)), 8, 8) is None


def unclipped(polygons: list[list[float]], height: int, width: int) -> Any:
    masks = pytest.importorskip("pycocotools.mask")
    return masks.decode(masks.merge(masks.frPyObjects(polygons, height, width)))


def drawn(polygons: list[list[float]], height: int, width: int) -> Any:
    found = rasters.encoded(polygons, height, width)
    return pytest.importorskip("pycocotools.mask").decode(
        {"size": [found.height, found.width], "counts": found.counts.encode()}
    )


def polygons_to(reach: float) -> st.SearchStrategy[list[float]]:
    numbers = st.lists(st.floats(-reach, reach + 12), min_size=6, max_size=16)
    return numbers.map(lambda found: found[: len(found) // 2 * 2])


@given(st.lists(polygons_to(20), min_size=1, max_size=3))
def test_polygons_around_an_image_are_drawn_as_pycocotools_draws_them(polygons: list[list[float]]) -> None:
    pytest.importorskip("pycocotools")
    assert (drawn(polygons, 12, 20) == unclipped(polygons, 12, 20)).all()


@given(polygons_to(3000))
def test_of_polygons_that_lead_far_away_the_pixels_clear_of_edges_are_the_same(polygon: list[float]) -> None:
    pytest.importorskip("pycocotools")
    differing = numpy_nonzero(drawn([polygon], 12, 20) != unclipped([polygon], 12, 20))
    for row, column in differing:
        around = [(column + 0.5 + right, row + 0.5 + down) for right in (-0.7, 0, 0.7) for down in (-0.7, 0, 0.7)]
        assert len({contains(polygon, x, y) for x, y in around}) == 2, (row, column)


def numpy_nonzero(where: Any) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in zip(*where.nonzero(), strict=True)]


@pytest.mark.parametrize("far", [1e6, 1e8, 1e9, 1e10, 1e20, 1e300, 1e308])
def test_a_polygon_with_a_far_corner_is_drawn_as_far_as_it_is_in_the_image(far: float) -> None:
    pytest.importorskip("pycocotools")
    triangle = drawn([[0, 0, far, 0, far, far]], 80, 100)
    assert (triangle == unclipped([[0, 0, 200, 0, 200, 200]], 80, 100)).all()
    assert drawn([[-far, -far, far, -far, far, far, -far, far]], 80, 100).all()
    assert not drawn([[far, far, far + far / 2, far, far, far + far / 2]], 80, 100).any()
    both = drawn([[far, 0, far, 9, far / 2, 9], [10, 10, 20, 10, 20, 20, 10, 20]], 80, 100)
    assert both.sum() == 100
