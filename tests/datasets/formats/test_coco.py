from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets

from ...conftest import files_below
from ..hostile import category, document, image, rle, thing
from .written import lay


def loaded(path: Path) -> Any:
    coco = pytest.importorskip("pycocotools.coco")
    with redirect_stdout(io.StringIO()):
        return coco.COCO(str(path))


def written(out: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_below(out).items() if not name.startswith(".cf-ai/")}


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_pycocotools_reads_every_image_with_its_file(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset, out = datasets.open(request.getfixturevalue(folder)), tmp_path / "out"
    report = dataset.convert("coco", out)
    coco = loaded(out / "annotations.json")
    samples = list(dataset.samples())
    assert [each["source_id"] for each in coco.imgs.values()] == [sample.image.id for sample in samples]
    for read, sample in zip(coco.imgs.values(), samples, strict=True):
        copied = out / "images" / read["file_name"]
        assert copied.exists() == (sample.path is not None)
        assert sample.path is None or copied.read_bytes() == Path(sample.path).read_bytes()
    boxes = [annotation.bbox for sample in samples for annotation in sample.annotations]
    assert [tuple(each["bbox"]) for each in coco.anns.values()] == boxes
    assert report.annotations.went_out == len(boxes)
    assert report.annotations.is_balanced


def test_each_split_has_a_document_and_the_same_categories(sample_folder: Path, tmp_path: Path) -> None:
    dataset, out = datasets.open(sample_folder), tmp_path / "out"
    split = dataset.split(0.6, 0.2, 0.2)
    report = split.convert("coco", out)
    read = {name: loaded(out / f"annotations/instances_{name}.json") for name in ("train", "val", "test")}
    assert {name: len(coco.imgs) for name, coco in read.items()} == split.table[0].images
    assert {name: len(coco.anns) for name, coco in read.items()} == split.table[0].annotations
    named = [{each["id"]: each["name"] for each in coco.cats.values()} for coco in read.values()]
    assert named == [{each.id: each.name for each in dataset.categories}] * 3
    for name, coco in read.items():
        names = {each["file_name"] for each in coco.imgs.values()}
        assert names == {
            path.relative_to(out / "images" / name).as_posix() for path in (out / "images" / name).rglob("*.jpg")
        }
    assert (report.images.came_in, report.images.went_out) == (36, 36)
    assert [Path(file).name for file in report.files] == ["annotations", "images"]


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_what_was_converted_is_converted_to_the_same_bytes(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    datasets.open(request.getfixturevalue(folder)).convert("coco", tmp_path / "once")
    datasets.open(tmp_path / "once").convert("coco", tmp_path / "twice")
    assert written(tmp_path / "twice") == written(tmp_path / "once")


def test_a_split_that_was_written_is_read_with_its_images(sample_folder: Path, tmp_path: Path) -> None:
    datasets.open(sample_folder).split(0.6, 0.4, 0).convert("coco", tmp_path / "out")
    again = datasets.open(tmp_path / "out")
    assert sum(sample.path is not None for sample in again.samples()) == 36


def test_a_filtered_dataset_keeps_its_category_ids(tmp_path: Path) -> None:
    two = [category(1, "tree"), category(2, "car", "vehicle")]
    dataset = lay(tmp_path / "in", document(thing(1), thing(2, category_id=2), categories=two))
    dataset.filter(categories=["car"]).convert("coco", tmp_path / "out", images="none")
    found = json.loads((tmp_path / "out/annotations.json").read_bytes())
    assert [each["category_id"] for each in found["annotations"]] == [2]
    assert [each["name"] for each in found["categories"]] == ["tree", "car"]


def test_what_coco_does_not_name_is_kept(tmp_path: Path) -> None:
    person = category(1, "person", "being", keypoints=["nose"], skeleton=[[1, 1]], color="red")
    objects = [
        thing(1, rle(), iscrowd=1, attributes={"dbh_cm": 31.5, "樹": [None, 2**70]}),
        thing(2, keypoints=[9, 9, 2], num_keypoints=1),
    ]
    dataset = lay(tmp_path / "in", document(*objects, images=[image(captured_by="drone 樹")], categories=[person]))
    dataset.convert("coco", tmp_path / "out", images="none")
    content = (tmp_path / "out/annotations.json").read_bytes()
    found = json.loads(content)
    assert content.isascii()
    assert found["images"][0]["captured_by"] == "drone 樹"
    assert found["annotations"][0]["attributes"] == {"dbh_cm": 31.5, "樹": [None, 2**70]}
    assert (found["annotations"][0]["iscrowd"], found["annotations"][0]["segmentation"]) == (1, rle())
    assert (found["annotations"][1]["keypoints"], found["annotations"][1]["num_keypoints"]) == ([9, 9, 2], 1)
    assert {name: found["categories"][0][name] for name in person} == person
