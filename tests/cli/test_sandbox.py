from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from ..conftest import files_below
from ..receiver import Receiver
from .conftest import Command, environment

Start = Callable[..., "subprocess.Popen[str]"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals, uses a POSIX shell")


def introduction(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while '"./annotations", assets=True)' not in "".join(lines):
        line = process.stdout.readline()
        assert line, lines
        lines.append(line.rstrip("\n"))
    return lines


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_prints_can_be_pasted(number: signal.Signals, tmp_path: Path, start: Start) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nendpoint = "storage"\nnth = 1\naction = "reset"\n', encoding="utf-8")
    process = start("sandbox", "--port", "0", "--items", "50", "--latency", "1", "--seed", "7", "--faults", faults)
    lines = introduction(process)
    assert lines[2].startswith("  base URL   http://127.0.0.1:")
    assert "  items      50" in lines
    place = next(n for n, line in enumerate(lines) if "CF_API_KEY=" in line)
    shell = subprocess.run("\n".join(lines[place : place + 2]), shell=True, cwd=tmp_path, env=on_the_path(), check=True)
    assert shell.returncode == 0
    assert len(files_below(tmp_path / "annotations")) == 2 * 50  # each with its image
    python = "\n".join(line.strip() for line in lines[-3:])
    (tmp_path / "again").mkdir()
    subprocess.run([sys.executable, "-c", python], cwd=tmp_path / "again", env=environment(), check=True)
    assert files_below(tmp_path / "again" / "annotations") == files_below(tmp_path / "annotations")
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 0
    assert err.startswith("\nStopped after ")


def on_the_path() -> dict[str, str]:
    return environment(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def test_a_taken_port_is_one_sentence(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai("sandbox", "--port", cf_sandbox.port)
    assert run.code == 2
    assert f"cannot listen on port {cf_sandbox.port} of 127.0.0.1: choose another port" in run.err
    assert "Errno" not in run.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "are neither 'storm' nor a file that is there"),
        ("nonsense", "is not TOML"),
        ('[[fault]]\nendpoint = "storage"', "row 1: action is missing"),
    ],
)
def test_faults_that_cannot_be_read(content: str | None, sentence: str, tmp_path: Path, cf_ai: Command) -> None:
    path = tmp_path / "faults.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    run = cf_ai("sandbox", "--port", "0", "--faults", path)
    assert run.code == 2
    assert sentence in run.err
    assert cf_ai("sandbox", "--port", "0", "--faults", tmp_path).code == 2


@posix
@pytest.mark.skipif(shutil.which("curl") is None, reason="pastes a curl command")
def test_with_a_webhook_it_says_how_to_have_one_delivered(start: Start) -> None:
    with Receiver() as receiver:
        lines = introduction(start("sandbox", "--port", "0", "--webhook", receiver.url))
        assert f"  webhook    {receiver.url}" in lines
        (jwks,) = [line.split()[1] for line in lines if line.startswith("  JWKS ")]
        assert jwks.startswith("http://127.0.0.1:")
        place = next(n for n, line in enumerate(lines) if "curl" in line)
        command = "\n".join(lines[place : place + 2])
        run = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
        assert json.loads(run.stdout)["delivery"] == {"url": receiver.url, "status": 204, "attempts": 1, "error": None}
        ((body, _),) = receiver.seen
        assert json.loads(body)["status"] == "COMPLETED"


def test_without_a_webhook_the_keys_are_told_and_no_more(start: Start) -> None:
    lines = introduction(start("sandbox", "--port", "0", "--items", "0"))
    assert [line for line in lines if line.startswith("  JWKS       http://127.0.0.1:")]
    assert not [line for line in lines if line.startswith("  webhook") or "curl" in line]


def test_a_webhook_url_that_is_none_is_one_sentence(cf_ai: Command) -> None:
    run = cf_ai("sandbox", "--port", "0", "--webhook", "localhost:9000")
    assert run.code == 2
    assert run.err.startswith("The webhook URL is 'localhost:9000': it must be an http or https URL, such as")
    assert run.err.count("\n") == 1


HIDDEN = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "cryptography" else found(name, *more)
"""


def test_without_cryptography_there_are_no_webhooks_and_all_else(tmp_path: Path, start: Start) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDDEN, encoding="utf-8")
    environ = environment(PYTHONPATH=str(tmp_path))
    lines = introduction(start("sandbox", "--port", "0", environ=environ))
    assert not [line for line in lines if "JWKS" in line]
    refused = start("sandbox", "--port", "0", "--webhook", "http://127.0.0.1:1/", environ=environ)
    out, err = refused.communicate()
    assert (refused.returncode, out) == (2, "")
    assert "pip install 'cf-ai-platform-client[webhooks]'." in err
