"""A body that goes to a file as it comes: in pieces of 1 MiB, under a limit of rate, never whole in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress

import aiohttp

from ..errors import RequestTimeoutError
from ..settings import Limits
from .bodies import SpoolError, SpoolFile
from .patience import Patience
from .runtime import Runtime
from .threads import to_the_end

PIECE = 1 << 20

Begin = Callable[[int, Mapping[str, str]], Awaitable[SpoolFile]]
"""Learns status and headers before the body comes, and returns the file that it goes to, at the right place."""


class Pour:
    """Writes one body to one file, which says how long it may become.

    `written` is called, in the event loop, whenever some of it is there.
    """

    def __init__(self, file: SpoolFile, limits: Limits, runtime: Runtime, written: Callable[[], object]) -> None:
        self._file, self._written = file, written
        self._pace = _Pace(limits, runtime)
        self._pieces: list[bytes] = []
        self._waiting = 0

    async def all_of(self, response: aiohttp.ClientResponse, patience: Patience) -> None:
        """Write all that comes; what came before it broke off is written too."""
        content = response.content
        patience.renew()
        self._pace.start()
        try:
            while not content.at_eof() and (piece := await content.readany()):
                self._pieces.append(piece)
                self._waiting += len(piece)
                self._pace.came(len(piece))
                if self._waiting >= PIECE:
                    patience.hold()
                    await self._write_in_thread()
                    self._pace.start()
                patience.renew()
        except BaseException:
            self._pieces.extend(_held_back(content))
            with suppress(SpoolError):
                self._write()
            raise
        patience.hold()
        await self._write_in_thread()

    async def _write_in_thread(self) -> None:
        await to_the_end(self._write)
        try:
            self._written()
        except Exception as error:
            raise SpoolError(error) from error

    def _write(self) -> None:
        rest = memoryview(b"".join(self._pieces))
        self._pieces, self._waiting = [], 0
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except Exception as error:
            raise SpoolError(error) from error


def _held_back(content: aiohttp.StreamReader) -> Iterator[bytes]:
    """Yield what came before a connection broke: the library has it still, and gives only the error."""
    read: Callable[[int], bytes] | None = getattr(content, "_read_nowait", None)
    if content.exception() is not None and read is not None:
        while piece := read(-1):
            yield piece


class _Pace:
    """Looks whether enough comes in each stretch of `slow_after` seconds, those for the disk aside."""

    def __init__(self, limits: Limits, runtime: Runtime) -> None:
        self._seconds, self._rate = limits.slow_after, limits.slow_rate
        self._runtime = runtime
        self._since, self._size = 0.0, 0

    def start(self) -> None:
        self._since, self._size = self._runtime.monotonic(), 0

    def came(self, size: int) -> None:
        self._size += size
        elapsed = self._runtime.monotonic() - self._since
        if elapsed <= self._seconds:
            return
        if self._size < elapsed * self._rate:
            raise RequestTimeoutError(f"Only {self._size} bytes came in {elapsed:.0f} seconds.", code="too_slow")
        self.start()
