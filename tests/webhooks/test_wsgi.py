"""What is WSGI's alone: threads, and an end that waits for them."""

from __future__ import annotations

import threading

import pytest

from cf_ai_platform_client.webhooks import MemoryStore, WebhookEvent, WebhookWSGIApp
from cf_ai_platform_client.webhooks.workers import Workers

from .signing import Signer, event_of

SIGNER = Signer()


def stored(*numbers: int) -> MemoryStore:
    store = MemoryStore()
    for number in numbers:
        store.add(event_of(number))
    return store


def test_the_end_waits_for_the_handlers() -> None:
    done: list[str] = []
    store = stored(*range(20))
    app = WebhookWSGIApp(
        lambda event: done.append(event.work_item_id), verifier=SIGNER.verifier(), store=store, at_once=1
    )
    assert app.resume() == 20
    app.close()
    assert done == [f"item-{number}" for number in range(20)]
    assert store.unhandled(3) == []


def test_the_end_does_not_wait_for_ever_and_begins_nothing_after() -> None:
    begun, end, store = threading.Event(), threading.Event(), stored(1, 2)
    before = set(threading.enumerate())
    handled: list[str] = []

    def slow(event: WebhookEvent) -> None:
        begun.set()
        end.wait(10)
        handled.append(event.work_item_id)

    app = WebhookWSGIApp(slow, verifier=SIGNER.verifier(), store=store, at_once=1, grace=0)
    assert (app.resume(), app.resume()) == (2, 0)  # then they are in hand
    assert begun.wait(10)
    (thread,) = [each for each in threading.enumerate() if each not in before]
    assert thread.daemon
    app.close()
    end.set()
    thread.join()
    assert handled == ["item-1"]
    assert [event.work_item_id for event in store.unhandled(1)] == ["item-2"]


@pytest.mark.parametrize("most", [1, 3])
def test_there_are_at_most_so_many_threads(most: int) -> None:
    end, here, threads = threading.Event(), threading.Semaphore(0), set[int]()
    workers = Workers(most)

    def job() -> None:
        threads.add(threading.get_ident())
        here.release()
        end.wait(10)

    for _ in range(10):
        workers.submit(job)
    for _ in range(most):
        assert here.acquire(timeout=10)
    assert not here.acquire(blocking=False)
    end.set()
    workers.close(10)
    assert len(threads) == most
