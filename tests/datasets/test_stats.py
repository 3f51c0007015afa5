from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.stats import BatchStats, CategoryCounts, CategoryStats, Sizes, Spread, spread

from . import hostile
from .folders import two_batches, write
from .hostile import image, rle, thing


def test_all_figures(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    found = datasets.open(two_batches(tmp_path)).stats()
    assert (found.documents, found.items, found.images, found.images_on_disk) == (3, 3, 4, 1)
    assert (found.images_without_annotations, found.annotations, found.crowds) == (1, 4, 1)
    assert found.batches == (BatchStats("North", None, 2), BatchStats("South", None, 1))
    assert found.categories == (
        CategoryStats(1, "tree", "plant", 2, 1, Sizes(2, 0, 0)),
        CategoryStats(2, "car", "vehicle", 2, 2, Sizes(2, 0, 0)),
    )
    assert found.annotations_per_image == Spread(0, 1.0, 1.0, 2)
    assert found.segmentations == {"polygons": 4, "RLE": 0, "none": 0}
    for tally in (found.report.documents, found.report.images, found.report.annotations):
        assert tally.is_balanced
        assert tally.went_out


@pytest.mark.parametrize(
    ("area", "sizes"),
    [(0, (1, 0, 0)), (1023.9, (1, 0, 0)), (1024, (0, 1, 0)), (9216, (0, 1, 0)), (9216.1, (0, 0, 1))],
)
def test_sizes_are_cocos(area: float, sizes: tuple[int, int, int], tmp_path: Path) -> None:
    write(tmp_path / "a.json", thing(area=area))
    assert datasets.open(tmp_path).stats().sizes == Sizes(*sizes)


def test_shapes_and_keypoints_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.json", thing(1), thing(2, rle()), thing(3, ...), thing(4, keypoints=[1, 2, 2], num_keypoints=1))
    found = datasets.open(tmp_path).stats()
    assert found.segmentations == {"polygons": 2, "RLE": 1, "none": 1}
    assert found.with_keypoints == 1


def test_categories_without_annotations_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "a.json", images=[image()])
    dataset = datasets.open(tmp_path)
    assert dataset.stats().categories == (CategoryStats(1, "tree", "plant", 0, 0, Sizes()),)
    assert dataset.counts().categories == (CategoryCounts(1, "tree", "plant", 0, 0),)


def test_the_hostile_collection_is_balanced_and_counted_alike_with_and_without_a_filter(tmp_path: Path) -> None:
    hostile.build(tmp_path)
    dataset = datasets.open(tmp_path)
    found = dataset.stats()
    assert found.report.documents.is_balanced
    assert found.report.images.is_balanced
    assert found.report.annotations.is_balanced
    assert dataset.filter().counts() == dataset.counts()
    assert msgspec.json.decode(msgspec.json.encode(found))["annotations"] == found.annotations


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], Spread(0, 0.0, 0.0, 0)),
        ([3], Spread(3, 3.0, 3.0, 3)),
        ([1, 2], Spread(1, 1.5, 1.5, 2)),
        ([0, 0, 9], Spread(0, 0.0, 3.0, 9)),
        ([5, 1, 1, 7], Spread(1, 3.0, 3.5, 7)),
    ],
)
def test_spreads(numbers: list[int], expected: Spread) -> None:
    assert spread(Counter(numbers)) == expected
