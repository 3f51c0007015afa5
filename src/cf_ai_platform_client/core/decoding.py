"""Decompression under a limit: a small body must not become a huge one."""

from __future__ import annotations

import zlib

from ..errors import ResponseError

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP = b"\x1f\x8b"


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding; raise ResponseError beyond `limit` bytes (`too_large`) or where it is cut (`truncated`).

    >>> import gzip
    >>> decompress(gzip.compress(b"{}"), "gzip", limit=100)
    b'{}'
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name not in {"", "identity"}:
            body = _decompress_one(body, name, limit)
    return body


def too_large(limit: int) -> ResponseError:
    """Return the error for a body beyond its limit."""
    return ResponseError(f"The answer is larger than {limit} bytes.", code="too_large")


def _decompress_one(body: bytes, name: str, limit: int) -> bytes:
    bits = _WINDOW_BITS.get(name)
    if bits is None:
        return body  # such as `utf-8` or `aws-chunked`, which some storages say of plain bytes
    if name == "deflate" and body[:1] and body[0] & 0x0F != 8:
        bits = -15  # some servers send raw deflate
    plain = b""
    while body:  # a gzip file may have several members, one after another
        decoder = zlib.decompressobj(bits)
        try:
            plain += decoder.decompress(body, limit + 1 - len(plain))
        except zlib.error as error:
            raise ResponseError("The answer's compression is broken.", code="truncated") from error
        if len(plain) > limit:
            raise too_large(limit)
        if not decoder.eof:
            raise ResponseError("The compressed answer ends too early.", code="truncated")
        body = decoder.unused_data.lstrip(b"\0")
        if body and not (bits == _WINDOW_BITS["gzip"] and body.startswith(_GZIP)):
            raise ResponseError("Something follows the compressed answer.", code="invalid_json")
    return plain
