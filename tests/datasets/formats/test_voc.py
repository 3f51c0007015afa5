"""Pascal VOC, read back by supervision."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.reasons import LeftOut
from cf_ai_platform_client.datasets.formats.voc import Corners, corners_of

from ...conftest import files_below
from ..hostile import build, category, document, image, thing
from .written import corners, flat_names, is_boxed, lay, read_voc

numpy = pytest.importorskip("numpy")
pytest.importorskip("PIL")


def documents(out: Path) -> dict[str, Any]:
    return {path.stem: ElementTree.parse(path).getroot() for path in (out / "Annotations").iterdir()}


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_supervision_reads_the_same_boxes_and_classes(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    report = dataset.convert("voc", tmp_path / "out")
    found = read_voc(tmp_path / "out")
    samples = flat_names(dataset)
    assert len(found) == sum(sample.path is not None for sample in samples.values())
    for path, _, detections in found:
        sample = samples[Path(path).name]
        kept = [each for each in sample.annotations if is_boxed(each, sample)]
        expected = numpy.array([corners(each, sample) for each in kept]).reshape(-1, 4)
        assert (detections.xyxy == expected).all()  # all boxes of both are of whole pixels
        names = [found.classes[number].rpartition("/")[2] for number in detections.class_id]
        assert names == [each.category.name or "unnamed" for each in kept]
    written = sum(len(root.findall("object")) for root in documents(tmp_path / "out").values())
    assert written == report.annotations.went_out
    assert report.images.went_out == len(documents(tmp_path / "out"))
    assert report.annotations.is_balanced
    assert report.images.is_balanced


def test_what_supervision_read_and_wrote_gives_the_same_files(sample_folder: Path, tmp_path: Path) -> None:
    datasets.open(sample_folder).convert("voc", tmp_path / "first")
    again = tmp_path / "again"
    read_voc(tmp_path / "first").as_coco(str(again / "images"), str(again / "annotations.json"))
    datasets.open(again).convert("voc", tmp_path / "second")
    first, second = (files_below(tmp_path / out / "Annotations") for out in ("first", "second"))
    assert first == second


BOXES = st.tuples(st.floats(-5, 63.99), st.floats(-5, 47.99), st.floats(0.01, 80), st.floats(0.01, 80))


@given(BOXES)
def test_boxes_are_whole_pixels_in_the_image_within_half_a_pixel(box: tuple[float, float, float, float]) -> None:
    found = corners_of(box, (64, 48), Counter())
    left, top, right, bottom = max(0, box[0]), max(0, box[1]), min(64, box[0] + box[2]), min(48, box[1] + box[3])
    if isinstance(found, LeftOut):
        assert right <= left or bottom <= top
        return
    assert 1 <= found.xmin <= found.xmax <= 64
    assert 1 <= found.ymin <= found.ymax <= 48
    read = found.xmin - 1, found.ymin - 1, found.xmax, found.ymax
    for mine, theirs, length in zip(read, (left, top, right, bottom), (right - left, bottom - top) * 2, strict=True):
        assert abs(mine - theirs) <= (0.5 if length >= 1 else 1) + 1e-9  # a pixel is the least


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 64, 48), (1, 1, 64, 48)),
        ((3.4, 2.6, 7, 8), (4, 4, 10, 11)),
        ((3.5, 2.5, 0.2, 0.2), (4, 3, 4, 3)),
        ((63.8, 47.8, 5, 5), (64, 48, 64, 48)),
        ((-9, -9, 9.2, 9.2), (1, 1, 1, 1)),
    ],
)
def test_edges_are_rounded_to_the_nearest_pixel(box: Any, expected: Any) -> None:
    assert corners_of(box, (64, 48), Counter()) == Corners(*expected)


def test_what_was_rounded_or_clipped_is_told(tmp_path: Path) -> None:
    things = [
        thing(1, ..., bbox=[3.4, 2, 7, 8]),
        thing(2, ..., bbox=[60, 40, 10, 10]),
        thing(3, ..., bbox=[99, 9, 1, 1]),
    ]
    report = lay(tmp_path / "in", document(*things)).convert("voc", tmp_path / "out")
    assert report.changed["box rounded to whole pixels"] == 1
    assert report.changed["box clipped to its image"] == 1
    assert report.annotations.left_out == {"box outside of its image": 1}


def test_crowds_are_difficult_or_skipped(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert("voc", tmp_path / "out")
    (root,) = documents(tmp_path / "out").values()
    assert [each.text for each in root.iter("difficult")] == ["0", "1"]
    assert report.changed["crowd written as difficult"] == 1
    report = dataset.convert("voc", tmp_path / "without", crowds="skip")
    assert report.annotations.left_out == {"crowd": 1}


def test_names_are_as_they_were_but_for_what_xml_cannot_hold(tmp_path: Path) -> None:
    names = ["<&>'\"", "Bäume 樹木 🌳", "a\x00b", "a\x0bb", "c\rd", "plain"]
    kinds = [category(number, name, "") for number, name in enumerate(names, 1)]
    things = [thing(number, category_id=number) for number in range(1, len(names) + 1)]
    report = lay(tmp_path / "in", document(*things, categories=kinds)).convert("voc", tmp_path / "out")
    (root,) = documents(tmp_path / "out").values()
    read = [each.findtext("name") for each in root.iter("object")]
    assert read == [*names[:2], "a\ufffdb 3", "a\ufffdb 4", "c\ufffdd", "plain"]
    assert len(report.warnings) == 4


def test_a_document_tells_the_size_and_the_lists_tell_the_parts(sample_folder: Path, tmp_path: Path) -> None:
    datasets.open(sample_folder).split(0.5, 0.25, 0.25).convert("voc", tmp_path / "out")
    found = documents(tmp_path / "out")
    lists = {
        path.stem: path.read_text(encoding="utf-8").split() for path in (tmp_path / "out/ImageSets/Main").iterdir()
    }
    assert set(lists) == {"train", "val", "test"}
    assert sorted(stem for stems in lists.values() for stem in stems) == sorted(found)
    sizes = {(root.findtext("size/width"), root.findtext("size/height")) for root in found.values()}
    assert sizes == {("400", "400"), ("128", "128")}
    assert {root.findtext("filename") for root in found.values()} == {
        path.name for path in (tmp_path / "out/JPEGImages").iterdir()
    }


def test_without_a_split_all_images_are_in_one_list(tmp_path: Path) -> None:
    build(tmp_path / "in", ["same stem, other extension"])
    datasets.open(tmp_path / "in").convert("voc", tmp_path / "out")
    stems = (tmp_path / "out/ImageSets/Main/trainval.txt").read_text(encoding="utf-8").splitlines()
    assert len(stems) == len(set(stems)) == len(documents(tmp_path / "out")) == 2


def test_an_image_of_unknown_size_keeps_its_boxes(tmp_path: Path) -> None:
    dataset = lay(tmp_path / "in", document(thing(), images=[image(width=None, height=None)]))
    report = dataset.convert("voc", tmp_path / "out")
    (root,) = documents(tmp_path / "out").values()
    assert root.findtext("size/width") == "0"
    assert [int(each.text) for each in root.iter("bndbox") for each in each] == [7, 9, 16, 18]
    assert any("1 image is of unknown size" in warning for warning in report.warnings)


@pytest.mark.parametrize(("mode", "depth"), [("L", "1"), ("RGB", "3"), ("RGBA", "4"), ("P", "3"), (None, "3")])
def test_depth_is_that_of_the_image(mode: str | None, depth: str, tmp_path: Path) -> None:
    dataset = lay(tmp_path / "in", document(thing(), images=[image(1, "plot.png")]))
    if mode is not None:
        pillow: Any = pytest.importorskip("PIL.Image")
        pillow.new(mode, (64, 48)).save(tmp_path / "in/plot.png")
    dataset.convert("voc", tmp_path / "out")
    (root,) = documents(tmp_path / "out").values()
    assert root.findtext("size/depth") == depth
