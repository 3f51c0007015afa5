"""YOLO keypoints: as many numbers a line as `data.yaml` says, where the document has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.yolo_pose import flip_indices

from ..hostile import HEIGHT, WIDTH, build, category, document, thing
from .written import corners, flat_names, labels, lay, read_yolo

yaml = pytest.importorskip("yaml")
numpy = pytest.importorskip("numpy")
pytest.importorskip("PIL")

POINTS = [11.0, 9.0, 2, 9.0, 10.0, 1, 0, 0, 0]
PERSON = category(1, "person", "being", keypoints=["nose", "left eye", "right eye"])


def data(out: Path) -> Any:
    return yaml.safe_load((out / "data.yaml").read_bytes())


def test_keypoints_come_back_with_their_boxes(tmp_path: Path) -> None:
    build(tmp_path / "in", ["keypoints"])
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert("yolo-pose", tmp_path / "out")
    assert data(tmp_path / "out")["kpt_shape"] == [3, 3]
    assert data(tmp_path / "out")["flip_idx"] == [0, 2, 1]
    assert data(tmp_path / "out")["kpt_names"] == {0: ["nose", "left eye", "right eye"]}
    ((words,),) = labels(tmp_path / "out").values()
    triples = [float(word) for word in words[5:]]
    read = [value * (WIDTH, HEIGHT, 1)[at % 3] for at, value in enumerate(triples)]
    assert read == pytest.approx(POINTS, abs=1e-3)
    ((_, _, detections),) = read_yolo(tmp_path / "out")
    (sample,) = flat_names(dataset).values()
    assert detections.xyxy[0] == pytest.approx(corners(sample.annotations[0], sample), abs=1e-3)
    assert report.annotations.is_balanced


def test_every_line_of_the_collection_has_as_many_numbers(hostile_folder: Path, tmp_path: Path) -> None:
    report = datasets.open(hostile_folder).convert("yolo-pose", tmp_path / "out")
    count, _ = data(tmp_path / "out")["kpt_shape"]
    lines = [line for lines in labels(tmp_path / "out").values() for line in lines]
    assert len(lines) == report.annotations.went_out > 0
    assert {len(line) for line in lines} == {5 + 3 * count}
    assert report.annotations.is_balanced
    assert sum(len(detections) for _, _, detections in read_yolo(tmp_path / "out")) == len(lines)


def test_objects_without_keypoints_are_left_out(tmp_path: Path) -> None:
    things = [thing(1), thing(2, keypoints=[0] * 9, num_keypoints=0), thing(3, keypoints=POINTS, num_keypoints=2)]
    report = lay(tmp_path / "in", document(*things, categories=[PERSON])).convert("yolo-pose", tmp_path / "out")
    assert (report.annotations.went_out, report.annotations.left_out) == (1, {"no keypoints": 2})


def test_classes_with_fewer_keypoints_are_filled_up_and_it_is_told(tmp_path: Path) -> None:
    cow = category(2, "cow", keypoints=["horn"])
    things = [thing(1, keypoints=POINTS), thing(2, category_id=2, keypoints=POINTS[:3])]
    report = lay(tmp_path / "in", document(*things, categories=[PERSON, cow])).convert("yolo-pose", tmp_path / "out")
    (lines,) = labels(tmp_path / "out").values()
    assert [len(line) for line in lines] == [14, 14]
    assert lines[1][8:] == ["0.000000", "0.000000", "0"] * 2
    assert report.changed["fewer keypoints than another class has: filled up with zeros"] == 1
    assert "flip_idx" not in data(tmp_path / "out")


def test_keypoints_that_no_category_names_are_counted(tmp_path: Path) -> None:
    dataset = lay(tmp_path / "in", document(thing(1, keypoints=POINTS)))
    dataset.convert("yolo-pose", tmp_path / "out")
    assert data(tmp_path / "out")["kpt_shape"] == [3, 3]
    assert "kpt_names" not in data(tmp_path / "out")


def test_a_dataset_without_keypoints_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^format is 'yolo-pose', but no object has keypoints, and no category names"):
        lay(tmp_path / "in", document(thing(1))).convert("yolo-pose", tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["nose", "left_eye", "right_eye"], [0, 2, 1]),
        (["Left ear", "Right ear"], [1, 0]),
        (["nose", "chin"], None),
        (["left_eye", "nose"], None),
        (["left", "left", "right"], None),
        ([], None),
    ],
)
def test_what_a_mirror_changes_is_known_from_the_names_or_not_at_all(
    names: list[str], expected: list[int] | None
) -> None:
    assert flip_indices(names) == expected
