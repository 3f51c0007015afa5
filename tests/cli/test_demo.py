from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..conftest import files_below
from .conftest import Command


def test_it_downloads_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command) -> None:
    monkeypatch.chdir(tmp_path)
    run = cf_ai("demo")
    assert (run.code, run.err) == (0, "")
    assert len(files_below(tmp_path / "cf-ai-demo")) == 72
    assert "├── Cell nuclei/  32 files, " in run.out
    assert "36 of 36 assets are beside them; 1.3 MB fetched" in run.out
    assert "Annotations by batch, 615 in all" in run.out
    assert "  Tree        424  ████" in run.out
    assert "sandbox --items 5000 --faults storm" in run.out


def test_it_ends_by_validating_and_merging_what_it_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    (first, again) = (cf_ai("demo", "here", COLUMNS="300") for _ in range(2))
    for run in (first, again):
        assert (run.code, run.err) == (0, "")
        assert "Validated: 0 errors, 461 warnings, " in run.out
        assert "\n     461  warning: empty_segmentation: " in run.out
        assert (
            "Merged to one COCO document, 36 images and 615 annotations; its file names lead on from here\n" in run.out
        )
        assert f"\n  {Path('here-merged/annotations.json')}\n" in run.out
        assert "dataset convert here yolo --to yolo --split 0.8,0.1,0.1" in run.out
    merged = json.loads((tmp_path / "here-merged/annotations.json").read_bytes())
    assert len(merged["annotations"]) == 615
    assert all((tmp_path / "here" / each["file_name"]).is_file() for each in merged["images"])


def test_it_merges_over_nobody_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here-merged").mkdir()
    (tmp_path / "here-merged/annotations.json").write_text("mine")
    run = cf_ai("demo", ".", COLUMNS="300")
    assert run.code == 0
    assert "which is not empty" in run.out
    assert (tmp_path / "here-merged/annotations.json").read_text() == "mine"


def test_it_can_be_run_again(tmp_path: Path, cf_ai: Command) -> None:
    first = cf_ai("demo", tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    again = cf_ai("demo", tmp_path)
    assert (first.code, again.code) == (0, 0)
    assert len(files_below(tmp_path)) == 73


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_the_terminal(columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command) -> None:
    monkeypatch.chdir(tmp_path)
    picture = cf_ai("demo", COLUMNS=str(columns)).out.split("cf-ai-demo/\n")[1].split("What to try next")[0]
    assert max(map(len, picture.splitlines())) < columns


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path, cf_ai: Command) -> None:
    (tmp_path / "file").write_text("in the way")
    run = cf_ai("demo", tmp_path / "file")
    assert run.code == 2
    assert "is a file" in run.err
