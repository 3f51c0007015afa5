"""Bodies read under limits of time, size and ratio; decoded and digested while they arrive, big ones off the loop.

A body stays in memory up to `SPOOL_ABOVE` bytes; beyond, it goes to a file where there is one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

import aiohttp
import anyio
import anyio.to_thread

from ..core.decoding import Decoder, decompress, too_large
from ..core.digests import Digests, announce_digest
from ..core.requests import Endpoint
from ..errors import RequestTimeoutError, ResponseError
from ..settings import Limits
from .patience import Patience
from .runtime import Runtime

SPOOL_ABOVE = 1 << 20
"""Plain bytes up to which a body stays in memory, and is decoded in the event loop: a few milliseconds."""

_ANSWER_BYTES = 8 << 20
_REFUSAL_BYTES = 1 << 16
_REFUSAL_PLAIN_BYTES = 1 << 20


class SpoolFile(Protocol):
    """An open, unbuffered binary file."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write some of the bytes and return how many."""
        ...


Spool = Callable[[], Awaitable[SpoolFile]]
"""Opens the file for a big body; who passes it closes the file, also after an error."""


class SpoolError(Exception):
    """Carries what the spool raised past those who read from the network."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Body(NamedTuple):
    """A plain body: in memory, or so many bytes of it in the spool's file."""

    content: bytes
    spooled: int | None = None


class Wanted(NamedTuple):
    """How a body is to be read: up to `limit` bytes, encoded and plain."""

    limit: int
    digests: bool = False
    spool: Spool | None = None


def answer_bytes(endpoint: Endpoint, limits: Limits) -> int:
    """Return how long an answer of the platform may be: an old server lists all work items at once."""
    return limits.api_bytes if endpoint == "work_items" else min(limits.api_bytes, _ANSWER_BYTES)


class Bodies:
    """Reads bodies; `patience` lasts from piece to piece, since what only frames them may trickle for ever."""

    def __init__(self, limits: Limits, runtime: Runtime) -> None:
        self._limits = limits
        self._runtime = runtime

    async def read(
        self,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
        wanted: Wanted,
        patience: Patience,
    ) -> Body:
        """Read a body whole; raise ResponseError, RequestTimeoutError, or SpoolError."""
        announced, limit = response.content_length, wanted.limit
        if announced is not None and announced > limit:
            raise too_large(limit)
        arriving: _Arriving | None = None
        pieces: list[bytes] = []
        size, waiting, start = 0, 0, self._runtime.monotonic()
        patience.renew()
        content = response.content
        while not content.at_eof() and (piece := await content.readany()):
            pieces.append(piece)
            size += len(piece)
            waiting += len(piece)
            if size > limit:
                raise too_large(limit)
            elapsed = self._runtime.monotonic() - start
            if elapsed > self._limits.slow_after and size < elapsed * self._limits.slow_rate:
                raise RequestTimeoutError(f"Only {size} bytes came in {elapsed:.0f} seconds.", code="too_slow")
            if waiting > SPOOL_ABOVE:
                patience.hold()
                before = self._runtime.monotonic()
                arriving = arriving or _Arriving(headers, wanted)
                await arriving.take(pieces)
                pieces, waiting, start = [], 0, start + self._runtime.monotonic() - before
            patience.renew()
        if arriving is None and "content-encoding" not in headers and not (wanted.digests and announce_digest(headers)):
            return Body(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        patience.hold()
        return await _whole(arriving, pieces, headers, wanted)

    async def refusal(self, response: aiohttp.ClientResponse, encoding: str) -> Body:
        """Read the beginning of an error's body: where it is broken, slow or endless, the status says enough."""
        body = b""
        with suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError):
            with anyio.move_on_after(self._limits.read_timeout):
                while len(body) < _REFUSAL_BYTES and (piece := await response.content.readany()):
                    body += piece
        if not response.content.at_eof():
            response.close()
        try:
            return Body(decompress(body[:_REFUSAL_BYTES], encoding, _REFUSAL_PLAIN_BYTES))
        except ResponseError:
            return Body(b"")


async def _whole(arriving: _Arriving | None, rest: list[bytes], headers: Mapping[str, str], wanted: Wanted) -> Body:
    small = arriving is None
    arriving = arriving or _Arriving(headers, wanted)
    await arriving.take(rest, in_loop=small)
    return await arriving.end()


class _Arriving:
    """What has come of a body and where it is kept."""

    def __init__(self, headers: Mapping[str, str], wanted: Wanted) -> None:
        encoding = headers.get("content-encoding")
        self._decoder = Decoder(encoding, wanted.limit) if encoding else None
        self._digests = Digests(headers) if wanted.digests else None
        self._spool = wanted.spool
        self._file: SpoolFile | None = None
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._written = 0

    async def take(self, pieces: list[bytes], *, in_loop: bool = False) -> None:
        """Take bytes as they were sent: in a thread, or, until they became 1 MiB, in the event loop."""
        chunks = self._plain(b"".join(pieces))
        if in_loop or (self._spool and self._file is None):
            most = SPOOL_ABOVE
            whole = self._keep(chunks, most) if in_loop else await anyio.to_thread.run_sync(self._keep, chunks, most)
            if whole:
                return
            if self._spool:
                self._file = await _opened(self._spool)
        await anyio.to_thread.run_sync(self._keep, chunks)

    async def end(self) -> Body:
        """Check the body as a whole."""
        if self._digests:
            self._digests.check()
        if self._decoder:
            self._decoder.finish()
        if self._file:
            await anyio.to_thread.run_sync(self._write)
            return Body(b"", self._written)
        if self._kept_size <= SPOOL_ABOVE:
            return Body(b"".join(self._kept))
        return Body(await anyio.to_thread.run_sync(b"".join, self._kept))

    def _plain(self, encoded: bytes) -> Iterator[bytes]:
        if self._digests:
            self._digests.update(encoded)
        return self._decoder.feed(encoded) if self._decoder else iter((encoded,))

    def _keep(self, chunks: Iterator[bytes], most: float = math.inf) -> bool:
        """Keep chunks; return False, perhaps with some left, once more than `most` bytes are kept."""
        for chunk in chunks:
            self._kept.append(chunk)
            self._kept_size += len(chunk)
            if self._kept_size > most:
                return False
            if self._file and self._kept_size >= SPOOL_ABOVE:
                self._write()
        return True

    def _write(self) -> None:
        rest = memoryview(b"".join(self._kept))
        self._written += len(rest)
        self._kept, self._kept_size = [], 0
        assert self._file
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except Exception as error:
            raise SpoolError(error) from error


async def _opened(spool: Spool) -> SpoolFile:
    try:
        return await spool()
    except Exception as error:
        raise SpoolError(error) from error
