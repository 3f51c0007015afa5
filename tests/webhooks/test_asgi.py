"""What an ASGI server may ask of the app besides deliveries."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from cf_ai_platform_client.webhooks import MemoryStore, WebhookApp, WebhookEvent

from .signing import Signer, body_of, event_of

SIGNER = Signer()


def ignore(event: WebhookEvent) -> None: ...


async def asked(app: WebhookApp, kind: str, messages: Iterable[dict[str, Any]], **scope: Any) -> list[dict[str, Any]]:
    """Return what the app sends to a server that sends these."""
    coming, sent = iter(messages), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app({"type": kind, **scope}, receive, send)
    return sent


def test_a_websocket_is_closed() -> None:
    sent = asyncio.run(
        asked(WebhookApp(ignore, verifier=SIGNER.verifier()), "websocket", [{"type": "websocket.connect"}])
    )
    assert sent == [{"type": "websocket.close", "code": 1000}]


@pytest.mark.parametrize("before", [[], [{"type": "http.request", "body": b"{", "more_body": True}]])
def test_a_client_that_goes_is_not_answered(before: list[dict[str, Any]]) -> None:
    app = WebhookApp(ignore, verifier=SIGNER.verifier())
    messages = [*before, {"type": "http.disconnect"}]
    assert asyncio.run(asked(app, "http", messages, method="POST", headers=[])) == []


class Away(MemoryStore):
    def unhandled(self, attempts: int) -> list[WebhookEvent]:
        raise ConnectionError("the database is away")


LIFE = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]


def test_a_store_that_is_away_at_the_start_keeps_the_server_from_starting() -> None:
    app = WebhookApp(ignore, verifier=SIGNER.verifier(), store=Away())
    sent = asyncio.run(asked(app, "lifespan", LIFE))
    assert sent == [{"type": "lifespan.startup.failed", "message": "the database is away"}]


def test_all_that_wait_for_a_store_fail_at_once() -> None:
    reading, end, read = threading.Event(), threading.Event(), list[int]()

    class Hung(MemoryStore):
        def unhandled(self, attempts: int) -> list[WebhookEvent]:
            read.append(attempts)
            reading.set()
            end.wait(10)
            raise ConnectionError("the database is away")

    async def main() -> list[int]:
        app = WebhookApp(ignore, verifier=SIGNER.verifier(), store=Hung())

        async def status_of(number: int) -> int:
            body = event_of(number).body
            headers = [(name.lower().encode(), value.encode()) for name, value in SIGNER.headers(body).items()]
            sent = await asked(app, "http", [{"type": "http.request", "body": body}], method="POST", headers=headers)
            return int(sent[0]["status"])

        tasks = [asyncio.ensure_future(status_of(number)) for number in range(5)]
        await asyncio.to_thread(reading.wait, 10)
        await asyncio.sleep(0)
        end.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [503] * 5
    assert len(read) == 1


def test_the_end_waits_for_the_handlers() -> None:
    done: list[str] = []

    async def slow(event: WebhookEvent) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        done.append(event.work_item_id)

    async def main() -> list[dict[str, Any]]:
        store = MemoryStore()
        store.add(event_of(1))
        store.add(event_of(2))
        app = WebhookApp(slow, verifier=SIGNER.verifier(), store=store, at_once=1)
        async with app.lifespan():
            assert done == []
        assert store.unhandled(3) == []
        return await asked(app, "lifespan", LIFE)

    assert [message["type"] for message in asyncio.run(main())] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert done == ["item-1", "item-2"]


def test_the_end_does_not_wait_for_ever() -> None:
    cancelled: list[str] = []

    async def main() -> None:
        begun = asyncio.Event()

        async def endless(event: WebhookEvent) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(event.work_item_id)
                raise

        store = MemoryStore()
        store.add(event_of(1))
        store.add(event_of(2))
        app = WebhookApp(endless, verifier=SIGNER.verifier(), store=store, at_once=1, grace=0)
        assert (await app.resume(), await app.resume()) == (2, 0)  # then they are in hand
        await begun.wait()
        await app.close()
        assert len(store.unhandled(3)) == 2
        assert [event.work_item_id for event in store.unhandled(1)] == ["item-2"]

    asyncio.run(main())
    assert cancelled == ["item-1"]


def test_an_object_whose_call_is_async_is_a_handler() -> None:
    seen: list[str] = []

    class Handler:
        async def __call__(self, event: WebhookEvent) -> None:
            seen.append(event.work_item_id)

    async def main() -> None:
        app = WebhookApp(Handler(), verifier=SIGNER.verifier())
        body = body_of(workItemID="x")
        headers = [(name.lower().encode(), value.encode()) for name, value in SIGNER.headers(body).items()]
        message = {"type": "http.request", "body": body}
        sent = await asked(app, "http", [message], method="POST", headers=headers)
        assert sent[0]["status"] == 204
        await app.close()

    asyncio.run(main())
    assert seen == ["x"]


def test_a_client_that_goes_while_its_delivery_is_stored_does_not_lose_it() -> None:
    adding, end, handled = threading.Event(), threading.Event(), list[str]()

    class Slow(MemoryStore):
        def add(self, event: WebhookEvent) -> bool:
            adding.set()
            end.wait(10)
            return super().add(event)

    async def main() -> None:
        body = body_of(workItemID="x")
        headers = [(name.lower().encode(), value.encode()) for name, value in SIGNER.headers(body).items()]
        app = WebhookApp(lambda event: handled.append(event.work_item_id), verifier=SIGNER.verifier(), store=Slow())
        request = [{"type": "http.request", "body": body}]
        task = asyncio.ensure_future(asked(app, "http", request, method="POST", headers=headers))
        await asyncio.to_thread(adding.wait, 10)
        task.cancel()
        await asyncio.wait([task])
        end.set()
        await app.close()
        assert task.cancelled()

    asyncio.run(main())
    assert handled == ["x"]
