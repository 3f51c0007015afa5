"""A server of its own for deliveries, for those who run none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from aiohttp import web

from .connections import Connections
from .deliveries import DeliveryStore
from .handling import Handler, Parts
from .receiver import Receiver
from .verifier import Verifier

_FOR_ANSWERS = 2.0
"""Seconds, of those of grace, that requests which have come have at the end; handlers have the rest."""


async def serve(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    verifier: Verifier | None = None,
    store: DeliveryStore | None = None,
    attempts: int = 3,
    at_once: int = 10,
    grace: float = 10.0,
    on_listening: Callable[[int], object] | None = None,
) -> None:
    """Receive deliveries at any path until it is cancelled; the other arguments are those of `WebhookApp`.

    `on_listening` is called with the port once it listens; 0 takes a free one. Plain HTTP: put a server that speaks
    HTTPS in front. A connection is for one request, which may take 10 s to arrive; 500 may be open at once. Raises
    OSError where the port is taken.

    >>> async def until_it_listens():
    ...     listening = asyncio.Event()
    ...     keys = {"key-1": bytes(32)}
    ...     serving = asyncio.create_task(
    ...         serve(print, port=0, verifier=Verifier(keys=keys), on_listening=lambda port: listening.set())
    ...     )
    ...     await listening.wait()
    ...     serving.cancel()
    >>> asyncio.run(until_it_listens())
    """
    receiver = Receiver(Parts(handler, verifier, store, attempts, at_once), resume=True, grace=grace)

    async def receive(request: web.BaseRequest) -> web.StreamResponse:
        pieces = _pieces(request, lambda: server.read(request.protocol))
        answer = await receiver.receive(request.method, request.headers, request.content_length, pieces)
        response = web.Response(status=answer.status, body=answer.body or None, headers=dict(answer.all_headers))
        response.force_close()
        return response

    server = Connections(receive)
    runner = web.ServerRunner(server, shutdown_timeout=min(grace / 2, _FOR_ANSWERS))
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        await receiver.resume_once()
        if on_listening is not None:
            on_listening(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        end = asyncio.get_running_loop().time() + grace
        try:
            await runner.cleanup()
        finally:
            await receiver.close(max(0.0, end - asyncio.get_running_loop().time()))


async def _pieces(request: web.BaseRequest, at_the_end: Callable[[], None]) -> AsyncGenerator[bytes, None]:
    async for piece in request.content.iter_any():
        yield piece
    at_the_end()
