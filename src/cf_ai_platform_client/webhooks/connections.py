"""The connections of the server: how many, how long, and what of them is worth a line in the log (nothing)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .telling import logger

MOST_CONNECTIONS = 500
"""At once; more are cut. A delivery takes one for an instant."""

LONGEST_REQUEST = 10.0
"""Seconds from a connection to the end of its request, which is its only one."""

_LINGERING = 1.0


if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter  # takes no parameter before Python 3.11


class _ForDebugging(_Adapter):
    """Logs what strangers send, and how they go, for debugging alone and without tracebacks."""

    def log(self, level: int, msg: object, *args: object, **_more: Any) -> None:
        self.logger.debug("A connection: " + str(msg).replace("\n", " "), *args)


class Connections(web.Server):
    """Serves one request a connection, and cuts those that are too many or take too long."""

    def __init__(
        self,
        receive: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        longest: float = LONGEST_REQUEST,
        most: int = MOST_CONNECTIONS,
    ) -> None:
        quiet = _ForDebugging(logger, {})
        super().__init__(
            receive,
            access_log=None,
            auto_decompress=False,
            logger=quiet,
            lingering_time=_LINGERING,
            tcp_keepalive=False,
        )
        self._longest, self._most = longest, most
        self._ends: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Begin to count the seconds of a connection."""
        super().connection_made(handler, transport)
        if len(self.connections) > self._most:
            transport.abort()
        else:
            self._ends[handler] = asyncio.get_running_loop().call_later(self._longest, transport.abort)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        super().connection_lost(handler, exc)
        self.read(handler)

    def read(self, handler: web.RequestHandler) -> None:
        """Give a connection whose request is read the time that its answer takes."""
        end = self._ends.pop(handler, None)
        if end is not None:
            end.cancel()
