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
