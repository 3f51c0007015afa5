"""Bodies over a megabyte: into a file where there is one, off the event loop, bombs stopped while they stream."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import io
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from cf_ai_platform_client.adapters.bodies import SPOOL_ABOVE, SpoolFile
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.core.requests import ApiCall, Reply
from cf_ai_platform_client.errors import CFError, DiskError, ResponseError
from cf_ai_platform_client.settings import Limits

from .wire import Answer, make_http, ok, raw_server

BIG = random.Random(7).randbytes(3 * SPOOL_ABOVE + 5)
PACKED = gzip.compress(BIG)


class Spooled(io.RawIOBase):
    """A file in memory that counts how often it was opened, and takes only so much at once."""

    def __init__(self, at_once: int = 1 << 30) -> None:
        self.content = bytearray()
        self.opened = 0
        self.writes: list[int] = []
        self._at_once = at_once

    async def open(self) -> SpoolFile:
        self.opened += 1
        return self

    def write(self, data: Any) -> int:
        taken = bytes(data)[: self._at_once]
        self.writes.append(len(data))
        self.content += taken
        return len(taken)


def digest(body: bytes) -> str:
    return f"x-amz-checksum-sha256: {base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def fetched(answer: bytes | Answer, spooled: Spooled | None, runtime: Runtime | None = None, **limits: Any) -> Reply:
    async def run() -> Reply:
        async with raw_server(answer) as server:
            http = make_http(server.url("/api"), runtime=runtime, **limits)
            return await http.fetch(server.url("/a.json?sig=canary-sig"), spool=spooled.open if spooled else None)

    return asyncio.run(run())


def refusal(run: Callable[[], object]) -> CFError:
    with pytest.raises(CFError) as caught:
        run()
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        ok(BIG),
        ok(BIG, digest(BIG)),
        ok(gzip.compress(BIG), "Content-Encoding: gzip"),
        ok(PACKED, "Content-Encoding: gzip", digest(PACKED)),
    ],
    ids=["plain", "digest", "gzip", "gzip with a digest"],
)
def test_a_big_body_goes_to_the_file(answer: bytes) -> None:
    spooled = Spooled(at_once=1_000_001)
    reply = fetched(answer, spooled)
    assert (reply.status, reply.body, reply.spooled, spooled.opened) == (200, b"", len(BIG), 1)
    assert spooled.content == BIG
    reply = fetched(answer, None)
    assert (reply.body, reply.spooled) == (BIG, None)


@pytest.mark.parametrize(("size", "spooled"), [(SPOOL_ABOVE, None), (SPOOL_ABOVE + 1, SPOOL_ABOVE + 1)])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate, gzip"])
def test_a_body_stays_in_memory_up_to_a_megabyte(size: int, spooled: int | None, encoding: str) -> None:
    body = BIG[:size] if encoding == "identity" else bytes(size)
    sent = body
    for name in encoding.split(", "):
        sent = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[name](sent)
    file = Spooled()
    reply = fetched(ok(sent, f"Content-Encoding: {encoding}"), file)
    assert (reply.spooled, len(reply.body)) == (spooled, 0 if spooled else size)
    assert (bytes(file.content) or reply.body) == body


def test_writes_are_of_a_megabyte_at_least_but_for_the_last() -> None:
    async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packed = gzip.compress(BIG)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(packed)}\r\nContent-Encoding: gzip\r\n\r\n".encode())
        for start in range(0, len(packed), 50_000):
            writer.write(packed[start : start + 50_000])
            await writer.drain()

    file = Spooled()
    assert fetched(dribble, file).spooled == len(BIG)
    assert min(file.writes[:-1]) >= SPOOL_ABOVE
    assert len(file.writes) <= 4


def test_only_a_whole_document_is_spooled() -> None:
    file = Spooled()
    assert len(fetched(ok(BIG, status="206 Partial Content"), file).body) == len(BIG)
    assert fetched(ok(BIG, status="404 Not Found"), file).status == 404
    assert file.opened == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ok(BIG, digest(b"other")), "checksum"),
        (ok(gzip.compress(BIG)[:-9], "Content-Encoding: gzip"), "truncated"),
        (ok(gzip.compress(BIG) + b"x", "Content-Encoding: gzip"), "invalid_json"),
        (ok(gzip.compress(bytes(64 << 20)), "Content-Encoding: gzip"), "too_large"),
    ],
    ids=["digest", "cut gzip", "something follows", "bomb"],
)
def test_a_big_body_is_checked(answer: bytes, code: str) -> None:
    for file in (Spooled(), None):
        error = refusal(lambda file=file: fetched(answer, file))  # type: ignore[misc]
        assert (type(error), error.code) == (ResponseError, code)


def test_a_big_body_that_ends_too_early_is_truncated() -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + BIG)
        await writer.drain()

    assert refusal(lambda: fetched(cut, Spooled())).code == "truncated"


def test_the_limits_hold_for_what_goes_to_a_file() -> None:
    file = Spooled()
    answer = ok(gzip.compress(BIG), "Content-Encoding: gzip")
    assert refusal(lambda: fetched(answer, file, document_bytes=len(BIG) - 1)).code == "too_large"
    assert fetched(ok(BIG), Spooled(), document_bytes=len(BIG)).spooled == len(BIG)
    assert refusal(lambda: fetched(ok(BIG), Spooled(), document_bytes=len(BIG) - 1)).code == "too_large"


def test_a_bomb_takes_little_memory() -> None:
    bomb = ok(gzip.compress(gzip.compress(bytes(1 << 30), 9), 9), "Content-Encoding: gzip, gzip")
    file = Spooled()
    file.write = lambda data: len(data)  # type: ignore[method-assign]
    tracemalloc.start()
    try:
        assert refusal(lambda: fetched(bomb, file)).code == "too_large"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), DiskError("Full.", code="disk_full")])
@pytest.mark.parametrize("where", ["open", "write"])
def test_what_the_file_raises_is_no_fault_of_the_network(where: str, error: Exception) -> None:
    file = Spooled()

    async def fail_to_open() -> SpoolFile:
        raise error

    def fail(_: object) -> int:
        raise error

    setattr(file, where, fail_to_open if where == "open" else fail)
    with pytest.raises(OSError) as caught:
        fetched(ok(BIG), file)
    assert caught.value is error


def test_the_time_that_a_file_takes_is_not_the_servers() -> None:
    hours = [0.0]

    async def slowly() -> SpoolFile:
        hours[0] += 3600
        return file

    file = Spooled()
    file.open = slowly  # type: ignore[method-assign]
    runtime = Runtime(monotonic=lambda: hours[0])
    assert fetched(ok(BIG), file, runtime, slow_rate=len(BIG) / 3600.0 + 1).spooled == len(BIG)


def test_a_cancelled_fetch_leaves_the_file_to_its_owner() -> None:
    async def run() -> None:
        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + BIG)
            await reader.read()

        async with raw_server(stall) as server:
            file = Spooled()
            http = make_http(server.url("/api"))
            task = asyncio.ensure_future(http.fetch(server.url(), spool=file.open))
            while not file.content:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert not file.closed

    asyncio.run(run())


def test_a_document_may_hold_what_its_signed_url_holds() -> None:
    body = b'{"images": ["canary-sig"]}'
    assert fetched(ok(body, "Content-Type: binary/octet-stream"), None).body == body


def _called(size: int, call: ApiCall, **limits: Any) -> Reply:
    async def run() -> Reply:
        async with raw_server(ok(b" " * size)) as server:
            return await make_http(server.url("/api"), **limits).call(call)

    return asyncio.run(run())


def test_only_the_listing_of_work_items_may_be_long() -> None:
    items, batches = ApiCall("work_items", "GET", "/w"), ApiCall("batches", "GET", "/b")
    assert len(_called(9 << 20, items).body) == 9 << 20
    assert len(_called(8 << 20, batches).body) == 8 << 20
    assert refusal(lambda: _called((8 << 20) + 1, batches)).code == "too_large"
    assert refusal(lambda: _called(1001, items, api_bytes=1000)).code == "too_large"
    assert refusal(lambda: _called(1001, batches, api_bytes=1000)).code == "too_large"
    assert Limits().api_bytes == 64 << 20
