from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.cli.exits import Terminated, run_reporting, sentence
from cf_ai_platform_client.cli.running import run
from cf_ai_platform_client.errors import DiskError, ItemsFailedError, NetworkError
from cf_ai_platform_client.sandbox import Sandbox

from .conftest import environment

FULL = Path("/dev/full")


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (NetworkError("No route.", code="network", hint="Check it."), 5, "No route. Check it.\n"),
        (DiskError("It is full.", code="disk_full"), 4, "It is full.\n"),
        (ItemsFailedError("Some failed.", code="not_found"), 1, "Some failed.\n"),
        (PermissionError(13, "Permission denied", "/x"), 4, "/x: Permission denied.\n"),
        (ConnectionResetError(104, "Reset"), 5, "The system says: Reset.\n"),
        (ValueError("limit is 0: no."), 2, "--limit is 0: no.\n"),
        (ValueError("destination is 'destination is': no."), 2, "DEST is 'destination is': no.\n"),
        (
            json.JSONDecodeError("bad\x1b", "x", 0),
            1,
            "Internal error: JSONDecodeError: bad\\x1b: line 1 column 1 (char 0)\n"
            "Run it again with -vv and report what you see.\n",
        ),
        (KeyError("x"), 1, "Internal error: KeyError: 'x'\nRun it again with -vv and report what you see.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (Terminated(), 143, "Interrupted.\n"),
    ],
)
def test_every_error_has_its_code_and_its_sentence(
    error: BaseException, code: int, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_reporting(failing(error)) == code
    assert capfd.readouterr() == ("", shown)


def test_a_run_that_is_cancelled_from_within_is_our_mistake() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="from within") as caught:
        run(cancelled)
    assert sentence(caught.value).startswith("Internal error")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_exit_code_4(
    cf_sandbox: Sandbox, start: Callable[..., subprocess.Popen[str]]
) -> None:
    with FULL.open("w") as full:
        process = start("batches", cf_sandbox.project_id, environ=environment(cf_sandbox), stdout=full)
        _, err = process.communicate()
    assert (process.returncode, err) == (4, "Standard output cannot be written: no space left on device.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors")
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_is_no_failure(closed: int, cf_sandbox: Sandbox) -> None:
    line = f'exec "$0" -m cf_ai_platform_client.cli.main batches {cf_sandbox.project_id} {closed}>&-'
    done = subprocess.run(["sh", "-c", line, sys.executable], env=environment(cf_sandbox), capture_output=True)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
