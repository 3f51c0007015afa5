"""Decompression under limits, piece by piece: a small body must not become a huge one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import ResponseError

if TYPE_CHECKING:
    from zlib import _Decompress as Inflating  # pyright: ignore[reportPrivateUsage]

GREATEST_RATIO = 200
"""How many times its own size a body may become, beyond `UNSUSPECTED` bytes."""

UNSUSPECTED = 16 << 20
"""Bytes that a body may become at any ratio."""

_MOST_AT_ONCE = 1 << 20
_FEED = 1 << 16
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP = b"\x1f\x8b"


class Decoder:
    """Undoes a Content-Encoding while the body arrives; names that are no compression of ours are left alone."""

    def __init__(self, encoding: str, limit: int) -> None:
        names = [part.strip().lower() for part in encoding.split(",")]
        bounds = _Bounds(limit)
        self._bounds = bounds
        # others are such as `utf-8` or `aws-chunked`, which some storages say of plain bytes
        self._stages = [_Stage(name, bounds) for name in reversed(names) if name in _WINDOW_BITS]

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece becomes, at most 1 MiB at once; take all of it before the next piece.

        Raises ResponseError: `too_large` beyond the limit or the greatest ratio, `truncated` where the compression is
        broken, `invalid_json` where something follows it.
        """
        self._bounds.fed += len(piece)
        plain: Iterable[bytes] = (piece,)
        for stage in self._stages:
            plain = stage.undo(plain)
        return iter(plain)

    def finish(self) -> None:
        """Raise ResponseError unless the body ended where its compression does."""
        for stage in self._stages:
            stage.finish()


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding; raise ResponseError beyond `limit` bytes (`too_large`) or where it is cut (`truncated`).

    >>> import gzip
    >>> decompress(gzip.compress(b"{}"), "gzip", limit=100)
    b'{}'
    """
    decoder = Decoder(encoding, limit)
    plain = b"".join(decoder.feed(body))
    decoder.finish()
    return plain


def too_large(limit: int) -> ResponseError:
    """Return the error for a body beyond its limit."""
    return ResponseError(f"The answer is larger than {limit} bytes.", code="too_large")


class _Bounds:
    """What a body may become, judged by the bytes that were fed so far."""

    def __init__(self, limit: int) -> None:
        self.fed = 0
        self._limit = limit

    def check(self, size: int) -> None:
        if size > self._limit:
            raise too_large(self._limit)
        if size > UNSUSPECTED and size > GREATEST_RATIO * self.fed:
            raise ResponseError(
                f"The answer's compression is suspicious: {self.fed} bytes became over {GREATEST_RATIO} times as many.",
                code="too_large",
            )


class _Stage:
    """One compression of a body, undone."""

    def __init__(self, name: str, bounds: _Bounds) -> None:
        self._bits = _WINDOW_BITS[name]
        self._bounds = bounds
        self._size = 0
        self._inflating: Inflating | None = None
        self._began = False
        self._rest = b""

    def undo(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            whole = memoryview(piece)
            for start in range(0, len(whole), _FEED):
                yield from self._undo(bytes(whole[start : start + _FEED]))

    def finish(self) -> None:
        if self._inflating is not None:
            raise ResponseError("The compressed answer ends too early.", code="truncated")
        if self._rest:
            raise _something_follows()

    def _undo(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflating is None:
                data = self._open(data)
            if self._inflating is not None:
                inflating = self._inflating
                yield from self._inflate(inflating, data)
                data = inflating.unused_data
                if inflating.eof:
                    self._inflating = None

    def _open(self, data: bytes) -> bytes:
        """Begin the first or, of a gzip file, the next member; return what to feed it with, nothing if none begins."""
        if not self._began:
            self._began = True
            raw = self._bits == _WINDOW_BITS["deflate"] and data[0] & 0x0F != 8  # which some servers send
            self._inflating = zlib.decompressobj(-15 if raw else self._bits)
            return data
        data, self._rest = (self._rest + data).lstrip(b"\0"), b""
        if self._bits == _WINDOW_BITS["gzip"] and data.startswith(_GZIP):
            self._inflating = zlib.decompressobj(self._bits)
            return data
        if data != _GZIP[: len(data)]:
            raise _something_follows()
        self._rest = data
        return b""

    def _inflate(self, inflating: Inflating, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                plain = inflating.decompress(data, _MOST_AT_ONCE)
            except zlib.error as error:
                raise ResponseError("The answer's compression is broken.", code="truncated") from error
            self._size += len(plain)
            self._bounds.check(self._size)
            if plain:
                yield plain
            data = inflating.unconsumed_tail
            if inflating.eof or not (data or len(plain) == _MOST_AT_ONCE):
                return


def _something_follows() -> ResponseError:
    return ResponseError("Something follows the compressed answer.", code="invalid_json")
