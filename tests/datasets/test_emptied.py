"""Images that are left without any object, by filters or because all were left out, and what filters do to counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets

from .hostile import category, document, image, thing


def lay(folder: Path, *documents: Any) -> datasets.Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(each), encoding="utf-8")
    return datasets.open(folder)


def told(report: datasets.Report, words: str) -> list[str]:
    return [warning for warning in report.warnings if words in warning]


def read(dataset: datasets.Dataset) -> datasets.Report:
    report = datasets.Report()
    for _ in dataset.items(report):
        pass
    return report


TWO = [category(1, "tree"), category(2, "car")]


def test_images_whose_objects_filters_hide_are_told(tmp_path: Path) -> None:
    trees, cars = document(thing(1), categories=TWO), document(thing(1, category_id=2), categories=TWO)
    dataset = lay(tmp_path, trees, cars, document(categories=TWO))
    assert told(read(dataset), "Filters hide") == []
    (sentence,) = told(read(dataset.filter(categories=["tree"])), "Filters hide")
    assert sentence.startswith("Filters hide all objects of 1 image: ")
    assert "keep_empty=False" in sentence
    assert told(read(dataset.filter(categories=["tree"], keep_empty=False)), "Filters hide") == []


@pytest.mark.parametrize("format", ["yolo", "voc", "coco", "csv"])
def test_images_that_lost_all_objects_are_told_once_whoever_left_them_out(format: str, tmp_path: Path) -> None:
    lost_in_reading = document(thing(1, category_id=9), thing(2, category_id=9))
    lost_in_writing = document(thing(1, bbox=[500, 500, 9, 9]))
    dataset = lay(
        tmp_path / "in", lost_in_reading, lost_in_writing, document(thing(1), images=[image(), image(2, "b.jpg")])
    )
    report = dataset.convert(format, tmp_path / "out", images="none")
    (sentence,) = told(report, "All objects of")
    assert sentence.startswith(f"All objects of {'2 images' if format in {'yolo', 'voc'} else '1 image'} were left out")
    split = dataset.split(0.5, 0.5, 0).convert(format, tmp_path / "split", images="none")
    assert told(split, "All objects of") == [sentence]
    assert told(dataset.merge(tmp_path / "merged"), "All objects of 1 image ")


def test_with_filters_only_what_is_shown_counts_as_changed(tmp_path: Path) -> None:
    mixed = document(
        thing(1, [], area=None), thing(2, [], area=None, category_id=2), thing(3, [], category_id=2), categories=TWO
    )
    dataset = lay(tmp_path, mixed)
    assert read(dataset).changed == {"empty segmentation": 3, "missing area": 2}
    assert read(dataset.filter(categories=["tree"])).changed == {"empty segmentation": 1, "missing area": 1}
    assert read(dataset.filter(min_area=1e6)).changed == {}
