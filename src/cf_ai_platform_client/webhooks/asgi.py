"""Receives deliveries as an ASGI app: alone, or mounted in FastAPI or Starlette."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from .deliveries import DeliveryStore
from .handling import Handler, Parts
from .receiver import Receiver
from .receiving import Answer, length_of
from .verifier import Verifier

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class WebhookApp:
    """An ASGI app that answers a delivery with 204 once it is verified and stored, and then calls `handler`.

    Mount it at any path: `app.mount("/webhooks", WebhookApp(handle))`, and give `lifespan` to the app around it, which
    alone is told when the server starts. What was stored and not handled when a process died is handled at the next
    start: then, by `resume()`, or else with the first delivery. A handler may so be called more than once for a
    delivery, if it was interrupted, but not because the delivery came again.

    Args:
        handler: called with each WebhookEvent, plain (then in a thread) or async. One that raises is logged, and
            called again at the next start, `attempts` times in all; then it is given up, and stays in the store.
        verifier: `Verifier()` by default, which takes the platform's own keys.
        store: a MemoryStore by default, which forgets with the process; a SQLiteStore does not.
        at_once: how many handlers run at the same time; other deliveries wait in the store.
        resume: False for all but one of several processes that share a store.
        grace: seconds that handlers have to end when the server stops.

    A stranger gets a 4xx that tells nothing; the log `cf_ai_platform_client.webhooks` tells why, on standard error
    where no log is set up. Keys or a store that cannot be reached are a 503, so that the platform tries again. Raises
    what `Verifier` raises, and ValueError.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        verifier: Verifier | None = None,
        store: DeliveryStore | None = None,
        attempts: int = 3,
        at_once: int = 10,
        resume: bool = True,
        grace: float = 10.0,
    ) -> None:
        self._receiver = Receiver(Parts(handler, verifier, store, attempts, at_once), resume=resume, grace=grace)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of an ASGI server."""
        if scope["type"] == "http":
            headers: list[tuple[bytes, bytes]] = list(scope["headers"])
            length = next(
                (length_of(value.decode("latin-1")) for name, value in headers if name == b"content-length"), None
            )
            try:
                answer = await self._receiver.receive(scope["method"], headers, length, _pieces(receive))
            except _Gone:
                return
            await _send(answer, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def resume(self) -> int:
        """Begin to handle what is stored, not handled and not in hand; return how many deliveries that are."""
        return await self._receiver.resume()

    async def close(self) -> None:
        """Wait for the handlers, `grace` seconds at the most; what then is not handled stays in the store."""
        await self._receiver.close()

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None, None]:
        """Resume at the start and close at the end: `FastAPI(lifespan=webhooks.lifespan)`."""
        await self._receiver.resume_once()
        try:
            yield
        finally:
            await self.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        """Follow the lifespan of a server that runs this app alone."""
        await receive()
        try:
            await self._receiver.resume_once()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})


class _Gone(Exception):
    """The client went before its request was whole."""


async def _pieces(receive: Receive) -> AsyncGenerator[bytes, None]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in answer.all_headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
