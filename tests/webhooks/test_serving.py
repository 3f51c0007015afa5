"""What strangers may do to the server: nothing that is worth a line in the log."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from cf_ai_platform_client.webhooks.connections import LONGEST_REQUEST, MOST_CONNECTIONS, Connections

from .signing import body_of
from .sites import own_server
from .test_receivers import SIGNER, Inbox, post

BODY = body_of()
SIGNED = "".join(f"{name}: {value}\r\n" for name, value in SIGNER.headers(BODY).items()).encode()


def head(length: int, more: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\n" + more + SIGNED + f"Content-Length: {length}\r\n\r\n".encode()


ODD: dict[str, tuple[bytes, bytes]] = {
    "no HTTP": (b"\x16\x03\x01\x02 nonsense\r\n\r\n", b" 400 "),
    "an odd method": (b"\x00OST / HTTP/1.1\r\n\r\n", b" 400 "),
    "a length that is none": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b" 400 "),
    "said to be gzip": (head(len(BODY), b"Content-Encoding: gzip\r\n") + BODY, b" 204 "),
    "said to be br": (head(len(BODY), b"Content-Encoding: br\r\n") + BODY, b" 204 "),
    "an endless line": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b" 400 "),
}


@pytest.mark.parametrize(("request_", "status"), ODD.values(), ids=ODD)
def test_odd_requests_are_answered_and_not_logged(
    request_: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with own_server(Inbox(), verifier=SIGNER.verifier()) as url:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), 10) as connection:
            connection.sendall(request_)
            with connection.makefile("rb") as answer:
                assert status in answer.readline()
                answer.read()  # it ends: there is one request a connection
        assert post(url, BODY).status_code == 204
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("request_", [b"", b"POST / HTTP/1.1\r\nHost", head(1000), head(1000) + b"{"])
def test_connections_that_are_cut_are_not_logged(request_: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with own_server(Inbox(), verifier=SIGNER.verifier()) as url:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), 10) as connection:
            connection.sendall(request_)
        assert post(url, BODY).status_code == 204
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@asynccontextmanager
async def listening(longest: float, most: int = MOST_CONNECTIONS) -> AsyncGenerator[int, None]:
    async def receive(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(status=204)

    runner = web.ServerRunner(Connections(receive, longest, most), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def end_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("request_", [b"", b"POST / HTTP/1.1\r\nX", head(1000) + b"{"])
def test_a_request_that_trickles_is_cut(request_: bytes) -> None:
    async def main() -> None:
        async with listening(0.05) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_)
            assert await asyncio.wait_for(end_of(reader), 10) == b""
            writer.close()

    assert LONGEST_REQUEST == 10
    asyncio.run(main())


def test_connections_that_are_too_many_are_cut() -> None:
    async def main() -> None:
        async with listening(60, most=2) as port:
            open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(end_of(reader), 10) == b""
            writer.close()
            open_ones[0][1].write(head(0))
            assert b" 204 " in await open_ones[0][0].readline()
            for _, each in open_ones:
                each.close()

    asyncio.run(main())
