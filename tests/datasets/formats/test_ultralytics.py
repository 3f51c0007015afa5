"""YOLO folders in Ultralytics' own label reader, where Ultralytics is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets

from .written import labels

pytest.importorskip("PIL")
reader: Any = pytest.importorskip("ultralytics.data.utils")


def verified(out: Path) -> list[tuple[int, int, int, str]]:
    """Return for each image how many labels and outlines were read, of how many lines, and the reader's message."""
    data = reader.YAML.load(out / "data.yaml")
    count, numbers = data.get("kpt_shape", (0, 0))
    found: list[tuple[int, int, int, str]] = []
    written = labels(out)
    for image in sorted((out / "images/train").iterdir()):
        (label,) = reader.img2label_paths([str(image)])
        of = (str(image), label, "", bool(count), len(data["names"]), count, numbers, False)
        _, read, _, segments, _, missing, _, _, corrupt, message = reader.verify_image_label(of)
        assert (missing, corrupt) == (0, 0), message
        assert len({tuple(line) for line in written[image.stem]}) == len(read)
        found.append((len(read), len(segments), len(written[image.stem]), message))
    return found


@pytest.mark.parametrize(("format", "objects"), [("yolo", 615), ("yolo-seg", 154)])
def test_it_reads_every_label_of_the_sample_and_has_nothing_to_say(
    format: str, objects: int, sample_folder: Path, tmp_path: Path
) -> None:
    datasets.open(sample_folder).convert(format, tmp_path / "out")
    found = verified(tmp_path / "out")
    assert sum(read for read, _, _, _ in found) == objects
    assert sum(outlines for _, outlines, _, _ in found) == (objects if format == "yolo-seg" else 0)
    assert {message for _, _, _, message in found} == {""}


@pytest.mark.parametrize("format", ["yolo", "yolo-seg", "yolo-pose"])
def test_it_reads_every_label_of_the_collection_and_takes_equal_ones_once(
    format: str, hostile_folder: Path, tmp_path: Path
) -> None:
    datasets.open(hostile_folder).convert(format, tmp_path / "out")
    for read, _, lines, message in verified(tmp_path / "out"):
        assert (read < lines) == ("duplicate labels removed" in message)
        assert read == lines or read > 0
