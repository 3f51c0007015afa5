from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from ..conftest import files_below
from .conftest import Command, environment

Start = Callable[..., "subprocess.Popen[str]"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals, uses a POSIX shell")


def introduction(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while '"./annotations")' not in "".join(lines):
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
    assert len(files_below(tmp_path / "annotations")) == 50
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
