from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..conftest import files_below
from ..datasets import hostile
from ..datasets.folders import two_batches, write
from ..datasets.hostile import thing
from .conftest import Command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_batches(tmp_path / "annotations")


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_it_tells_what_came_in_and_went_out(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "merge", root, tmp_path / "out")
    assert (run.code, run.err) == (0, "")
    *told, note, written, map = run.out.splitlines()
    assert rows("\n".join(told)) == [
        ["IN", "OUT", "LEFT", "OUT"],
        ["3", "3", "0", "documents"],
        ["4", "4", "0", "images"],
        ["4", "4", "0", "annotations"],
    ]
    assert note.startswith("Note: 4 images are not on the disk, ")
    assert written == f"Written: {tmp_path / 'out/annotations.json'}"
    assert map == f"Written: {tmp_path / 'out/map.jsonl'}"
    assert len(json.loads((tmp_path / "out/annotations.json").read_bytes())["annotations"]) == 4


def test_it_tells_what_was_left_out_and_why(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    hostile.build(root / "hostile", ["unknown ids", "not JSON", "missing area or iscrowd"])
    run = cf_ai("dataset", "merge", root, tmp_path / "out")
    assert run.code == 0
    assert "Left out: 1 document: not json\n" in run.out
    assert "Left out: 2 annotations: unknown image id\n" in run.out
    assert "Changed: 2: missing area\n" in run.out


def test_json_has_the_same(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    write(root / "d.json", thing(1), thing(2, category_id=9))
    run = cf_ai("dataset", "merge", root, tmp_path / "all.json", "--json")
    assert (run.code, run.err) == (0, "")
    found = json.loads(run.out)
    assert found.pop("changed") == {}
    assert [warning[:31] for warning in found.pop("warnings")] == ["5 images are not on the disk, a"]
    assert found == {
        "path": str(root),
        "out": str(tmp_path / "all.json"),
        "documents": {"in": 4, "out": 4, "left_out": {}},
        "images": {"in": 5, "out": 5, "left_out": {}},
        "annotations": {"in": 6, "out": 5, "left_out": {"unknown category id": 1}},
        "files": [str(tmp_path / "all.json"), str(tmp_path / "all.map.jsonl")],
        "exit_code": 0,
    }


def test_filters(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "merge", root, tmp_path / "out", "--batch", "North", "--min-area", "26", "--json")
    assert json.loads(run.out)["annotations"]["out"] == 1


def test_utf8_is_written_where_asked_for(tmp_path: Path, cf_ai: Command) -> None:
    hostile.build(tmp_path / "in", ["non-ASCII names"])
    cf_ai("dataset", "merge", tmp_path / "in", tmp_path / "a.json")
    cf_ai("dataset", "merge", tmp_path / "in", tmp_path / "b.json", "--utf-8")
    assert (tmp_path / "a.json").read_bytes().isascii()
    assert "Bäume" in (tmp_path / "b.json").read_text(encoding="utf-8")


def test_images_are_copied_where_asked_for(tmp_path: Path, cf_ai: Command) -> None:
    pytest.importorskip("PIL")
    hostile.build(tmp_path / "in", ["crowds"])
    run = cf_ai("dataset", "merge", tmp_path / "in", tmp_path / "out", "--images", "copy")
    assert f"Written: {tmp_path / 'out/images'}/" in run.out
    assert (tmp_path / "out/images/crowds plot.jpg").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["annotations", "full"], 2, "OUT is 'full', which is not empty: choose a new folder, or --overwrite."),
        (["annotations", "annotations/out"], 2, "OUT is 'annotations/out', which lies in the dataset 'annotations'"),
        (
            ["annotations", "b.json", "--images", "copy"],
            2,
            "but images need a folder: give one, or --images none",
        ),
        (["annotations", "a.json"], 2, "a.json is there already: choose another name, or --overwrite."),
        (["annotations", "out", "--batch", "East"], 2, "--batch holds 'East', which is not in the dataset"),
        (["nowhere", "out"], 4, "nowhere cannot be read: no such file or directory."),
        (["empty", "out"], 1, "There is no COCO document in empty that could be used."),
        (["annotations", "out", "--item", "none"], 2, "--item holds 'none', which is not in the dataset."),
        (
            ["annotations", "out", "--min-area", "1e9", "--skip-empty"],
            1,
            "No image in annotations matches the filters: nothing",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str],
    code: int,
    said: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cf_ai: Command,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").touch()
    (tmp_path / "a.json").touch()
    run = cf_ai("dataset", "merge", *arguments)
    assert (run.code, run.err.count("\n")) == (code, 1)
    assert said in run.err
    assert not (tmp_path / "out").exists()


def test_it_overwrites_where_asked_for(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    out = tmp_path / "out"
    first = cf_ai("dataset", "merge", root, out)
    before = files_below(out)["annotations.json"]
    write(root / "d.json", thing(1))
    second = cf_ai("dataset", "merge", root, out, "--overwrite")
    assert (first.code, second.code) == (0, 0)
    assert files_below(out)["annotations.json"] != before


def test_a_bar_is_drawn_where_asked_for(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "merge", root, tmp_path / "out", "--progress")
    assert run.code == 0
    assert "Merging" in run.err
    assert "0/3" in run.err
