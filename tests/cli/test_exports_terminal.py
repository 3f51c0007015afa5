"""What somebody at a terminal sees and presses: a status that changes, a question, Ctrl-C."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cf_ai_platform_client import SyncCFUserClient
from cf_ai_platform_client.sandbox import Fault, Sandbox

from .conftest import MODULE, environment
from .test_signals import SIGNALS, lines_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX terminals and signals")

Start = Callable[..., "subprocess.Popen[str]"]
SPACE = "sample-space"
STUCK = Fault("storage", "slow", times=1, bytes_per_second=20_000)


class Terminal:
    """The terminal that a command runs on."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor, self.process = descriptor, process
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until this was shown."""
        while text not in self.seen:
            piece = self._read()
            assert piece, self.seen
            self.seen += piece

    def press(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def end(self) -> int:
        while piece := self._read():
            self.seen += piece
        return self.process.wait()

    def _read(self) -> str:
        assert select.select([self._descriptor], [], [], 60)[0], self.seen
        try:
            return os.read(self._descriptor, 1 << 16).decode()
        except OSError:  # what Linux says at the end of a terminal
            return ""


@contextmanager
def at_terminal(sandbox: Sandbox, *arguments: object) -> Iterator[Terminal]:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    line = [*MODULE, *map(str, arguments)]
    environ = environment(sandbox)
    process = subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True)
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def created(sandbox: Sandbox) -> str:
    with SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
        return str(client.create_export(SPACE, "nightly").export_id)


def test_a_bar_shows_the_status_and_then_the_bytes(tmp_path: Path) -> None:
    with Sandbox(export_polls=1) as sandbox, at_terminal(sandbox, "export", SPACE, tmp_path) as terminal:
        assert terminal.end() == 0
    assert "Export COMPLETED ..." in terminal.seen
    assert "Downloaded: 100%" in terminal.seen
    assert terminal.seen.splitlines()[-1] == str(next(tmp_path.glob("*.zip")))


@pytest.mark.parametrize(("answer", "left", "code"), [("n", 1, 1), ("y", 0, 0), ("", 1, 1)])
def test_deleting_asks(answer: str, left: int, code: int) -> None:
    with Sandbox() as sandbox:
        export_id = created(sandbox)
        with at_terminal(sandbox, "exports", "delete", SPACE, export_id) as terminal:
            terminal.until(f"Delete the export nightly ({export_id}, IN_PROGRESS)? [y/N]:")
            terminal.press(f"{answer}\n")
            assert terminal.end() == code
        assert len(sandbox.exports) == left
    assert ("Nothing was deleted." in terminal.seen) == bool(left)


def test_ctrl_c_at_the_question_deletes_nothing() -> None:
    with Sandbox() as sandbox:
        export_id = created(sandbox)
        with at_terminal(sandbox, "exports", "delete", SPACE, export_id) as terminal:
            terminal.until("[y/N]:")
            terminal.process.send_signal(signal.SIGINT)
            terminal.press("\n")  # it may come between the question and the reading, which then goes on
            assert terminal.end() == 130
        assert len(sandbox.exports) == 1
    assert terminal.seen.split()[-4:] == ["Nothing", "was", "deleted.", "Interrupted."]


def test_an_unknown_export_is_said_before_the_question() -> None:
    with Sandbox() as sandbox, at_terminal(sandbox, "exports", "delete", SPACE, "nonsense") as terminal:
        assert terminal.end() == 5
    assert "Export nonsense was not found." in terminal.seen
    assert "[y/N]" not in terminal.seen


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_an_interrupted_wait_says_how_to_go_on(number: signal.Signals, code: int, start: Start) -> None:
    with Sandbox(export_polls=1000) as sandbox:
        export_id = created(sandbox)
        process = start("exports", "wait", SPACE, export_id, "-v", environ=environment(sandbox))
        lines_until(process, "is PENDING", 1)
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    sentence = f"Interrupted: the export {export_id} is PENDING and goes on without you. "
    assert err.startswith(sentence)
    assert err.endswith(f" exports wait {SPACE} {export_id} takes it up again.\n")


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_interrupted_export_says_how_to_go_on(as_json: list[str], tmp_path: Path, start: Start) -> None:
    with Sandbox(export_polls=1000) as sandbox:
        process = start("export", SPACE, tmp_path, "-v", *as_json, environ=environment(sandbox))
        lines_until(process, "is PENDING", 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        (export,) = sandbox.exports
    assert process.returncode == 130
    assert err.endswith(f" exports download {SPACE} {export['exportId']} {tmp_path} takes it up again.\n")
    assert ('"code": "cancelled"' in out) == bool(as_json)


def test_an_interrupted_order_may_have_been_carried_out(start: Start, tmp_path: Path) -> None:
    with Sandbox(faults=[Fault("exports", "slow", delay=3600)]) as sandbox:
        process = start("export", SPACE, tmp_path, "-vv", environ=environment(sandbox))
        while not sandbox.counts["exports"]:
            assert process.poll() is None
            select.select([], [], [], 0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Interrupted: the export may have been created. " in err
    assert err.endswith(f" exports list {SPACE} shows it.\n")


def test_an_interrupted_download_goes_on(tmp_path: Path, start: Start) -> None:
    with Sandbox(export_polls=1, faults=[STUCK]) as sandbox:
        export_id = created(sandbox)
        line = ["exports", "download", SPACE, export_id, tmp_path, "-v"]
        process = start(*line, environ=environment(sandbox))
        lines_until(process, "is COMPLETED", 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert err.endswith(f" exports download {SPACE} {export_id} {tmp_path} goes on from there.\n")
        assert list(tmp_path.glob("*.zip")) == []
        again = start(*line, environ=environment(sandbox))
        assert again.communicate()[0] == f"{tmp_path / export_id}.zip\n"
        assert again.returncode == 0
