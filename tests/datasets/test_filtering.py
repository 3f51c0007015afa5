from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import Dataset
from cf_ai_platform_client.datasets.records import Category, Sample
from cf_ai_platform_client.datasets.report import Report

from .folders import two_batches, write
from .hostile import image, thing

Shown = dict[str, list[object]]


def named(sample: Sample) -> str:
    return f"{sample.work_item_id}/{sample.image.file_name}"


def shown(dataset: Dataset) -> Shown:
    return {named(sample): [each.id for each in sample.annotations] for sample in dataset.samples()}


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, {"a/a.jpg": [1, 2], "b/b.jpg": [], "c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"batches": ["North"]}, {"a/a.jpg": [1, 2], "b/b.jpg": []}),
        ({"batches": []}, {}),
        ({"item_ids": ["c"]}, {"c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"categories": ["tree"]}, {"a/a.jpg": [1, 2], "b/b.jpg": [], "c/c.jpg": [], "c/d.jpg": []}),
        ({"categories": ["vehicle/car"], "keep_empty": False}, {"c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"categories": [2, "tree"], "keep_empty": False}, {"a/a.jpg": [1, 2], "c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"min_area": 100}, {"a/a.jpg": [1], "b/b.jpg": [], "c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"min_area": 100.5, "keep_empty": False}, {}),
        ({"max_area": 25}, {"a/a.jpg": [2], "b/b.jpg": [], "c/c.jpg": [], "c/d.jpg": []}),
        ({"crowds": False}, {"a/a.jpg": [1, 2], "b/b.jpg": [], "c/c.jpg": [1], "c/d.jpg": []}),
        ({"keep_empty": False}, {"a/a.jpg": [1, 2], "c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"where": lambda sample: sample.image.file_name > "b"}, {"b/b.jpg": [], "c/c.jpg": [1], "c/d.jpg": [2]}),
        ({"categories": ["tree"], "where": lambda sample: bool(sample.annotations)}, {"a/a.jpg": [1, 2]}),
    ],
)
def test_a_filter_shows_a_part(filters: dict[str, Any], left: Shown, tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    view = dataset.filter(**filters)
    assert shown(view) == left
    assert len(view) == len({key.partition("/")[0] for key in left})
    assert [named(sample) for sample in view.index()] == [*left]
    assert view.counts().annotations == sum(map(len, left.values()))
    assert view.categories == dataset.categories
    assert len(dataset) == 3


def test_filters_of_a_view_add_up(tmp_path: Path) -> None:
    view = datasets.open(two_batches(tmp_path)).filter(batches=["South"]).filter(crowds=False, keep_empty=False)
    assert shown(view) == {"c/c.jpg": [1]}
    assert [batch.name for batch in view.batches()] == ["South"]


def test_what_a_filter_hides_does_not_come_in(tmp_path: Path) -> None:
    report = Report()
    list(datasets.open(two_batches(tmp_path)).filter(categories=["tree"], keep_empty=False).items(report))
    assert (report.documents.came_in, report.images.came_in, report.annotations.came_in) == (1, 1, 2)
    assert not report.annotations.left_out


def test_what_is_left_out_of_a_document_that_is_shown_is_told(tmp_path: Path) -> None:
    write(tmp_path / "North" / "a.json", thing(1), thing(2, category_id=9), images=[image()])
    write(tmp_path / "South" / "b.json", thing(1), thing(2, category_id=9), images=[image()])
    report = Report()
    list(datasets.open(tmp_path).filter(batches=["North"]).items(report))
    assert report.annotations.came_in == 2
    assert report.annotations.left_out == {"unknown category id": 1}


def test_files_that_were_left_aside_are_told_for_the_whole_dataset_only(tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    dataset.documents.left_out["a link out of the folder, or to nothing"] = 1
    whole, part = Report(), Report()
    list(dataset.items(whole))
    list(dataset.filter(batches=["North"]).items(part))
    assert (whole.documents.came_in, part.documents.came_in) == (4, 2)


def test_images_of_a_merged_document_are_filtered_by_their_own_batch(tmp_path: Path) -> None:
    images = [image(1, "a.jpg", batch="North"), image(2, "b.jpg", batch="South", work_item_id="7")]
    write(tmp_path / "merged.json", thing(), images=images)
    dataset = datasets.open(tmp_path)
    assert [*shown(dataset.filter(batches=["South"]))] == ["7/b.jpg"]
    assert [*shown(dataset.filter(item_ids=["7"]))] == ["7/b.jpg"]


def test_a_document_without_images_is_an_item_unless_images_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.json", images=[])
    dataset = datasets.open(tmp_path)
    assert len(dataset.filter()) == 1
    assert len(dataset.filter(keep_empty=False)) == 0


def where_never(_sample: Sample) -> bool:
    raise AssertionError


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"batches": ["East"]}, "batches holds 'East', which is not in the dataset: there are 'North', 'South'."),
        ({"batches": [101]}, "batches holds '101', which is not in the dataset: there are 'North', 'South'."),
        ({"batches": "North"}, "batches is 'North': it must be a list."),
        ({"categories": ["oak"]}, "categories holds 'oak', which is not in the dataset: there are 'tree', 'car'."),
        ({"categories": [0]}, "categories holds 0, which is not in the dataset: there are 'tree', 'car'."),
        ({"categories": [1.0]}, "categories holds 1.0, which is not in the dataset: there are 'tree', 'car'."),
        ({"categories": 1}, "categories is 1: it must be a list."),
        ({"item_ids": ["a", "z", "C"]}, "item_ids holds 'C', 'z', which are not in the dataset."),
        ({"item_ids": "a"}, "item_ids is 'a': it must be a list."),
        ({"min_area": -1}, "min_area is -1: it must be a number of square pixels, 0 or more."),
        ({"max_area": float("nan")}, "max_area is nan: it must be a number of square pixels, 0 or more."),
        ({"min_area": "9"}, "min_area is '9': it must be a number of square pixels, 0 or more."),
        ({"min_area": 9, "max_area": 8}, "min_area is 9, which is more than max_area, 8: swap the two."),
        ({"where": "x > 1"}, "where is 'x > 1': it must be a function that takes a sample."),
    ],
)
def test_what_cannot_be_meant_is_a_value_error(filters: dict[str, Any], said: str, tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    with pytest.raises(ValueError) as caught:
        dataset.filter(**{"where": where_never, **filters})
    assert str(caught.value) == said


def test_of_many_names_some_are_told(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / f"batch {number:02}" / "a.json")
    with pytest.raises(ValueError, match=r"there are 'batch 00', .*'batch 09' and others\.$"):
        datasets.open(tmp_path).filter(batches=["x"])


@pytest.mark.parametrize("of", [lambda found: found, lambda found: found.id, lambda found: found.name])
def test_a_category_is_named_by_itself_its_id_or_its_name(of: Callable[[Category], Any], tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    view = dataset.filter(categories=[of(dataset.categories[1])], keep_empty=False)
    assert [*shown(view)] == ["c/c.jpg", "c/d.jpg"]
