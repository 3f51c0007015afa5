"""Do the bytes that came have the digest that the storage announced for them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from ..errors import ResponseError


class Digests:
    """The digests that headers announce, computed while the body arrives; header names are lower case.

    Composite checksums (`…-3`, of a multipart upload) and digests of what a server transcoded say nothing of
    the body and are left out.
    """

    def __init__(self, headers: Mapping[str, str], what: str = "document") -> None:
        self._what = what
        self._expected = list(_announced(headers))
        self._running = {expected.kind: expected.kind() for expected in self._expected}

    def __bool__(self) -> bool:
        """Whether there is anything to compute."""
        return bool(self._expected)

    def update(self, encoded: bytes) -> None:
        """Take the next bytes of the body, as they were sent."""
        for digest in self._running.values():
            digest.update(encoded)

    def check(self) -> None:
        """Raise ResponseError (`checksum`) unless the body has every digest."""
        for expected in self._expected:
            if self._running[expected.kind].digest() != expected.digest:
                raise ResponseError(
                    f"The {self._what} does not have the checksum that the storage announced in {expected.header}.",
                    code="checksum",
                    hint="It was altered on its way or in the storage; nothing was saved.",
                )


def check_digests(headers: Mapping[str, str], encoded: bytes) -> None:
    """Compare a whole body, as it was sent, with every digest in its headers; raise ResponseError (`checksum`)."""
    digests = Digests(headers)
    digests.update(encoded)
    digests.check()


class _Running(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Expected(NamedTuple):
    header: str
    kind: Callable[[], _Running]
    digest: bytes


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> _Running:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> _Running:
    return hashlib.sha1(usedforsecurity=False)


_HEADERS: Mapping[str, Callable[[], _Running]] = {
    "content-md5": _md5,
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": _sha1,
    "x-amz-checksum-sha256": hashlib.sha256,
}


_WITH_DIGESTS = frozenset({*_HEADERS, "x-goog-hash"})


def announce_digest(headers: Mapping[str, str]) -> bool:
    """Tell whether headers may announce a digest."""
    return not _WITH_DIGESTS.isdisjoint(headers)


def _announced(headers: Mapping[str, str]) -> Iterator[_Expected]:
    for name, kind in _HEADERS.items():
        if name in headers and (digest := _digest(headers[name])):
            yield _Expected(name, kind, digest)
    if "x-goog-hash" in headers and not _was_transcoded(headers):
        for part in headers["x-goog-hash"].split(","):
            what, _, announced = part.strip().partition("=")
            if what == "md5" and (digest := _digest(announced)):
                yield _Expected("x-goog-hash", _md5, digest)


def _was_transcoded(headers: Mapping[str, str]) -> bool:
    sent = headers.get("content-encoding", "identity").lower()
    return headers.get("x-goog-stored-content-encoding", sent).lower() != sent


def _digest(announced: str) -> bytes:
    """Decode a digest; nothing where it is none, as a composite one."""
    try:
        return base64.b64decode(announced, validate=True)
    except ValueError:
        return b""
