"""The supervision bridge inside supervision."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.bridges.supervision import NOT_ALL
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import ItemError

from .. import hostile
from ..folders import write
from ..hostile import HEIGHT, WIDTH, build, clean, document, thing, write_image
from ..sample import lay_sample

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # without OpenCV it warns on import
    sv = pytest.importorskip("supervision")
numpy = pytest.importorskip("numpy")


def rows(dataset: datasets.Dataset, **options: Any) -> list[tuple[str, Any, Any]]:
    return list(dataset.to_supervision(**options))


def test_the_sample_is_there_with_images_boxes_and_classes(tmp_path: Path) -> None:
    dataset = datasets.open(lay_sample(tmp_path))
    report = Report()
    found = dataset.to_supervision(report=report)
    assert isinstance(found, sv.DetectionDataset)
    assert len(found) == 36
    assert found.classes == [category.name for category in dataset.categories]
    for (path, image, detections), sample in zip(found, dataset.samples(), strict=True):
        assert path == sample.path
        assert image.shape == (sample.image.height, sample.image.width, 3)
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (each.bbox for each in sample.annotations)]
        assert numpy.allclose(detections.xyxy, numpy.array(boxes).reshape(-1, 4))
        names = [found.classes[number] for number in detections.class_id]
        assert names == [each.category.name for each in sample.annotations]
    assert report.annotations.went_out == report.annotations.came_in == 615
    assert report.images.is_balanced


def test_masks_have_the_pixels_of_the_drawing(tmp_path: Path) -> None:
    build(tmp_path, ["hole in RLE", "string counts and multi-part polygons", "list counts"])
    found = rows(datasets.open(tmp_path))
    areas = [int(mask.sum()) for _, _, detections in found for mask in detections.mask]
    assert sorted(areas) == [84, 84, 100, 200]
    assert all(detections.mask.shape[1:] == (HEIGHT, WIDTH) for _, _, detections in found)
    assert all(detections.mask is None for _, _, detections in rows(datasets.open(tmp_path), masks=False))


def test_masks_are_left_away_where_not_all_have_one_and_that_is_told(tmp_path: Path) -> None:
    build(tmp_path, ["crowds"])
    (tmp_path / "North" / "crowds.json").write_text(json.dumps(document(thing(), thing(2, ...))))
    write_image(tmp_path / "North" / "plot.jpg", WIDTH, HEIGHT)
    report = Report()
    ((_, _, detections),) = rows(datasets.open(tmp_path), report=report)
    assert len(detections) == report.annotations.went_out == 2
    assert detections.mask is None
    assert report.changed == {NOT_ALL: 1}


def test_every_clean_case_arrives_with_each_annotation(tmp_path: Path) -> None:
    cases = clean(tmp_path)
    dataset = datasets.open(tmp_path)
    found = rows(dataset, report=Report())
    assert len(found) == sum(case.images_out for case in cases)
    assert sum(len(detections) for _, _, detections in found) == sum(case.out for case in cases)
    classes = dataset.to_supervision(masks=False, report=Report()).classes
    assert {"Bäume", "樹木"} <= {classes[number] for _, _, detections in found for number in detections.class_id}
    assert len(classes) == len(set(classes)) == len(dataset.categories) > 300


def test_a_class_is_named_once_also_with_two_supercategories(tmp_path: Path) -> None:
    build(tmp_path, ["one name, two supercategories"])
    assert datasets.open(tmp_path).to_supervision().classes == ["plant/tree", "model/tree"]


def test_crowd_area_and_id_are_in_the_data(tmp_path: Path) -> None:
    build(tmp_path, ["crowds"])
    ((_, _, detections),) = rows(datasets.open(tmp_path))
    assert detections.data["iscrowd"].tolist() == [0, 1]
    assert detections.data["area"].tolist() == [100.0, 300.0]
    assert detections.data["annotation_id"].tolist() == ["1", "2"]


def test_supervision_writes_coco_of_it_with_all_annotations(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds", "keypoints", "non-ASCII names"])
    found = datasets.open(tmp_path / "in").to_supervision(masks=False)
    found.as_coco(annotations_path=str(tmp_path / "out.json"))
    again = datasets.open(tmp_path / "out.json")
    assert sum(1 for _ in again.annotations()) == 5


def test_a_missing_image_names_the_item(tmp_path: Path) -> None:
    build(tmp_path, ["crowds"])
    next(tmp_path.rglob("*.jpg")).unlink()
    with pytest.raises(ItemError, match="Work item crowds .* is not on the disk"):
        datasets.open(tmp_path).to_supervision()


def test_two_samples_of_one_image_are_refused(tmp_path: Path) -> None:
    build(tmp_path, ["crowds"])
    document = next(tmp_path.rglob("crowds.json"))
    document.with_name("crowds again.json").write_bytes(document.read_bytes())
    with pytest.raises(ValueError, match="is the image of two samples, the second in .*crowds.json"):
        datasets.open(tmp_path).to_supervision()


def test_images_that_it_turns_against_their_documents_are_a_warning(tmp_path: Path) -> None:
    build(tmp_path, ["EXIF, the raw size", "EXIF, the oriented size", "crowds"])
    dataset = datasets.open(tmp_path)
    sentence = r"supervision turns images .* of 1 mean them .* \(the first is in North/EXIF, the raw size.json\)"
    with pytest.warns(UserWarning, match=sentence) as caught:
        dataset.to_supervision()
    assert [each.filename for each in caught] == [__file__]
    report = Report()
    dataset.to_supervision(report=report)
    assert len([each for each in report.warnings if "EXIF" in each]) == 1


def test_masks_that_are_too_large_to_draw_name_the_item(tmp_path: Path) -> None:
    write(tmp_path / "item.json", thing(), images=[hostile.image(width=100_000, height=100_000)])
    dataset = datasets.open(tmp_path)
    write_image(tmp_path / "plot.jpg", WIDTH, HEIGHT)
    with pytest.raises(ItemError, match=r"^Work item item .*100,000 x 100,000, above the limit of 1,073,741,824"):
        dataset.to_supervision(report=Report())
    assert len(dataset.to_supervision(masks=False, report=Report())) == 1
