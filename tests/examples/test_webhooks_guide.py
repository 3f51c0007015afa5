"""Every block of docs/webhooks.md runs, against a sandbox."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.webhooks import SQLiteStore, WebhookError, WebhookReason
from cf_ai_platform_client.webhooks.receiving import answer_to

from ..conftest import files_below
from ..webhooks.sites import serving_asgi, serving_wsgi, set_django_up

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
ITEM = "0520a8e8-6160-5229-842a-5eeff9033a39"


def evaluate_nothing(example: Example) -> None: ...


def blocks(language: str) -> list[str]:
    document = Sybil([CodeBlockParser(language, evaluate_nothing)]).parse(GUIDE)
    return [example.parsed for example in document.examples()]


CIRCLE, FLASK, DJANGO, BY_HAND = blocks("python")
COMMANDS = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]


def executed(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, str(GUIDE), "exec"), names)
    return names


@pytest.fixture
def platform(cf_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CF_API_KEY", cf_sandbox.api_key)
    monkeypatch.setenv("CF_PLATFORM_BASE_URL", cf_sandbox.base_url)
    return cf_sandbox


def test_every_block_is_known() -> None:
    assert TEXT.count("\n```") == 2 * (4 + len(blocks("console")))
    assert all(line.startswith("$ ") for block in blocks("console") for line in block.splitlines())


def test_the_whole_circle(platform: Sandbox, tmp_path: Path) -> None:
    names = executed(CIRCLE)
    with serving_asgi(names["app"]) as url:  # whose end waits for the handler
        for _ in range(2):
            assert platform.deliver(ITEM, f"{url}/webhooks").status == 204
    assert list(files_below(tmp_path / "annotations")) == [f"Yellowstone plot 541000/{ITEM}.json"]
    assert platform.counts["storage"] == 1
    with SQLiteStore("deliveries.sqlite3") as store:
        assert store.unhandled(attempts=1000) == []


def test_flask(platform: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    names = executed(FLASK)
    with serving_wsgi(names["app"], names["webhooks"]) as url:
        assert platform.deliver(ITEM, f"{url}/webhooks").status == 204
    assert capsys.readouterr().out == f"{ITEM} is COMPLETED\n"


def test_django(platform: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    set_django_up()
    names = executed(DJANGO)
    with serving_wsgi(names["application"], names["webhooks"]) as url:
        assert platform.deliver(ITEM, f"{url}/webhooks").status == 204
    assert capsys.readouterr().out == f"{ITEM} is COMPLETED\n"


def test_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    executed(BY_HAND)
    assert capsys.readouterr().out == "7 COMPLETED 2026-01-02 08:00:00+01:00\nwrong_signature\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT, uses a POSIX shell")
def test_the_commands(platform: Sandbox, tmp_path: Path) -> None:
    install, _, listen, send, verify = COMMANDS
    assert install == "pip install 'cf-ai-platform-client[webhooks]'"
    port = free_port()

    def here(command: str, *more: str) -> list[str]:
        name, *arguments = shlex.split(command.replace("8000", str(port)))
        assert name == "cf-ai"
        return [str(BIN / name), *arguments, *more]

    with subprocess.Popen(here(listen), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Listening" in process.stderr.readline()
        done = subprocess.run(here(send, "--port", str(platform.port)), capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"Delivered: work item {ITEM} is COMPLETED.")
        assert ITEM in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0
    (event,) = (json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines())
    assert event["workItemID"] == ITEM
    delivery = platform.deliveries[0]
    saved = {"headers": delivery.headers, "body": delivery.body.decode()}
    (tmp_path / "delivery.json").write_text(json.dumps(saved), encoding="utf-8")
    done = subprocess.run(here(verify), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Verified.")


def test_the_table_of_reasons_is_the_code() -> None:
    rows = re.findall(r"(?m)^\| (`[a-z_`, ]+`) \| .* \| (\d+) \|$", TEXT)
    told = {reason: int(status) for reasons, status in rows for reason in re.findall(r"`(\w+)`", reasons)}
    assert told == {reason: answer_to(WebhookError("", reason=reason)).status for reason in get_args(WebhookReason)}
