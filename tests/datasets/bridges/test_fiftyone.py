"""The FiftyOne bridge inside FiftyOne, where it and its database are here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.extras import MissingExtra
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import ItemError

from ..hostile import build, clean
from ..sample import lay_sample

pytest.importorskip("PIL")


@pytest.fixture
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use a database of its own, for this test only."""
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    fo = pytest.importorskip("fiftyone")
    try:
        before = set(fo.list_datasets())
    except Exception as error:  # no mongod for this system
        pytest.skip(f"FiftyOne has no database here: {error}")
    yield
    for name in set(fo.list_datasets()) - before:
        fo.delete_dataset(name)


def objects(found: Any, field: str) -> list[Any]:
    return [each for sample in found for each in (sample[field].detections if sample[field] else [])]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_database")
def test_the_sample_is_imported_with_all_boxes(tmp_path: Path) -> None:
    dataset = datasets.open(lay_sample(tmp_path / "in"))
    report = Report()
    found = dataset.to_fiftyone(tmp_path / "out", report=report)
    assert len(found) == 36
    assert sorted(sample["coco_id"] for sample in found) == [*range(1, 37)]
    boxes = [
        (round(x * w, 3), round(y * h, 3), round(width * w, 3), round(height * h, 3))
        for sample in found.sort_by("coco_id")
        for w, h in [(sample.metadata.width, sample.metadata.height)]
        for x, y, width, height in (each.bounding_box for each in objects([sample], "detections"))
    ]
    assert boxes == [tuple(round(number, 3) for number in each.bbox) for each in dataset.annotations()]
    assert len(objects(found, "segmentations")) == sum(bool(each.segmentation) for each in dataset.annotations())
    assert report.annotations.went_out == 615


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_database")
def test_the_clean_cases_are_imported_with_all_objects_and_names(tmp_path: Path) -> None:
    cases = clean(tmp_path / "in")
    found = datasets.open(tmp_path / "in").to_fiftyone(tmp_path / "out")
    assert len(found) == sum(case.images_out for case in cases)
    detections = objects(found, "detections")
    assert len(detections) == sum(case.out for case in cases)
    assert {"Bäume", "樹木"} <= {each.label for each in detections}
    assert {each.work_item_id for each in detections} >= {"crowds", "keypoints"}
    holes = [each for each in objects(found, "segmentations") if each.work_item_id == "hole in RLE"]
    assert [int(each.mask.sum()) for each in holes] == [84]


def test_images_that_are_left_where_they_are_are_refused(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    with pytest.raises(ValueError, match="images is 'none', but FiftyOne reads images"):
        datasets.open(tmp_path / "in").to_fiftyone(tmp_path / "out", images="none")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(find_spec("fiftyone") is not None, reason="FiftyOne is here")
def test_without_fiftyone_nothing_is_written(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    with pytest.raises(MissingExtra, match=r"need fiftyone.*cf-ai-platform-client\[fiftyone\]"):
        datasets.open(tmp_path / "in").to_fiftyone(tmp_path / "out")
    assert not os.path.lexists(tmp_path / "out")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_database")
def test_a_missing_image_names_the_item_before_anything_is_written(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    next(tmp_path.rglob("*.jpg")).unlink()
    with pytest.raises(ItemError, match="Work item crowds .* is not on the disk"):
        datasets.open(tmp_path / "in").to_fiftyone(tmp_path / "out")
    assert not (tmp_path / "out").exists()
