"""A body on its way to a file, from servers that say exactly what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from cf_ai_platform_client.errors import CFError, DiskError, RequestTimeoutError, ResponseError

from ..conftest import Clock
from .wire import make_http, ok, raw_server

BODY = bytes(range(256)) * 20_000


class File:
    """Takes at most so many bytes at once, and fails after some."""

    def __init__(self, at_once: int = 1 << 30, fails_after: int = 1 << 60) -> None:
        self.content = b""
        self._at_once, self._fails_after = at_once, fails_after

    def write(self, data: bytes | memoryview, /) -> int:
        if len(self.content) >= self._fails_after:
            raise DiskError("full", code="disk_full")
        taken = bytes(data[: self._at_once])
        self.content += taken
        return len(taken)


def streamed(answer: Any, file: File, clock: Clock | None = None, **limits: Any) -> tuple[Any, list[int], list[Any]]:
    """Return the reply or the error, how much was there at each call, and what was told before the body."""
    written: list[int] = []
    told: list[Any] = []

    async def begin(status: int, headers: Mapping[str, str]) -> File:
        told.append((status, headers.get("etag")))
        return file

    async def run() -> Any:
        async with raw_server(answer) as server:
            http = make_http(server.url(""), runtime=clock.runtime if clock else None, **limits)
            try:
                return await http.stream(
                    server.url("/a?X-Amz-Signature=canary-signature"),
                    {},
                    begin,
                    lambda: written.append(len(file.content)),
                )
            except CFError as error:
                return error

    return asyncio.run(run()), written, told


@pytest.mark.parametrize("at_once", [1 << 30, 100_000])
def test_a_body_arrives_whole_in_pieces(at_once: int) -> None:
    file = File(at_once)
    reply, written, told = streamed(ok(BODY, 'ETag: "a"'), file)
    assert (reply.status, reply.body, told) == (200, b"", [(200, '"a"')])
    assert file.content == BODY
    assert len(written) > 2
    assert written[-1] == len(BODY)


def test_a_206_is_streamed_and_other_answers_are_not() -> None:
    file = File()
    reply, _, told = streamed(ok(BODY, status="206 x"), file)
    assert (reply.status, file.content == BODY, len(told)) == (206, True, 1)
    for status in (204, 302, 404, 416):
        body = b"canary-signature" if status == 404 else b""
        reply, written, told = streamed(ok(body, status=f"{status} x"), File())
        assert (reply.status, written, told) == (status, [], [])
        assert b"canary-signature" not in reply.body


def test_what_came_before_it_broke_is_written() -> None:
    file = File()
    error, _, _ = streamed(_after(ok(BODY)[:-5]), file)
    assert isinstance(error, ResponseError)
    assert error.code == "truncated"
    assert BODY.startswith(file.content)
    assert len(file.content) == len(BODY) - 5


def _after(content: bytes) -> Any:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return answer


def test_a_file_that_fails_ends_it() -> None:
    error, written, _ = streamed(ok(BODY), File(fails_after=1 << 20))
    assert isinstance(error, DiskError)
    assert len(written) == 1


def test_what_the_beginning_raises_is_raised() -> None:
    async def begin(status: int, headers: Mapping[str, str]) -> File:
        raise ValueError("not this one")

    async def run() -> None:
        async with raw_server(ok(BODY)) as server:
            with pytest.raises(ValueError, match="not this one"):
                await make_http(server.url("")).stream(server.url(), {}, begin, lambda: None)

    asyncio.run(run())


def test_a_trickle_is_ended_and_a_slow_disk_is_not(clock: Clock) -> None:
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(BODY)[:300])
        while not writer.is_closing():
            clock.now += 31.0
            writer.write(b"x")
            await asyncio.sleep(0.001)

    error, _, _ = streamed(trickle, File(), clock)
    assert isinstance(error, RequestTimeoutError)
    assert error.code == "too_slow"

    class SlowFile(File):
        def write(self, data: bytes | memoryview, /) -> int:
            clock.now += 1000.0
            return super().write(data)

    file = SlowFile()
    streamed(ok(BODY), file, clock)
    assert file.content == BODY


def test_a_rate_is_looked_at_in_each_stretch_anew(clock: Clock) -> None:
    async def steady(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = ok(BODY[: 1 << 19])
        for start in range(0, len(whole), 100_000):
            clock.now += 40.0
            writer.write(whole[start : start + 100_000])
            await writer.drain()
            await asyncio.sleep(0.001)

    file = File()
    reply, _, _ = streamed(steady, file, clock)
    assert (reply.status, len(file.content)) == (200, 1 << 19)
