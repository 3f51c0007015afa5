"""docs/datasets.md runs from its first block to its last, on what was downloaded from a sandbox."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import SyncCFUserClient
from cf_ai_platform_client.datasets.formats import FORMATS
from cf_ai_platform_client.sandbox import Sandbox

from .documents import ROOT, Block, blocks, check_all_known, prints, run_console

GUIDE = ROOT / "docs" / "datasets.md"
TEXT = GUIDE.read_text(encoding="utf-8")


@pytest.fixture
def downloaded(account: Sandbox, elsewhere: Path) -> Path:
    with SyncCFUserClient.from_env() as client:
        client.download_project(account.project_id, account.space_id, "annotations", assets=True)
    return elsewhere


def of(language: str) -> list[Block]:
    return [block for block in blocks(GUIDE) if block.language == language]


def test_every_block_is_known() -> None:
    check_all_known(GUIDE, "python", "console")


def test_the_python_blocks_run_one_after_another(downloaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in of("python"):
        exec(compile(block.code, f"{GUIDE.name}, line {block.line}", "exec"), names)
        said = capsys.readouterr()
        assert said.err == ""
        assert block.output is not None
        assert prints(block.output, said.out.replace("\\", "/")), said.out
    assert (downloaded / "merged" / "annotations.json").is_file()
    assert (downloaded / "coco" / "annotations" / "instances_train.json").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_the_commands_run_one_after_another(downloaded: Path) -> None:
    (block,) = of("console")
    done = run_console(block)
    assert done.returncode == 0, done.stderr
    assert (downloaded / "coco-parts" / "annotations" / "instances_val.json").is_file()
    assert set(re.findall(r"cf-ai dataset (\w+)", block.code)) == {"stats", "validate", "merge", "split", "convert"}


def test_the_table_has_all_formats() -> None:
    rows = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} - {"open"} == {*FORMATS}
