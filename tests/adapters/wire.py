"""Servers on loopback that say exactly what a test wants, and note what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cf_ai_platform_client.adapters.http import Http
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.core.addresses import AddressRules
from cf_ai_platform_client.core.redaction import Secret
from cf_ai_platform_client.core.requests import ApiCall
from cf_ai_platform_client.settings import Limits

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEY = "canary-key"
PUBLIC = "https://platform.example/api/v1"
CALL = ApiCall("batches", "GET", "/projects/p/batches")


class UnreadRules(AddressRules):
    """Rules that pass every URL as it is written, so that what stands behind them is seen at work."""

    __slots__ = ()

    def check_url(self, url: str) -> None:
        pass


def make_http(
    base_url: str,
    *,
    runtime: Runtime | None = None,
    allowed: tuple[str, ...] = (),
    rules: type[AddressRules] = AddressRules,
    **limits: Any,
) -> Http:
    return Http(Secret(KEY), base_url, rules.for_base_url(base_url, allowed), Limits(**limits), runtime or Runtime())


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Make a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection as a crash does."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclass
class RawServer:
    """Where it listens, how often it was connected to, and the head of each request."""

    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list[str])

    def url(self, target: str = "/a.json") -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    def header(self, name: str, request: int = -1) -> str | None:
        lines = [line.partition(": ") for line in self.heads[request].split("\r\n")[1:]]
        return next((value for found, _, value in lines if found.lower() == name.lower()), None)


@asynccontextmanager
async def raw_server(
    answer: bytes | Answer, tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> AsyncGenerator[RawServer, None]:
    """Listen; bytes are sent for every request, a function may do what it likes with the first of a connection.

    With `at_once` it does so before it has read anything.
    """
    server = RawServer()
    open_ones: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if at_once and not isinstance(answer, bytes):
            return await answer(reader, writer)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            server.heads.append(head.decode("latin-1"))
            if not isinstance(answer, bytes):
                return await answer(reader, writer)
            writer.write(answer)
            await writer.drain()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        open_ones.add(writer)
        try:
            await converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            open_ones.discard(writer)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in list(open_ones):
            writer.transport.abort()
        while open_ones:
            await asyncio.sleep(0)


@asynccontextmanager
async def proxy_to(port: int, refuse: str = "") -> AsyncGenerator[RawServer, None]:
    """Run a proxy that takes every host for the one at `port`, by CONNECT or with an absolute URL."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = proxy.heads[-1]
        if refuse:
            writer.write(ok(b"", status=refuse))
            return await writer.drain()
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        if head.startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            up_writer.write(head.encode("latin-1"))
        try:
            await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))
        finally:
            up_writer.transport.abort()

    async with raw_server(relay) as proxy:
        yield proxy


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        writer.close()
