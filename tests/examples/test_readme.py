from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import RetryPolicy, SyncCFUserClient
from cf_ai_platform_client.cli.exits import EXIT_CODES_HELP
from cf_ai_platform_client.core.retry import Tries, wait_before_retry
from cf_ai_platform_client.errors import ERROR_CODES, RETRYABLE_CODES, CFError
from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.settings import config_path

from ..conftest import files_below
from .documents import BIN, ROOT, Block, blocks, check_all_known, commands, run_python

pytestmark = pytest.mark.usefixtures("elsewhere")

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")

OUTPUTS = [  # of the python blocks, in their order; None for the one that is a test
    ["36 of 36 work items are in ./annotations"],
    ["0.2 MB in "],
    ["101 Yellowstone plot 541000", "6953e677-644a-514b-9e68-57e50e87f1e4 ", " annotations"],
    ["10"],
    ["36 images are beside", "615 annotations in ['nucleus', 'Alive', ", "0 errors", "615 boxes in ./yolo"],
    ["36 of 36 were here already", "sample-project 36 {} finished", "[] differ"],
    ["424 trees in exports"],
    [],
    ["404", "not_found - ", "0 were saved before"],
    [" requests"],
    None,
]
COMMANDS = {  # what their output holds
    "demo": "Annotations by batch, 615 in all",
    "download": "36",
    "status": "36  stored",
    "retry": "retry",
    "verify": "All 36 files",
    "dataset": "615",
    "export": ".zip",
    "exports": "The space has no exports.",
    "batches": "Cell nuclei",
    "items": '"batchId": 104',
}
EXEMPT = {"pip install .", "make demo", "make test"}  # .ci/run does these


def of(language: str) -> list[Block]:
    return [block for block in blocks(README) if block.language == language]


def all_commands() -> list[str]:
    lines = [line for block in of("console") for line in commands(block)]
    return [shlex.join(shlex.split(line, comments=True)) for line in lines]


def test_every_block_is_known() -> None:
    assert len(of("python")) == len(OUTPUTS)
    check_all_known(README, "python", "console", "toml")


@pytest.mark.parametrize(
    ("block", "output"),
    [
        pytest.param(block, output, id=f"line {block.line}")
        for block, output in zip(of("python"), OUTPUTS, strict=False)
    ],
)
def test_a_python_block_runs_alone(
    block: Block, output: list[str] | None, account: Sandbox, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if output is None:
        (elsewhere / "test_block.py").write_text(block.code, encoding="utf-8")
        line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_block.py"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert "1 passed" in done.stdout, done.stdout
        return
    run_python(block, README)
    said = capsys.readouterr()
    assert said.err == ""
    for text in output:
        assert text in said.out


@pytest.mark.parametrize("command", [command for command in all_commands() if command not in EXEMPT])
def test_a_command_runs(command: str, account: Sandbox, elsewhere: Path) -> None:
    name, *arguments = shlex.split(command)
    assert name == "cf-ai"
    if arguments[0] in {"status", "retry", "verify", "dataset"}:  # which look at what the command above them left
        with SyncCFUserClient(account.api_key, account.base_url) as client:
            client.download_project("sample-project", "sample-space", "annotations")
    done = subprocess.run([str(BIN / name), *arguments], capture_output=True, text=True, check=True, encoding="utf-8")
    expected = COMMANDS[arguments[0]]
    if "--updated-at-from" in arguments:
        body = json.loads(done.stdout)
        assert (body["failed"], body["successful"]) == (0, len(files_below(elsewhere)))
    else:
        assert expected in done.stdout


def test_the_exempt_commands_exist() -> None:
    assert set(all_commands()) >= EXEMPT
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in EXEMPT - {"pip install ."}:
        assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_the_sandbox_of_the_text_starts() -> None:
    (command,) = re.findall(r"`(cf-ai sandbox [^`]+)`", TEXT)
    line = [str(BIN / "cf-ai"), *shlex.split(command)[1:], "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("5,000" in said for said in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 0, err


@pytest.mark.parametrize("text", [block.code for block in of("toml")])
def test_a_profile_file_is_read(text: str, elsewhere: Path, cf_sandbox: Sandbox) -> None:
    file = elsewhere / "config.toml"
    file.write_text(text.replace("…", cf_sandbox.api_key), encoding="utf-8")
    assert SyncCFUserClient.from_env(config_file=file).base_url == SyncCFUserClient.BASE_URL
    staging = SyncCFUserClient.from_env("staging", config_file=file)
    assert (staging.api_key, staging.base_url) == (cf_sandbox.api_key, "https://api.staging.ai.cloudfactory.app/api/v1")
    file.write_text(file.read_text(encoding="utf-8").replace(staging.base_url, cf_sandbox.base_url), encoding="utf-8")
    with SyncCFUserClient.from_env("staging", config_file=file) as client:
        assert len(client.list_batches(cf_sandbox.project_id)) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="the README names the path on Linux")
def test_the_profile_file_is_where_the_text_says(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(elsewhere))
    (path,) = re.findall(r"`(~/.*\.toml)`", TEXT)
    assert config_path() == Path(path).expanduser()


def rows() -> Iterator[tuple[list[str], str]]:
    for line in TEXT.splitlines():
        if re.match(r"\| `\w+`", line):
            codes, _, retried = (cell.strip() for cell in line.strip("|").split("|"))
            yield re.findall(r"`(\w+)`", codes), retried


def attempts(code: Any) -> int:
    """Count the attempts that the default policy makes; a host that asks for nothing and no time spent."""
    policy, error, tries = RetryPolicy(), CFError("", code=code), Tries()
    while True:
        tries.begin(0.0)
        number, spoiled = tries.count, tries.spoiled
        if wait_before_retry(policy, error, attempt=number, elapsed=0, jitter=0.5, spoiled=spoiled) is None:
            return number
        tries.failed(error)


def test_the_table_of_error_codes_is_the_code() -> None:
    table = list(rows())
    assert sorted(code for codes, _ in table for code in codes) == sorted(ERROR_CODES)
    for codes, retried in table:
        assert {code in RETRYABLE_CODES for code in codes} == {retried != "no"}, codes


def test_the_numbers_of_the_text_are_the_defaults() -> None:
    assert f"by default up to {RetryPolicy().attempts} attempts" in TEXT
    counted = {code: attempts(code) for codes, retried in rows() for code in codes if retried.startswith("yes")}
    assert counted == dict.fromkeys(counted, 12) | {"checksum": 2, "invalid_json": 2}
    assert attempts("not_found") == 1


def test_the_exit_codes_of_the_text_are_those_of_the_help() -> None:
    assert " ".join(EXIT_CODES_HELP.removeprefix("\b").split()) in " ".join(TEXT.split())


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert links
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []
