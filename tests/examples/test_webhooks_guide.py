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
from typing import get_args

import pytest

from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.webhooks import SQLiteStore, WebhookError, WebhookReason
from cf_ai_platform_client.webhooks.receiving import answer_to

from ..conftest import files_below
from ..webhooks.sites import serving_asgi, serving_wsgi, set_django_up
from .documents import BIN, ROOT, blocks, check_all_known, commands, prints, run_python

pytestmark = pytest.mark.usefixtures("elsewhere")

GUIDE = ROOT / "docs" / "webhooks.md"
TEXT = GUIDE.read_text(encoding="utf-8")
ITEM = "0520a8e8-6160-5229-842a-5eeff9033a39"
CIRCLE, LOG, FLASK, DJANGO, BY_HAND = (block for block in blocks(GUIDE) if block.language == "python")
COMMANDS = [command for block in blocks(GUIDE) if block.language == "console" for command in commands(block)]


def test_every_block_is_known() -> None:
    check_all_known(GUIDE, "python", "console")


def test_the_whole_circle(account: Sandbox, elsewhere: Path) -> None:
    names = run_python(CIRCLE, GUIDE)
    with serving_asgi(names["app"]) as url:  # whose end waits for the handler
        for _ in range(2):
            assert account.deliver(ITEM, f"{url}/webhooks").status == 204
    assert list(files_below(elsewhere / "annotations")) == [f"Yellowstone plot 541000/{ITEM}.json"]
    assert account.counts["storage"] == 1
    with SQLiteStore("deliveries.sqlite3") as store:
        assert store.unhandled(attempts=1000) == []


def test_the_log() -> None:
    script = f"{LOG.code}\nlogging.getLogger('cf_ai_platform_client.webhooks').info('here')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("INFO cf_ai_platform_client.webhooks here\n")


def test_flask(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    names = run_python(FLASK, GUIDE)
    with serving_wsgi(names["app"], names["webhooks"]) as url:
        assert account.deliver(ITEM, f"{url}/webhooks").status == 204
    assert capsys.readouterr().out == f"{ITEM} is COMPLETED\n"


def test_django(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    set_django_up()
    names = run_python(DJANGO, GUIDE)
    with serving_wsgi(names["application"], names["webhooks"]) as url:
        assert account.deliver(ITEM, f"{url}/webhooks").status == 204
    assert capsys.readouterr().out == f"{ITEM} is COMPLETED\n"


def test_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    run_python(BY_HAND, GUIDE)
    assert BY_HAND.output is not None
    assert prints(BY_HAND.output, capsys.readouterr().out)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT, uses a POSIX shell")
def test_the_commands(account: Sandbox, elsewhere: Path) -> None:
    install, _, listen, send, verify = COMMANDS
    assert install == "pip install '.[webhooks]'"
    port = free_port()

    def here(command: str, *more: str) -> list[str]:
        name, *arguments = shlex.split(command.replace("8000", str(port)))
        assert name == "cf-ai"
        return [str(BIN / name), *arguments, *more]

    with subprocess.Popen(here(listen), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Listening" in process.stderr.readline()
        done = subprocess.run(here(send, "--port", str(account.port)), capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"Delivered: work item {ITEM} is COMPLETED.")
        assert ITEM in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0
    (event,) = (json.loads(line) for line in (elsewhere / "events.jsonl").read_text().splitlines())
    assert event["workItemID"] == ITEM
    delivery = account.deliveries[0]
    saved = {"headers": delivery.headers, "body": delivery.body.decode()}
    (elsewhere / "delivery.json").write_text(json.dumps(saved), encoding="utf-8")
    done = subprocess.run(here(verify), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Verified.")


def test_the_table_of_reasons_is_the_code() -> None:
    rows = re.findall(r"(?m)^\| (`[a-z_`, ]+`) \| .* \| (\d+) \|$", TEXT)
    told = {reason: int(status) for reasons, status in rows for reason in re.findall(r"`(\w+)`", reasons)}
    assert told == {reason: answer_to(WebhookError("", reason=reason)).status for reason in get_args(WebhookReason)}
