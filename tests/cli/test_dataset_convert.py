from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cf_ai_platform_client.datasets.formats import FORMATS

from ..datasets.folders import two_batches, write
from ..datasets.hostile import image, thing
from ..datasets.sample import lay_sample
from .conftest import Command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_batches(tmp_path / "annotations")


def test_help_has_a_line_for_each_format(cf_ai: Command) -> None:
    run = cf_ai("dataset", "convert", "--help", COLUMNS="100")
    assert run.code == 0
    for name, each in FORMATS.items():
        assert f"    {name:<15} {each.text}\n" in run.out
    assert max(map(len, run.out.splitlines())) <= 100


def test_it_tells_what_came_in_and_went_out(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "convert", root, tmp_path / "out", "--to", "yolo")
    assert (run.code, run.err) == (0, "")
    lines = [line.split() for line in run.out.splitlines()]
    assert lines[:4] == [
        ["IN", "OUT", "LEFT", "OUT"],
        ["3", "3", "0", "documents"],
        ["4", "4", "0", "images"],
        ["4", "3", "1", "annotations"],
    ]
    assert "Left out: 1 annotation: crowd" in run.out
    assert f"Written: {tmp_path / 'out/labels'}/\n" in run.out
    kept = cf_ai("dataset", "convert", root, tmp_path / "kept", "--to", "yolo", "--crowds", "keep", "--json")
    assert json.loads(kept.out)["annotations"]["left_out"] == {}


def test_it_splits_by_shares_and_by_a_file(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    for number in range(20):
        write(root / f"{number}.json", thing(1), images=[image(1, f"{number}.png")])
    file, options = tmp_path / "split.json", ["--to", "coco", "--images", "none"]
    cf_ai("dataset", "split", root, file, "--shares", "0.5,0.25,0.25", "--seed", "3")
    by_file = cf_ai("dataset", "convert", root, tmp_path / "a", *options, "--split-file", file, "--json")
    shares = ["--split", "0.5,0.25,0.25", "--seed", "3"]
    by_shares = cf_ai("dataset", "convert", root, tmp_path / "b", *options, *shares)
    assert (by_file.code, by_shares.code) == (0, 0)
    written = {
        name: (tmp_path / f"a/annotations/instances_{name}.json").read_bytes() for name in ("train", "val", "test")
    }
    assert written == {
        name: (tmp_path / f"b/annotations/instances_{name}.json").read_bytes() for name in ("train", "val", "test")
    }
    found = json.loads(by_file.out)
    assert found["splits"] == {name: len(json.loads(content)["images"]) for name, content in written.items()}
    assert (found["documents"]["in"], found["images"]["out"], found["format"]) == (23, 24, "coco")
    assert by_shares.out.split()[:4] == ["IMAGES", "TRAIN", "VAL", "TEST"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "coco", "--by", "batch"], "--by says how to split, but nothing is split: add --split 0.8,0.1,0.1."),
        (["--to", "coco", "--seed", "0"], "--seed says how to split, but nothing is split: add --split 0.8,0.1,0.1."),
        (["--to", "coco", "--no-stratify"], "--no-stratify says how to split, but nothing is split: add --split"),
        (
            ["--to", "coco", "--split-file", "x", "--by", "image"],
            "--by says how to split, but --split-file says already",
        ),
        (["--to", "coco", "--split-file", "x", "--stratify"], "--stratify says how to split, but --split-file says"),
        (["--to", "coco", "--split-file", "x", "--previous", "y"], "--previous says how to split, but --split-file"),
        (["--to", "coco", "--split", "1,0", "--split-file", "x"], "--split and --split-file exclude each other"),
        (["--to", "coco", "--split", "0.5"], "The shares are '0.5', but must be two or three numbers"),
        (["--to", "vok"], "'vok' is not one of 'coco', 'yolo',"),
        ([], "Missing option '--to'"),
    ],
)
def test_what_is_wrong_is_said(options: list[str], said: str, root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "convert", root, tmp_path / "out", *options)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_one_sentence(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    run = cf_ai("dataset", "convert", root, tmp_path / "out", "--to", "parquet")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert "pip install 'cf-ai-platform-client[tables]'" in run.err
    assert not (tmp_path / "out").exists()


def test_a_full_folder_is_refused_and_overwritten_where_asked_for(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    line = ["dataset", "convert", root, tmp_path / "out", "--to", "yolo"]
    codes = [cf_ai(*line).code, cf_ai(*line).code, cf_ai(*line, "--overwrite").code]
    assert codes == [0, 2, 0]


def test_a_bar_counts_images_of_splits(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "convert", root, tmp_path / "out", "--to", "coco", "--split", "0.5,0.5", "--progress")
    assert run.code == 0
    assert "0/4" in run.err


def test_a_conversion_that_lost_every_annotation_ends_with_1(cf_ai: Command, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    root = lay_sample(tmp_path / "in", images=False)
    chosen = ["--category", "Tree", "--batch", "Yellowstone plot 541000", "--images", "none"]
    run = cf_ai("dataset", "convert", root, tmp_path / "out", "--to", "masks-semantic", *chosen)
    assert (run.code, run.err) == (1, "All annotations were left out: what was written holds none.\n")
