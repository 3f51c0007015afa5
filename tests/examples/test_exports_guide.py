"""Every block of docs/exports.md runs, against a sandbox."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from cf_ai_platform_client import ExtractLimits, errors
from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.core.export_orders import MAX_BATCHES, MAX_PROJECTS
from cf_ai_platform_client.sandbox import Sandbox

from .documents import ROOT, Block, blocks, check_all_known, prints, run_console, run_python

GUIDE = ROOT / "docs" / "exports.md"
TEXT = GUIDE.read_text(encoding="utf-8")
UNITS = {"": 1, " MiB": 1 << 20, " GiB": 1 << 30}

pytestmark = pytest.mark.usefixtures("account", "elsewhere")


def of(language: str) -> list[object]:
    return [pytest.param(block, id=f"line {block.line}") for block in blocks(GUIDE) if block.language == language]


def test_every_block_is_known() -> None:
    check_all_known(GUIDE, "python", "console")


@pytest.mark.parametrize("block", of("python"))
def test_a_python_block_runs_alone_and_prints_what_is_said(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    run_python(block, GUIDE)
    said = capsys.readouterr()
    assert said.err == ""
    assert block.output is not None
    assert prints(block.output, said.out), said.out


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
@pytest.mark.parametrize("block", of("console"))
def test_the_commands_run_one_after_another(block: Block, elsewhere: Path, account: Sandbox) -> None:
    done = run_console(block)
    assert done.returncode == 0, done.stderr
    assert len((elsewhere / "records.jsonl").read_text().splitlines()) > 5
    assert len(account.exports) == 1
    names = set(re.findall(r"cf-ai exports (\w+)", block.code))
    assert names == {"create", "wait", "download", "list", "get", "read", "extract", "delete"}


def made(kind: str, code: str) -> errors.CFError:
    request = httpx.Request("GET", "https://example.com")
    found: type[errors.CFError] = getattr(errors, kind)
    parent = {"request": request, "response": httpx.Response(500, request=request)}
    return found("", code=code, **(parent if issubclass(found, errors.StatusError) else {}))  # type: ignore[arg-type]


def test_the_table_of_errors_is_the_code() -> None:
    rows = re.findall(r"^\| .+ \| `(\w+)` \| `(\w+)` \| (\d) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 14
    for kind, code, exit_code in rows:
        assert code in errors.ERROR_CODES
        assert exit_code_of(made(kind, code)) == int(exit_code), kind


def test_the_numbers_of_the_text_are_the_defaults() -> None:
    rows = re.findall(r"^\| `(max_\w+)` \| ([\d,]+)( \w+)? \|", TEXT, re.MULTILINE)
    told = {name: int(number.replace(",", "")) * UNITS[unit] for name, number, unit in rows}
    assert told == {field.name: field.default for field in fields(ExtractLimits)}
    assert f"at most {MAX_PROJECTS}, and at most {MAX_BATCHES}" in TEXT
