"""The Hugging Face bridge inside datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.report import Report

from ..hostile import HEIGHT, WIDTH, build, clean
from ..sample import lay_sample

hf = pytest.importorskip("datasets")
pytest.importorskip("PIL")


def class_names(found: Any) -> list[str]:
    objects = found.features["objects"]  # a Sequence of a dict before datasets 4, then a dict of Lists
    names: list[str] = (objects["category"].feature if isinstance(objects, dict) else objects.feature["category"]).names
    return names


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    hf.disable_progress_bars()
    yield
    hf.enable_progress_bars()


def test_the_sample_is_there_with_images_boxes_and_classes(tmp_path: Path) -> None:
    dataset = datasets.open(lay_sample(tmp_path))
    report = Report()
    found = dataset.to_huggingface(report=report)
    assert isinstance(found, hf.Dataset)
    assert len(found) == 36
    names = class_names(found)
    assert names == [category.name for category in dataset.categories]
    for number, (row, sample) in enumerate(zip(found, dataset.samples(), strict=True), 1):
        objects = row["objects"]
        assert row["image_id"] == number
        assert row["image"].size == (row["width"], row["height"]) == (sample.image.width, sample.image.height)
        assert [tuple(box) for box in objects["bbox"]] == [each.bbox for each in sample.annotations]
        assert objects["area"] == [each.area for each in sample.annotations]
        assert [names[at] for at in objects["category"]] == [each.category.name for each in sample.annotations]
    assert found[-1]["objects"]["id"][-1] == 615
    assert (report.images.went_out, report.annotations.went_out) == (36, 615)
    assert report.annotations.is_balanced


def test_every_clean_case_arrives_with_each_annotation(tmp_path: Path) -> None:
    cases = clean(tmp_path)
    found = datasets.open(tmp_path).to_huggingface(report=Report())
    assert len(found) == sum(case.images_out for case in cases)
    assert sum(len(row["objects"]["id"]) for row in found) == sum(case.out for case in cases)
    assert any(row["file_name"] == "Straße 樹木 é.jpg" for row in found)
    assert len(class_names(found)) > 300


def test_masks_have_their_area(tmp_path: Path) -> None:
    tool = pytest.importorskip("pycocotools.mask")
    build(tmp_path, ["hole in RLE", "crowds"])
    for row in datasets.open(tmp_path).to_huggingface():
        for text, area in zip(row["objects"]["segmentation"], row["objects"]["area"], strict=True):
            shape = json.loads(text)
            if isinstance(shape, list):
                shape = tool.merge(tool.frPyObjects(shape, HEIGHT, WIDTH))
            assert tool.area(shape) == area


def test_an_image_that_is_not_on_the_disk_is_none(tmp_path: Path) -> None:
    build(tmp_path, ["crowds"])
    next(tmp_path.rglob("*.jpg")).unlink()
    (row,) = datasets.open(tmp_path).to_huggingface()
    assert row["image"] is None
    assert row["objects"]["iscrowd"] == [False, True]


def test_what_changed_on_the_disk_is_seen_and_the_users_cache_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "users")
    build(tmp_path / "in", ["crowds"])
    assert len(datasets.open(tmp_path / "in").to_huggingface(cache_dir=tmp_path / "cache")) == 1
    build(tmp_path / "in", ["keypoints"])
    assert len(datasets.open(tmp_path / "in").to_huggingface(cache_dir=tmp_path / "cache")) == 2
    assert not (tmp_path / "users").exists()
    assert len([*(tmp_path / "cache").iterdir()]) == 2


def test_a_class_is_named_once_also_with_two_supercategories(tmp_path: Path) -> None:
    build(tmp_path, ["one name, two supercategories"])
    found = datasets.open(tmp_path).to_huggingface()
    assert class_names(found) == ["plant/tree", "model/tree"]


def test_images_that_it_turns_against_their_documents_are_a_warning(tmp_path: Path) -> None:
    build(tmp_path, ["EXIF, the raw size", "EXIF, the oriented size", "crowds"])
    dataset = datasets.open(tmp_path)
    sentence = (
        r"Hugging Face datasets turns images .* of 1 mean them .* \(the first is in North/EXIF, the raw size.json\)"
    )
    with pytest.warns(UserWarning, match=sentence) as caught:
        dataset.to_huggingface()
    assert [each.filename for each in caught] == [__file__]
    report = Report()
    dataset.to_huggingface(report=report)
    assert len([each for each in report.warnings if "EXIF" in each]) == 1
