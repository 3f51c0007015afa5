from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..datasets.folders import two_batches, write
from ..datasets.hostile import thing
from .conftest import Command


def test_the_figures_are_shown(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "stats", two_batches(tmp_path))
    assert (run.code, run.err) == (0, "")
    lines = [line.split() for line in run.out.splitlines()]
    assert lines[:3] == [["ITEMS", "BATCH"], ["2", "North"], ["1", "South"]]
    assert ["2", "1", "2", "0", "0", "plant/tree"] in lines
    assert "3 work items, 4 images, 0 on the disk" in run.out
    assert "Annotations an image: 0 to 2, median 1, mean 1.0" in run.out
    assert "Shapes: 4 polygons, 0 RLE, 0 none; 1 crowd, 0 with keypoints" in run.out
    assert ["4", "4", "0", "annotations"] in lines


def test_json_has_all_of_it(cf_ai: Command, tmp_path: Path) -> None:
    write(tmp_path / "d.json", thing(1), thing(2, category_id=9))
    run = cf_ai("dataset", "stats", two_batches(tmp_path), "--json")
    found = json.loads(run.out)
    assert (run.code, found["exit_code"], found["items"], found["annotations"]) == (0, 0, 4, 5)
    assert found["categories"][0]["name"] == "tree"
    assert found["report"]["annotations"] == {"in": 6, "out": 5, "left_out": {"unknown category id": 1}}


@pytest.mark.parametrize(
    ("options", "annotations"),
    [
        (["--batch", "North"], 2),
        (["--batch", "North", "--batch", "South"], 4),
        (["--category", "vehicle/car"], 2),
        (["--item", "a", "--min-area", "26"], 1),
    ],
)
def test_filters(options: list[str], annotations: int, cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "stats", two_batches(tmp_path), "--json", *options)
    assert json.loads(run.out)["annotations"] == annotations


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch", "East"], "--batch holds 'East', which is not in the dataset: there are 'North', 'South'.\n"),
        (["--category", "oak"], "--category holds 'oak', which is not in the dataset: there are 'tree', 'car'.\n"),
        (["--min-area", "-3"], "--min-area is -3.0: it must be a number of square pixels, 0 or more.\n"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_a_usage_error(
    options: list[str], said: str, cf_ai: Command, tmp_path: Path
) -> None:
    run = cf_ai("dataset", "stats", two_batches(tmp_path), *options)
    assert (run.code, run.out, run.err) == (2, "", said)


def test_nothing_that_can_be_used_ends_with_1(cf_ai: Command, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("<html>")
    run = cf_ai("dataset", "stats", tmp_path)
    assert run.code == 1
    assert "Left out: 1 document: not json" in run.out
    assert run.err == f"There is no COCO document in {tmp_path} that could be used.\n"
    assert json.loads(cf_ai("dataset", "stats", tmp_path, "--json").out)["exit_code"] == 1


def test_nothing_that_matches_ends_with_1(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "stats", two_batches(tmp_path), "--min-area", "1e9", "--skip-empty")
    assert (run.code, run.err) == (1, f"No image in {tmp_path} matches the filters.\n")
    run = cf_ai("dataset", "stats", tmp_path, "--item", "nobody")
    assert (run.code, run.err.splitlines()[-1]) == (2, "--item holds 'nobody', which is not in the dataset.")


def test_a_damaged_journal_is_a_warning(cf_ai: Command, tmp_path: Path) -> None:
    (two_batches(tmp_path) / ".cf-ai").mkdir()
    (tmp_path / ".cf-ai" / "journal.sqlite3").write_bytes(b"no journal" * 1000)
    run = cf_ai("dataset", "stats", tmp_path)
    assert run.code == 0
    assert run.err.startswith(f"Warning: The journal of {tmp_path} is damaged: its JSON files are read")


def test_what_is_not_there_ends_with_4(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "stats", tmp_path / "nope")
    assert (run.code, run.out) == (4, "")
    assert run.err == f"{tmp_path / 'nope'} cannot be read: no such file or directory. Check the path and run again.\n"


def test_of_very_many_categories_the_first_are_shown(cf_ai: Command, tmp_path: Path) -> None:
    many = [{"id": number, "name": f"class {number}"} for number in range(1, 1501)]
    write(tmp_path / "a.json", categories=many)
    run = cf_ai("dataset", "stats", tmp_path)
    assert "… and 500 more: --json has all." in run.out
    assert len(run.out.splitlines()) < 1100


def test_a_narrow_terminal_keeps_the_names_and_tells_what_it_leaves_out(cf_ai: Command, tmp_path: Path) -> None:
    root = two_batches(tmp_path)
    narrow, wide = (cf_ai("dataset", "stats", root, COLUMNS=str(width)).out for width in (40, 100))
    assert "ANNOTATIONS  CATEGORY" in narrow
    assert "No room for IMAGES, SMALL, MEDIUM, LAR" in narrow
    assert "LARGE  CATEGORY" in wide
    assert "No room" not in wide
