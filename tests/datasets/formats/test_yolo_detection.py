"""YOLO boxes, read back by supervision."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets

from ..hostile import BOX, build, category, document, image, thing
from .written import corners, flat_names, is_boxed, labels, lay, read_yolo, size, texts

numpy = pytest.importorskip("numpy")
pytest.importorskip("PIL")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_supervision_reads_the_same_boxes_and_classes(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    report = dataset.convert("yolo", tmp_path / "out")
    found = read_yolo(tmp_path / "out")
    samples = flat_names(dataset)
    assert len(found) == sum(sample.path is not None for sample in samples.values())
    classes = [each.name for each in dataset.categories]
    boxes = 0
    for path, picture, detections in found:
        sample = samples[Path(path).name]
        # Some images of the collection are not of the size that their document tells.
        scale = numpy.array([*picture.shape[1::-1], *picture.shape[1::-1]]) / numpy.array(
            [*size(sample), *size(sample)]
        )
        kept = [each for each in sample.annotations if not each.iscrowd and is_boxed(each, sample)]
        expected = numpy.array([corners(each, sample) for each in kept]).reshape(-1, 4)
        assert numpy.abs(detections.xyxy / scale - expected).max(initial=0) <= 1e-3
        numbers = [] if detections.class_id is None else list(detections.class_id)
        assert numbers == [dataset.categories.index(each.category) for each in kept]
        boxes += len(kept)
    assert [name.rpartition("/")[2] for name in found.classes] == [name or "unnamed" for name in classes]
    written = labels(tmp_path / "out")
    assert sum(map(len, written.values())) == report.annotations.went_out >= boxes > 0
    assert len(written) == report.images.went_out
    assert report.images.is_balanced
    assert report.annotations.is_balanced
    assert report.documents.is_balanced


def test_what_supervision_read_and_wrote_gives_the_same_labels(sample_folder: Path, tmp_path: Path) -> None:
    datasets.open(sample_folder).convert("yolo", tmp_path / "first")
    again = tmp_path / "again"
    read_yolo(tmp_path / "first").as_coco(str(again / "images"), str(again / "annotations.json"))
    datasets.open(again).convert("yolo", tmp_path / "second")
    assert texts(tmp_path / "second") == texts(tmp_path / "first")


def test_each_part_of_a_split_has_folders_of_its_own(sample_folder: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    dataset = datasets.open(sample_folder)
    report = dataset.split(0.5, 0.25, 0.25).convert("yolo", tmp_path / "out")
    data = yaml.safe_load((tmp_path / "out/data.yaml").read_bytes())
    assert (data["train"], data["val"], data["test"]) == ("images/train", "images/val", "images/test")
    assert data["names"] == dict(enumerate(each.name for each in dataset.categories))
    counts = [sum(map(len, labels(tmp_path / "out", split).values())) for split in ("train", "val", "test")]
    assert sum(counts) == report.annotations.went_out == 615
    assert all(len(read_yolo(tmp_path / "out", split)) for split in ("train", "val", "test"))


def test_an_image_without_annotations_gets_an_empty_file(tmp_path: Path) -> None:
    build(tmp_path / "in", ["image without annotations"])
    report = datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    assert set(texts(tmp_path / "out").values()) == {""}
    assert report.images.went_out == 2
    assert not any("training takes them for images of nothing" in warning for warning in report.warnings)


def test_300_categories_are_300_classes(tmp_path: Path) -> None:
    build(tmp_path / "in", ["300 categories"])
    datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    found = read_yolo(tmp_path / "out")
    assert found.classes == [f"class {number:03}" for number in range(1, 301)]
    assert list(next(iter(found))[2].class_id) == list(range(0, 300, 7))


def test_same_stem_other_extension_has_labels_of_its_own(tmp_path: Path) -> None:
    build(tmp_path / "in", ["same stem, other extension", "same name but for case"])
    datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    written = labels(tmp_path / "out")
    assert [len(lines) for lines in written.values()] == [1, 1, 1, 1]
    assert len({stem.lower() for stem in written}) == 4
    stems = Counter(path.stem for path in (tmp_path / "out/images/train").iterdir())
    assert set(stems) <= set(written)
    assert max(stems.values()) == 1


def test_crowds_are_left_out_unless_they_are_to_be_kept(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert("yolo", tmp_path / "without")
    assert (report.annotations.went_out, report.annotations.left_out) == (1, {"crowd": 1})
    report = dataset.convert("yolo", tmp_path / "with", crowds="keep")
    assert (report.annotations.went_out, dict(report.annotations.left_out)) == (2, {})
    assert [len(lines) for lines in labels(tmp_path / "with").values()] == [2]


def test_boxes_are_clipped_or_left_out_and_it_is_told(tmp_path: Path) -> None:
    things = [thing(1, ..., bbox=[60, 40, 10, 10]), thing(2, ..., bbox=[100, 100, 10, 10]), thing(3)]
    report = lay(tmp_path / "in", document(*things)).convert("yolo", tmp_path / "out")
    assert report.annotations.left_out == {"box outside of its image": 1}
    assert report.changed["box clipped to its image"] == 1
    (lines,) = labels(tmp_path / "out").values()
    assert lines[0] == ["0", "0.9687500", "0.9166665", "0.062500", "0.166667"]
    assert len(lines) == 2


def test_a_size_that_is_unknown_is_the_image_files_own(tmp_path: Path) -> None:
    build(tmp_path / "in", ["null width and height"])
    datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    (_, _, found), *_ = read_yolo(tmp_path / "out")
    assert numpy.abs(found.xyxy - numpy.array([[6, 8, 16, 18]])).max() <= 1e-3


def test_an_image_of_unknown_size_is_left_out_with_its_annotations(tmp_path: Path) -> None:
    dataset = lay(tmp_path / "in", document(thing(), images=[image(width=None, height=None)]))
    report = dataset.convert("yolo", tmp_path / "out")
    assert report.images.left_out == report.annotations.left_out == {"image of unknown size": 1}
    assert not (tmp_path / "out/labels").exists()


def test_names_that_yaml_would_take_for_something_else_come_back(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    names = [
        "no",
        "1.0",
        "null",
        "a: b",
        "# x",
        "'\"\\",
        " x",
        "Bäume 樹木 🌳",
        "two\nlines",
        "\x7f\x85\u2028",
        "{[,&*!|>%@`",
    ]
    kinds = [category(number, name, "") for number, name in enumerate(names, 1)]
    things = [thing(number, category_id=number, bbox=[*BOX[:2], number, 9]) for number in range(1, len(names) + 1)]
    lay(tmp_path / "in", document(*things, categories=kinds)).convert("yolo", tmp_path / "out")
    text = (tmp_path / "out/data.yaml").read_bytes()
    assert text.isascii()
    assert yaml.safe_load(text)["names"] == dict(enumerate(names))


def test_classes_of_one_name_are_told_apart_and_it_is_said(tmp_path: Path) -> None:
    build(tmp_path / "in", ["one name, two supercategories"])
    report = datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    assert "The class 'tree' is written as 'plant/tree'." in report.warnings
    data = pytest.importorskip("yaml").safe_load((tmp_path / "out/data.yaml").read_bytes())
    assert data["names"] == {0: "plant/tree", 1: "model/tree"}


def test_labels_that_readers_take_once_are_told(tmp_path: Path) -> None:
    build(tmp_path / "in", ["duplicate annotation ids"])
    report = datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    assert report.annotations.went_out == 2
    assert report.warnings[0] == "1 label stands twice in one file: Ultralytics takes each once."


@pytest.mark.parametrize(("shares", "is_told"), [(None, True), ((1.0, 0, 0), True), ((0.5, 0.5, 0), False)])
def test_validation_by_the_images_of_training_is_told(
    shares: tuple[float, float, float] | None, is_told: bool, sample_folder: Path, tmp_path: Path
) -> None:
    dataset = datasets.open(sample_folder)
    source = dataset if shares is None else dataset.split(*shares)
    report = source.convert("yolo", tmp_path / "out")
    assert any("No images were set apart for validation" in warning for warning in report.warnings) == is_told
    assert ("val: images/train" in (tmp_path / "out/data.yaml").read_text(encoding="ascii")) == is_told


def test_classes_keep_their_numbers_where_others_are_filtered_out(tmp_path: Path) -> None:
    kinds = [category(1, "tree"), category(2, "car"), category(3, "dog")]
    dataset = lay(tmp_path / "in", document(*(thing(n, category_id=n) for n in (1, 2, 3)), categories=kinds))
    report = dataset.filter(categories=["dog", "car"]).convert("yolo", tmp_path / "out")
    (lines,) = labels(tmp_path / "out").values()
    assert [words[0] for words in lines] == ["1", "2"]
    assert report.annotations.went_out == 2
