from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Fault, Sandbox

from ..conftest import files_below
from .conftest import environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

Start = Callable[..., "subprocess.Popen[str]"]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
STUCK_AFTER_FIVE = Fault("storage", nth=range(6, 100), action="slow", delay=3600)

STUBBORN = """
import asyncio, sys
from cf_ai_platform_client.cli import exits, running

running.PATIENCE = float(sys.argv[1])

async def stubborn():
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaning", flush=True)
        await asyncio.Event().wait()

sys.exit(exits.run_reporting(lambda: running.run(stubborn)))
"""


def lines_until(process: subprocess.Popen[str], text: str, times: int) -> list[str]:
    assert process.stderr is not None
    lines: list[str] = []
    while sum(text in line for line in lines) < times:
        line = process.stderr.readline()
        assert line, lines
        lines.append(line)
    return lines


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_download_says_what_is_there(
    number: signal.Signals, code: int, as_json: bool, tmp_path: Path, start: Start
) -> None:
    with Sandbox(faults=[STUCK_AFTER_FIVE]) as sandbox:
        line = ["download", sandbox.project_id, sandbox.space_id, tmp_path, "-vv", *(["--json"] if as_json else [])]
        process = start(*line, environ=environment(sandbox))
        lines_until(process, "Stored", 5)
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == code
    sentence = f"Interrupted: 5 of 36 work items are saved below {tmp_path}, each of them whole."
    assert err.splitlines()[-1] == f"{sentence} Run the same command again to go on from there."
    assert "Traceback" not in err
    assert "Task" not in err
    assert len(files_below(tmp_path)) == 5
    body = json.loads(out) if as_json else {}
    if as_json:
        assert (body["successful"], body["not_attempted"], body["exit_code"]) == (5, 31, code)
        assert body["error"]["code"] == "cancelled"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_an_interrupted_listing_is_quiet(number: signal.Signals, code: int, start: Start) -> None:
    with Sandbox(items=300, faults=[Fault("work_items", nth=2, action="slow", delay=3600)]) as sandbox:
        process = start("items", sandbox.project_id, "--json", environ=environment(sandbox))
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate()
    assert (process.returncode, err) == (code, "Interrupted.\n")


def stubborn(patience: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", STUBBORN, patience]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "cleaning\n"
    return process


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(second: signal.Signals) -> None:
    process = stubborn("3600")
    process.send_signal(second)
    _, err = process.communicate()
    assert (process.returncode, err) == (-second, "")


def test_a_run_that_does_not_clean_up_is_ended() -> None:
    process = stubborn("0.01")
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == "It did not stop in time and was ended; what is below the destination is whole.\n"
