"""A server in a thread, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from concurrent import futures
from typing import Any, TypeVar

from aiohttp import web

from .app import Service

HOST = "127.0.0.1"

T = TypeVar("T")

_STOPPED = "The sandbox was stopped meanwhile."

_ROUNDS_TO_GET_IN = 5
"""Of the event loop: from accepting a connection until the server knows of it it takes three."""


class Running:
    """A server in a thread with an event loop of its own, so that a caller who blocks does not starve it."""

    def __init__(self, service: Service, port: int) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self._service = service
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="cf-ai-sandbox", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        if self._loop is not None and self._end is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out a coroutine in the server's loop and wait for it. Raises RuntimeError where the server stops."""
        if self._loop is None:
            raise AssertionError("the thread has begun")
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise RuntimeError(_STOPPED) from None
        while self._thread.is_alive() and not futures.wait([future], timeout=0.5).done:
            pass  # in steps, so that Windows sees an interrupt, and nobody waits for a thread that has ended
        if not future.done() or future.cancelled():
            raise RuntimeError(_STOPPED)
        return future.result()

    def wait(self) -> None:
        while self._thread.is_alive():
            self._thread.join(0.5)  # in steps, so that Windows sees an interrupt

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._service.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._started.set()
        await self._end.wait()
        await self._let_nobody_in(self._loop)
        transports = [connection.transport for connection in runner.server.connections] if runner.server else []
        await runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()  # close() waits for those who do not read

    async def _let_nobody_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept no more, and wait for the last ones: closing the server loses them, with their sockets open."""
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.remove_reader(self._socket)
        for _ in range(_ROUNDS_TO_GET_IN):
            await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        message = f"The sandbox cannot listen on port {port} of {HOST}: choose another port, or 0 for a free one."
        raise OSError(error.errno, message) from error
