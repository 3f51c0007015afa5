"""Every block of docs/findings.md runs, on a folder that has what it tells of."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ..datasets import hostile
from .documents import ROOT, Block, blocks, check_all_known, prints, run_console, run_python

GUIDE = ROOT / "docs" / "findings.md"


@pytest.fixture(autouse=True)
def _annotations(elsewhere: Path) -> None:
    hostile.build(elsewhere / "annotations", ["empty segmentation"])


def of(language: str) -> list[object]:
    return [pytest.param(block, id=f"line {block.line}") for block in blocks(GUIDE) if block.language == language]


def test_every_block_is_known() -> None:
    check_all_known(GUIDE, "python", "console")


@pytest.mark.parametrize("block", of("python"))
def test_a_python_block_runs_alone_and_prints_what_is_said(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    run_python(block, GUIDE)
    assert block.output is not None
    assert prints(block.output, capsys.readouterr().out)


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
@pytest.mark.parametrize("block", of("console"))
def test_the_commands_run_one_after_another(block: Block, elsewhere: Path) -> None:
    done = run_console(block)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (elsewhere / "findings.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("code") for line in lines] == ["empty_segmentation", None]
