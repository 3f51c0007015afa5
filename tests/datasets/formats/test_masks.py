"""Masks by class and by object, read back by Pillow: the very pixels that pycocotools draws."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.walking import stem_of
from cf_ai_platform_client.datasets.records import Annotation, Rle, Sample

from ..hostile import HEIGHT, WIDTH, build, category, document, drawing, image, rle, thing
from .written import flat_names, lay, pixels, size

numpy = pytest.importorskip("numpy")
pillow = pytest.importorskip("PIL.Image")
pytest.importorskip("pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

LARGE = [0.0, 0.0, 40.0, 0.0, 40.0, 40.0, 0.0, 40.0]


def read(path: Path) -> Any:
    with pillow.open(path) as picture:
        return numpy.array(picture)


def only(folder: Path) -> Any:
    (path,) = folder.rglob("*.png")
    return read(path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def has_mask(annotation: Annotation, sample: Sample) -> bool:
    shape = annotation.segmentation
    if shape is None:
        return False
    fits = not isinstance(shape, Rle) or (shape.width, shape.height) == size(sample)
    return fits and bool(pixels(annotation, sample).any())


def painted(sample: Sample, values: dict[int, int]) -> Any:
    """Paint the objects as it is said: the larger first, of equal ones the earlier; crowds before all others."""
    width, height = size(sample)
    kept = [(at, each) for at, each in enumerate(sample.annotations) if at in values]
    kept.sort(key=lambda pair: -int(pixels(pair[1], sample).sum()))
    canvas = numpy.zeros((height, width), int)
    for at, annotation in kept:
        canvas[pixels(annotation, sample) == 1] = values[at]
    return canvas


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_pixels_of_semantic_masks_are_the_classes_of_the_objects(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    report = dataset.convert("masks-semantic", tmp_path / "out", crowds="keep")
    names = flat_names(dataset)
    masks = {path.stem: path for path in (tmp_path / "out/SegmentationClass").iterdir()}
    assert set(masks) == {stem_of(name) for name in names}
    for name, sample in names.items():
        kept = {at: each.category.id for at, each in enumerate(sample.annotations) if has_mask(each, sample)}
        assert (read(masks[stem_of(name)]) == painted(sample, kept)).all()
    assert report.annotations.is_balanced
    assert report.images.is_balanced
    assert report.images.went_out == len(masks)
    deep = folder == "hostile_folder"
    with pillow.open(next(iter(masks.values()))) as picture:
        assert picture.mode == ("I;16" if deep else "P")
    classes = {row["id"]: row["name"] for row in rows(tmp_path / "out/classes.csv")}
    assert classes["0"] == "background"
    assert classes["65535" if deep else "255"] == "void"
    assert all(classes[str(each.id)] == each.name for each in dataset.categories)


@pytest.mark.parametrize(("folder", "objects"), [("sample_folder", 154), ("hostile_folder", 55)])
def test_pixels_of_instance_masks_are_the_objects_of_the_table(
    folder: str, objects: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    report = dataset.convert("masks-instance", tmp_path / "out")
    table = rows(tmp_path / "out/instances.csv")
    assert len(table) == report.annotations.went_out == objects
    assert report.annotations.is_balanced
    by_mask: dict[str, dict[int, dict[str, str]]] = {}
    for row in table:
        by_mask.setdefault(row["mask"], {})[int(row["instance"])] = row
    for name, sample in flat_names(dataset).items():
        mask = f"SegmentationObject/{stem_of(name)}.png"
        kept = [at for at, each in enumerate(sample.annotations) if has_mask(each, sample)]
        values = {at: number for number, at in enumerate(kept, 1)}
        found = read(tmp_path / "out" / mask)
        assert found.dtype == numpy.uint16
        assert (found == painted(sample, values)).all()
        of_mask = by_mask.pop(mask, {})
        assert set(of_mask) == set(found[found > 0].tolist())
        for number, row in of_mask.items():
            annotation = sample.annotations[kept[number - 1]]
            assert row["annotation_id"] == str(annotation.id)
            assert (row["category_id"], row["category"]) == (str(annotation.category.id), annotation.category.name)
            assert (row["work_item_id"], row["document"]) == (sample.work_item_id, sample.document)
            assert int(row["pixels"]) == pixels(annotation, sample).sum()
            assert int(row["visible_pixels"]) == (found == number).sum()
    assert not by_mask


def test_small_objects_lie_over_large_ones_and_covered_ones_are_told(tmp_path: Path) -> None:
    kinds = [category(), category(2, "nest")]
    things = [thing(1, category_id=2), thing(2, [LARGE], bbox=[0, 0, 40, 40])]
    for order in (things, things[::-1]):
        folder = tmp_path / str(order[0]["id"])
        report = lay(folder, document(*order, categories=kinds)).convert("masks-semantic", folder / "../out")
        found = only(tmp_path / "out")
        assert [int((found == value).sum()) for value in (1, 2)] == [1500, 100]
        assert report.changed["object covered in part by others"] == 1
        assert report.annotations.went_out == 2
        (tmp_path / "out").rename(tmp_path / f"out of {order[0]['id']}")


def test_an_object_of_which_nothing_can_be_seen_is_left_out(tmp_path: Path) -> None:
    kinds = [category(), category(2, "nest")]
    dataset = lay(tmp_path / "in", document(thing(1), thing(2, category_id=2), categories=kinds))
    report = dataset.convert("masks-semantic", tmp_path / "semantic")
    assert report.annotations.left_out == {"object covered whole by others": 1}
    assert set(only(tmp_path / "semantic").flat) == {0, 2}
    report = dataset.convert("masks-instance", tmp_path / "instance")
    assert report.annotations.left_out == {"object covered whole by others": 1}


def test_objects_of_one_class_do_not_cover_each_other(tmp_path: Path) -> None:
    report = lay(tmp_path / "in", document(thing(1), thing(2))).convert("masks-semantic", tmp_path / "out")
    assert (report.annotations.went_out, report.changed["object covered in part by others"]) == (2, 0)


@pytest.mark.parametrize(("crowds", "values"), [(None, {0, 1, 255}), ("keep", {0, 1}), ("skip", {0, 1})])
def test_crowds_are_void_or_a_class_or_skipped(crowds: Any, values: set[int], tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    report = datasets.open(tmp_path / "in").convert("masks-semantic", tmp_path / "out", crowds=crowds)
    found = only(tmp_path / "out")
    assert set(found.flat) == values
    assert (found[8:18, 6:16] == 1).all()  # the single tree, whatever lies under it
    assert report.annotations.left_out["crowd"] == (crowds == "skip")
    assert report.changed["crowd painted as void"] == (crowds is None)


def test_a_crowd_is_marked_in_the_table(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    datasets.open(tmp_path / "in").convert("masks-instance", tmp_path / "out")
    assert [row["iscrowd"] for row in rows(tmp_path / "out/instances.csv")] == ["0", "1"]


def test_a_hole_stays_a_hole(tmp_path: Path) -> None:
    build(tmp_path / "in", ["hole in RLE"])
    datasets.open(tmp_path / "in").convert("masks-instance", tmp_path / "out")
    found = only(tmp_path / "out")
    assert ["".join(".#"[value] for value in row) for row in found] == drawing(hole=True)


def test_boxes_are_no_masks_and_are_left_out(tmp_path: Path) -> None:
    report = lay(tmp_path / "in", document(thing(1, ...))).convert("masks-semantic", tmp_path / "out")
    assert report.annotations.left_out == {"no mask, only a box": 1}
    assert not only(tmp_path / "out").any()
    assert any("All objects of 1 image were left out" in warning for warning in report.warnings)


@pytest.mark.parametrize(("categories", "mode", "void"), [(254, "P", 255), (255, "I;16", 65535)])
def test_more_than_254_categories_take_16_bits(categories: int, mode: str, void: int, tmp_path: Path) -> None:
    kinds = [category(number, f"class {number}") for number in range(1, categories + 1)]
    things = [thing(1, category_id=categories), thing(2, rle(drawing(pieces=3)), iscrowd=1)]
    lay(tmp_path / "in", document(*things, categories=kinds)).convert("masks-semantic", tmp_path / "out")
    (path,) = (tmp_path / "out/SegmentationClass").iterdir()
    with pillow.open(path) as picture:
        assert (picture.mode, picture.size) == (mode, (WIDTH, HEIGHT))
    assert set(read(path).flat) == {0, categories, void}


def test_each_part_of_a_split_has_folders_of_its_own(sample_folder: Path, tmp_path: Path) -> None:
    datasets.open(sample_folder).split(0.5, 0.25, 0.25).convert("masks-semantic", tmp_path / "out")
    for split in ("train", "val", "test"):
        masks = {path.stem for path in (tmp_path / "out/SegmentationClass" / split).iterdir()}
        assert masks == {path.stem for path in (tmp_path / "out/JPEGImages" / split).iterdir()}


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("name", ["masks-semantic", "masks-instance"])
def test_an_image_that_is_too_large_to_draw_is_left_out_and_told(
    tmp_path: Path, name: str, width: int, height: int
) -> None:
    whole = {"size": [height, width], "counts": [0, height * width]}
    images = [image(1, "large.jpg", width=width, height=height), image(2)]
    content = document(thing(1, whole, image_id=1), thing(2, image_id=1), thing(3, image_id=2), images=images)
    report = lay(tmp_path / "in", content).convert(name, tmp_path / "out")
    reason = f"image of {width:,} x {height:,}, above the limit of 1,073,741,824 pixels"
    assert (report.images.left_out, report.annotations.left_out) == ({reason: 1}, {reason: 2})
    assert report.images.is_balanced
    assert report.annotations.went_out == 1
    assert only(tmp_path / "out").any()
