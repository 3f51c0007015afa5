from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cf_ai_platform_client.cli.exits import run_reporting
from cf_ai_platform_client.cli.main import cli
from cf_ai_platform_client.sandbox import Sandbox

MODULE = [sys.executable, "-m", "cf_ai_platform_client.cli.main"]


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


Command = Callable[..., Run]


def environment(sandbox: Sandbox | None = None, **more: str) -> dict[str, str]:
    """Return what a shell of somebody who uses this sandbox has; without one, of somebody who uses none."""
    own = {"CF_API_KEY": sandbox.api_key, "CF_PLATFORM_BASE_URL": sandbox.base_url} if sandbox else {}
    return {**os.environ, **own, **more}


@pytest.fixture
def cf_ai(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command as `main` does, in this process."""

    def run(*arguments: object, sandbox: Sandbox | None = None, **more: str) -> Run:
        with monkeypatch.context() as patch:
            for name, value in environment(sandbox, **more).items():
                patch.setenv(name, value)
            texts = [str(argument) for argument in arguments]
            code = run_reporting(lambda: cli.main(texts, prog_name="cf-ai", standalone_mode=False))
        return Run(code, *capfd.readouterr())

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process of its own; it is gone after the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, environ: dict[str, str] | None = None, **more: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", **more}
        line = [*MODULE, *map(str, arguments)]
        process = subprocess.Popen(line, env=environ or environment(), **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
