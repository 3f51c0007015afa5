from __future__ import annotations

import base64
import gzip
import hashlib
import zlib

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.decoding import Decoder, decompress
from cf_ai_platform_client.core.digests import Digests, check_digests
from cf_ai_platform_client.errors import CFError, ResponseError

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=30)
PLAIN = st.binary(max_size=300) | st.builds(bytes, st.integers(0, 3000))
NAMES = ["gzip", "deflate", "x-gzip", "raw", "identity", "br"]


def pressed(name: str, plain: bytes) -> bytes:
    if name in {"gzip", "x-gzip"}:
        return gzip.compress(plain)
    if name in {"deflate", "raw"}:
        return zlib.compress(plain)[slice(2, -4) if name == "raw" else slice(None)]
    return plain


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, str]:
    """Press a body several times, as members of a gzip too, and sometimes damage it."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3))
    body = draw(PLAIN)
    for name in names:
        body = pressed(name, body)
        if name == "gzip":
            for member in draw(st.lists(PLAIN, max_size=2)):
                body += bytes(draw(st.integers(0, 3))) + gzip.compress(member)
    body += draw(st.sampled_from([b"", bytes(3), b"\x1f", b"x"]))
    body = body[: len(body) - draw(st.sampled_from([0, 0, 0, 1, 9]))]
    return body, ", ".join("deflate" if name == "raw" else name for name in names)


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    while body:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(body[:size])
        body = body[size:]
    return pieces


def streamed(pieces: list[bytes], encoding: str, limit: int) -> bytes:
    decoder = Decoder(encoding, limit)
    plain = b"".join(chunk for piece in pieces for chunk in decoder.feed(piece))
    decoder.finish()
    return plain


@given(bodies(), SIZES, st.sampled_from([100, 1000, 100_000]))
def test_a_body_in_pieces_is_undone_as_a_whole_one(body: tuple[bytes, str], sizes: list[int], limit: int) -> None:
    encoded, encoding = body
    try:
        whole: bytes | None = decompress(encoded, encoding, limit)
    except ResponseError:
        whole = None
    try:
        assert streamed(cut(encoded, sizes), encoding, limit) == whole
    except CFError:
        assert whole is None


@given(st.binary(max_size=300), SIZES, st.booleans())
def test_digests_do_not_depend_on_the_pieces(body: bytes, sizes: list[int], right: bool) -> None:
    headers = {"content-md5": base64.b64encode(hashlib.md5(body if right else body + b"x").digest()).decode()}
    digests = Digests(headers)
    for piece in cut(body, sizes):
        digests.update(piece)
    for check in (digests.check, lambda: check_digests(headers, body)):
        try:
            check()
            assert right
        except ResponseError:
            assert not right
