"""Handlers that hang, that end in whatever way, and whose failures nobody set up a log for."""

from __future__ import annotations

import asyncio
import queue
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from cf_ai_platform_client.webhooks import MemoryStore, WebhookEvent

from ..webhooks.signing import event_of
from ..webhooks.sites import Site, flask, own_server, uvicorn_alone
from ..webhooks.test_receivers import SIGNER, numbered, post

SECONDS = 10.0
of_each_kind = pytest.mark.parametrize("site", [uvicorn_alone, own_server, flask], ids=lambda site: site.__name__)


@of_each_kind
def test_plain_handlers_that_hang_stop_no_delivery_and_not_the_end(site: Site) -> None:
    begun, end = threading.Semaphore(0), threading.Event()

    def hang(event: WebhookEvent) -> None:
        begun.release()
        end.wait(60)

    store = MemoryStore()
    try:
        with site(hang, verifier=SIGNER.verifier(), store=store, at_once=40, grace=0) as url:
            for number in range(40):  # more than a default executor has threads on any machine of this size
                assert post(url, numbered(number)).status_code == 204
            for _ in range(40):
                assert begun.acquire(timeout=SECONDS)
            assert post(url, numbered(40)).status_code == 204
        assert not end.is_set()
        assert len(store.unhandled(100)) == 41
    finally:
        end.set()


HANGING = """
import asyncio, sys, threading
from cf_ai_platform_client.webhooks import MemoryStore, Verifier, WebhookEvent, serve

def hang(event):
    print("begun", flush=True)
    threading.Event().wait()

store = MemoryStore()
store.add(WebhookEvent.from_body(sys.stdin.buffer.read()))
asyncio.run(serve(hang, port=0, verifier=Verifier(keys={"k": bytes(32)}), store=store, grace=0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_the_process_ends_though_a_handler_hangs() -> None:
    line = [sys.executable, "-c", HANGING]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(event_of().body)
        process.stdin.close()
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()


class Odd(BaseException):
    """What no handler should raise."""


@of_each_kind
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, StopIteration, Odd])
@pytest.mark.parametrize("is_async", [False, True])
def test_whatever_a_handler_raises_the_next_is_handled(
    site: Site, kind: Any, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: queue.Queue[str] = queue.Queue()
    store = MemoryStore()

    def plain(event: WebhookEvent) -> None:
        seen.put(event.work_item_id)
        if event.work_item_id != "item-9":
            raise kind

    async def later(event: WebhookEvent) -> None:
        plain(event)

    with site(later if is_async else plain, verifier=SIGNER.verifier(), store=store, at_once=1) as url:
        for number in (1, 2, 9):
            assert post(url, numbered(number)).status_code == 204
            assert seen.get(timeout=SECONDS) == f"item-{number}"
    told = [record.getMessage() for record in caplog.records if record.name == "cf_ai_platform_client.webhooks"]
    assert [line.split(" was ")[0] for line in told] == ["Work item item-1", "Work item item-2"]
    assert [event.work_item_id for event in store.unhandled(100)] == ["item-1", "item-2"]


UNHEARD = """
import asyncio, logging, sys
from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.webhooks import MemoryStore, Verifier, WebhookApp, WebhookEvent, WebhookWSGIApp

{set_up}

def fail(event):
    raise LookupError(f"\\x1b[31mred\\x1b[0m {{event.asset_url}}")

async def fail_later(event):
    fail(event)

store, verifier = MemoryStore(), Verifier(keys={{"k": bytes(32)}})
store.add(WebhookEvent.from_body(sys.stdin.buffer.read()))

async def through_asgi():
    async with WebhookApp(fail_later, verifier=verifier, store=store, attempts=1).lifespan():
        pass

if sys.argv[1] == "asgi":
    asyncio.run(through_asgi())
else:
    webhooks = WebhookWSGIApp(fail, verifier=verifier, store=store, attempts=1)
    webhooks.resume()
    webhooks.close()
    webhooks.resume()
"""


def said_without_a_log(kind: str, set_up: str = "") -> str:
    """Return what a process, which imports the client too, writes where its handler fails."""
    body = event_of(assetUrl="https://storage.example/a.jpg?X-Amz-Signature=canary-signature").body
    line = [sys.executable, "-c", UNHEARD.format(set_up=set_up), kind]
    done = subprocess.run(line, input=body, capture_output=True, timeout=60, check=True)
    assert done.stdout == b""
    return done.stderr.decode()


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
@pytest.mark.parametrize("set_up", ["", "logging.basicConfig()"])
def test_what_fails_is_told_on_standard_error_once(kind: str, set_up: str) -> None:
    said = said_without_a_log(kind, set_up)
    assert said.count("Work item item-7 was not handled: LookupError: ") == 1
    assert said.count("Work item item-7 is given up after 1 attempt; its delivery stays in the store.") == 1
    assert "Traceback (most recent call last):" in said
    assert "in fail\n" in said
    assert ("1 delivery in the store is given up after 1 attempt:" in said) is (kind == "wsgi")
    assert "\x1b" not in said
    assert "canary-signature" not in said
    assert "https://storage.example/a.jpg" in said


def test_who_wants_no_log_has_none() -> None:
    name = "cf_ai_platform_client.webhooks"
    assert said_without_a_log("wsgi", f"logging.getLogger({name!r}).setLevel(logging.CRITICAL)") == ""
    own = f"logging.getLogger({name!r}).addHandler(logging.StreamHandler(sys.stderr))"
    assert said_without_a_log("wsgi", own).count("was not handled") == 1


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@of_each_kind
def test_an_error_that_cannot_be_shown_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: WebhookEvent) -> None:
        raise Unsayable

    with site(fail, verifier=SIGNER.verifier(), attempts=1) as url:
        assert post(url, numbered(1)).status_code == 204
    assert "Work item item-1 was not handled: Unsayable: what it says cannot be shown" in caplog.text
