"""What is told of images that are not on the disk, or stay where they are, by every way of writing alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats import FORMATS
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import DiskError

from ..conftest import files_below
from .formats.written import supervision
from .hostile import build, document, image, thing, write_image
from .sample import lay_sample

Write = Callable[[datasets.Dataset, Path, Any], Report]


def merge(dataset: datasets.Dataset, out: Path, images: Any) -> Report:
    return dataset.merge(out, images=images)


def converter(name: str) -> Write:
    return lambda dataset, out, images: dataset.convert(name, out, images=images)


def of_images(report: Report) -> list[str]:
    """Return the notes but for those of what YOLO's training would meet."""
    return [each for each in report.warnings if "training" not in each]


WAYS = [pytest.param(merge, id="merge"), *(pytest.param(converter(name), id=name) for name in FORMATS)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two documents, of which one has its image."""
    pytest.importorskip("PIL")
    pytest.importorskip("numpy")
    pytest.importorskip("pyarrow")
    for name in ("a", "b"):
        path = tmp_path / "in" / "North" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(document(thing(keypoints=[9, 9, 2], num_keypoints=1), images=[image(1, f"photo {name}.jpg")])),
            encoding="utf-8",
        )
    write_image(tmp_path / "in" / "North" / "a.jpg", 64, 48)
    return tmp_path / "in"


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("images", ["copy", "none"])
def test_images_that_are_not_on_the_disk_are_told_once(write: Write, images: str, root: Path, tmp_path: Path) -> None:
    report = write(datasets.open(root), tmp_path / "out", images)
    (told,) = [warning for warning in report.warnings if "not on the disk" in warning]
    assert told.startswith("1 image is not on the disk, ")
    assert "--assets" in told
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == (images == "copy")


@pytest.mark.parametrize("write", WAYS)
def test_nothing_is_told_of_images_that_are_all_there(write: Write, root: Path, tmp_path: Path) -> None:
    (root / "North" / "b.json").unlink()
    report = write(datasets.open(root), tmp_path / "out", "copy")
    assert of_images(report) == []


@pytest.mark.parametrize("write", WAYS)
def test_images_that_stay_behind_are_told_once(write: Write, root: Path, tmp_path: Path) -> None:
    (root / "North" / "b.json").unlink()
    report = write(datasets.open(root), tmp_path / "out", "none")
    (told,) = of_images(report)
    assert told.endswith((f"lead on from {root}.", f"leads on from {root}.")) or told.startswith(
        "Images were not copied"
    )


def test_a_split_tells_of_images_once(root: Path, tmp_path: Path) -> None:
    report = datasets.open(root).split(0.5, 0.5, 0).convert("coco", tmp_path / "out", images="none")
    assert [warning[:31] for warning in report.warnings] == [
        "Images stay where they are: fil",
        "1 image is not on the disk, and",
    ]


def test_supervision_reads_coco_whose_images_stayed(tmp_path: Path) -> None:
    root = lay_sample(tmp_path / "in")
    report = datasets.open(root).split(0.6, 0.4, 0).convert("coco", tmp_path / "out", images="none")
    count = 0
    for name in ("train", "val"):
        document = tmp_path / f"out/annotations/instances_{name}.json"
        read = supervision().DetectionDataset.from_coco(str(root), str(document))
        count += sum(picture is not None for _, picture, _ in read)
    assert count == report.images.went_out == 36


def test_coco_names_images_that_stay_as_a_merge_does(root: Path, tmp_path: Path) -> None:
    dataset = datasets.open(root)
    dataset.convert("coco", tmp_path / "out", images="none")
    dataset.merge(tmp_path / "merged")
    found, merged = (
        json.loads((tmp_path / name / "annotations.json").read_bytes())["images"] for name in ("out", "merged")
    )
    assert found == merged
    assert [(each["file_name"], each.get("original_file_name")) for each in found] == [
        ("North/a.jpg", "photo a.jpg"),
        ("photo b.jpg", None),
    ]


@pytest.mark.parametrize("which", ["root", "hostile"])
def test_coco_without_images_is_a_fixed_point(which: str, root: Path, tmp_path: Path) -> None:
    if which == "hostile":
        build(root)
    datasets.open(root).convert("coco", tmp_path / "once", images="none")
    datasets.open(tmp_path / "once").convert("coco", tmp_path / "twice", images="none")
    once, twice = (files_below(tmp_path / name)["annotations.json"] for name in ("once", "twice"))
    assert once == twice


def test_names_that_lead_from_the_folder_of_images_are_said_to(tmp_path: Path, root: Path) -> None:
    (root / "North" / "b.json").unlink()
    datasets.open(root).merge(tmp_path / "first", images="copy")
    report = datasets.open(tmp_path / "first").merge(tmp_path / "second")
    assert report.warnings == [f"Images stay where they are: file names lead on from {tmp_path / 'first'}/images."]
    write_image(tmp_path / "first" / "other.jpg", 64, 48)
    (tmp_path / "first" / "other.json").write_text(json.dumps(document(images=[image(1, "other.jpg")])), "utf-8")
    report = datasets.open(tmp_path / "first").merge(tmp_path / "third")
    assert f"from {tmp_path / 'first'}, those of 1 images from {tmp_path / 'first'}/images." in report.warnings[0]


@pytest.mark.parametrize("write", WAYS[:2])
def test_images_of_unknown_size_are_told(write: Write, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    odd = document(thing(), images=[image(1, width=None), image(2, "b.jpg"), image(3, "c.jpg", height=None)])
    (tmp_path / "in/a.json").write_text(json.dumps(odd), encoding="utf-8")
    report = write(datasets.open(tmp_path / "in"), tmp_path / "out", "none")
    (told,) = [warning for warning in report.warnings if "unknown size" in warning]
    assert told.startswith("2 images are of unknown size, ")
    assert "cf-ai dataset validate" in told


def test_each_reason_for_another_file_name_is_counted_apart(root: Path, tmp_path: Path) -> None:
    names = ["photo b.jpg", "north\\c.jpg"]
    odd = document(images=[image(number, name) for number, name in enumerate(names, 1)])
    (root / "more.json").write_text(json.dumps(odd), encoding="utf-8")
    report = datasets.open(root).merge(tmp_path / "merged")
    assert report.changed == {
        "file name replaced by the image's path on the disk": 1,
        "file name changed, since another image has it too": 2,
        "file name made one that every system takes": 1,
    }


def test_an_empty_batch_is_written_nowhere(root: Path, tmp_path: Path) -> None:
    flat = document(thing(1), thing(2, note="x"), images=[image(1, "c.jpg")])
    (root / "flat.json").write_text(json.dumps(flat), encoding="utf-8")
    datasets.open(root / "flat.json").merge(tmp_path / "merged")
    found = json.loads((tmp_path / "merged/annotations.json").read_bytes())
    assert [each["work_item_id"] for name in ("images", "annotations") for each in found[name]] == ["flat"] * 3
    assert not any("batch" in each for name in ("images", "annotations") for each in found[name])


@pytest.mark.parametrize("name", ["coco", "voc", "csv"])
def test_a_document_that_cannot_be_read_is_counted_once_in_a_split(name: str, root: Path, tmp_path: Path) -> None:
    (root / "broken.json").write_text("{", encoding="utf-8")
    report = datasets.open(root).split(0.4, 0.3, 0.3).convert(name, tmp_path / "out")
    assert (report.documents.came_in, report.documents.went_out, report.documents.left_out) == (3, 2, {"not json": 1})


def test_a_document_that_goes_away_after_the_split_is_an_error(root: Path, tmp_path: Path) -> None:
    (root / "broken.json").write_text("{", encoding="utf-8")
    split = datasets.open(root).split(0.4, 0.3, 0.3)
    (root / "North" / "b.json").unlink()
    with pytest.raises(DiskError, match=r"North/b\.json was changed after the dataset was opened"):
        split.convert("coco", tmp_path / "out")
