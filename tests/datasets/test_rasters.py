from __future__ import annotations

import json
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import rasters
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
