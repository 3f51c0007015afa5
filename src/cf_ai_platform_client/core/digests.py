"""Do the bytes that came have the digest that the storage announced for them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

from ..errors import ResponseError


def _crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


_HEADERS: Mapping[str, Callable[[bytes], bytes]] = {
    "content-md5": _md5,
    "x-amz-checksum-crc32": _crc32,
    "x-amz-checksum-sha1": _sha1,
    "x-amz-checksum-sha256": _sha256,
}


def check_digests(headers: Mapping[str, str], encoded: bytes) -> None:
    """Compare a body, as it was sent, with every digest in its headers; raise ResponseError (`checksum`).

    Composite checksums (`…-3`, of a multipart upload) and digests of what a server transcoded say nothing of
    the body and are left out. Header names are lower case.
    """
    for name, digest in _HEADERS.items():
        announced = headers.get(name)
        if announced and "-" not in announced:
            _compare(name, announced, digest, encoded)
    google = headers.get("x-goog-hash", "")
    if "x-goog-stored-content-encoding" in headers and _was_transcoded(headers):
        return
    for part in google.split(","):
        kind, _, announced = part.strip().partition("=")
        if kind == "md5":
            _compare("x-goog-hash", announced, _md5, encoded)


def _was_transcoded(headers: Mapping[str, str]) -> bool:
    stored = headers["x-goog-stored-content-encoding"].lower()
    return stored != headers.get("content-encoding", "identity").lower()


def _compare(name: str, announced: str, digest: Callable[[bytes], bytes], encoded: bytes) -> None:
    try:
        expected = base64.b64decode(announced, validate=True)
    except ValueError:
        return
    if digest(encoded) != expected:
        raise ResponseError(
            f"The document does not have the checksum that the storage announced in {name}.",
            code="checksum",
            hint="It was altered on its way or in the storage; nothing was saved.",
        )
