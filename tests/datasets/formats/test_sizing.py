from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.sizing import Sizes

from ..hostile import HEIGHT, WIDTH, build

pytest.importorskip("PIL")


@pytest.mark.parametrize(
    ("case", "differs"),
    [
        ("crowds", False),
        ("EXIF, the raw size", True),
        ("EXIF, the oriented size", False),
        ("size is not the image's", True),
        ("null width and height", False),
        ("absolute file name", False),
    ],
)
@pytest.mark.parametrize("format", ["yolo", "yolo-seg", "voc", "masks-semantic"])
def test_images_that_readers_turn_or_that_are_of_another_size_are_told(
    format: str, case: str, differs: bool, tmp_path: Path
) -> None:
    if format.startswith("masks"):
        pytest.importorskip("pycocotools")
    build(tmp_path / "in", [case])
    report = datasets.open(tmp_path / "in").convert(format, tmp_path / "out")
    assert any("1 image is turned by EXIF" in warning for warning in report.warnings) == differs


def test_a_size_is_the_documents_then_the_files_then_unknown(tmp_path: Path) -> None:
    build(tmp_path, ["null width and height", "size is not the image's"])
    first, second = datasets.open(tmp_path).samples()
    assert Sizes().of(first) == Sizes().of(second) == (WIDTH, HEIGHT)
    next((tmp_path / "North").glob("null*.jpg")).write_bytes(b"no image")
    assert Sizes().of(first) is None


def test_without_pillow_it_is_said_how_sizes_could_be_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "in", ["null width and height"])
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    report = datasets.open(tmp_path / "in").convert("yolo", tmp_path / "out")
    assert report.images.left_out == {"image of unknown size": 1}
    assert any("pip install 'cf-ai-platform-client[images]'" in warning for warning in report.warnings)
