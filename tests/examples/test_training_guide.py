"""docs/training.md runs from its first block to its last, against a sandbox: up to a model that learns."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.datasets import Dataset
from cf_ai_platform_client.datasets.formats import FORMATS

from .documents import ROOT, Block, blocks, check_all_known, prints

GUIDE = ROOT / "docs" / "training.md"
TEXT = GUIDE.read_text(encoding="utf-8")

pytestmark = pytest.mark.usefixtures("account", "elsewhere")


def needs_torch(block: Block) -> bool:
    return "torch" in block.code


def run(block: Block, names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    exec(compile(block.code, f"{GUIDE.name}, line {block.line}", "exec"), names)
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def check_printed(block: Block, out: str) -> None:
    assert prints(block.output or "", out), out


def test_every_block_is_known() -> None:
    check_all_known(GUIDE, "python")


def test_up_to_the_split_it_needs_no_torch(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    first = [block for block in blocks(GUIDE) if not needs_torch(block)]
    assert len(first) == 3
    for block in first:
        check_printed(block, run(block, names, capsys))
    assert (elsewhere / "split.json").is_file()
    assert len([*(elsewhere / "project").rglob("*.jpg")]) == 36


def test_the_model_learns(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="torch is not at hand: nothing is trained")
    pytest.importorskip("PIL")
    names: dict[str, Any] = {"__name__": "__main__"}
    *most, last = blocks(GUIDE)
    for block in most:
        check_printed(block, run(block, names, capsys))
    losses = [float(found) for found in re.findall(r"^round \d+: loss (\S+)$", run(last, names, capsys), re.MULTILINE)]
    assert len(losses) == 5
    assert all(map(math.isfinite, losses))
    assert losses[-1] < losses[0]


def test_the_other_ways_out_are_there() -> None:
    assert {"to_pandas", "to_polars", "to_supervision", "to_huggingface", "to_fiftyone"} == {
        name for name in re.findall(r"dataset\.(to_\w+)", TEXT) if hasattr(Dataset, name)
    }
    assert set(re.findall(r'convert\("([\w-]+)"', TEXT)) <= set(FORMATS)
