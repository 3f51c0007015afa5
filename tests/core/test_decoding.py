from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from cf_ai_platform_client.core.decoding import GREATEST_RATIO, UNSUSPECTED, Decoder, decompress, too_large
from cf_ai_platform_client.errors import ResponseError

BODY = b'{"images": []}' * 100
LIMIT = 10_000


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


def refusal(encoded: bytes, encoding: str, limit: int = LIMIT) -> ResponseError:
    with pytest.raises(ResponseError) as caught:
        decompress(encoded, encoding, limit)
    return caught.value


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        pytest.param(BODY, "identity", id="identity"),
        pytest.param(BODY, "", id="none"),
        pytest.param(b"".join(gzip.compress(BODY[n : n + 14]) for n in range(0, 1400, 14)), "gzip", id="members"),
        pytest.param(gzip.compress(BODY), "gzip", id="gzip"),
        pytest.param(gzip.compress(BODY), " X-GZIP ", id="old name"),
        pytest.param(gzip.compress(BODY) + bytes(8), "gzip", id="padded"),
        pytest.param(zlib.compress(BODY), "deflate", id="deflate"),
        pytest.param(raw_deflate(BODY), "deflate", id="raw deflate"),
        pytest.param(gzip.compress(zlib.compress(BODY)), "deflate, gzip", id="two, the last one first"),
        pytest.param(gzip.compress(BODY), "identity,gzip,", id="with nothing between"),
    ],
)
def test_encodings_are_undone(encoded: bytes, encoding: str) -> None:
    assert decompress(encoded, encoding, LIMIT) == BODY


@pytest.mark.parametrize(
    ("encoded", "encoding", "code"),
    [
        pytest.param(gzip.compress(BODY)[:-9], "gzip", "truncated", id="cut"),
        pytest.param(gzip.compress(BODY)[:-1], "gzip", "truncated", id="last byte missing"),
        pytest.param(zlib.compress(BODY)[:-5], "deflate", "truncated", id="cut deflate"),
        pytest.param(b"not gzip", "gzip", "truncated", id="no gzip"),
        pytest.param(gzip.compress(BODY) + b"x", "gzip", "invalid_json", id="something follows"),
        pytest.param(zlib.compress(BODY) * 2, "deflate", "invalid_json", id="two of what has no members"),
        pytest.param(gzip.compress(BODY) * 2 + b"x", "gzip", "invalid_json", id="something follows the members"),
        pytest.param(gzip.compress(BODY) + b"\0\x1f", "gzip", "invalid_json", id="half the beginning of a member"),
        pytest.param(gzip.compress(BODY) + gzip.compress(BODY)[:-1], "gzip", "truncated", id="the last member cut"),
        pytest.param(zlib.compress(gzip.compress(BODY)), "deflate, gzip", "truncated", id="wrong order"),
    ],
)
def test_what_cannot_be_undone_is_refused(encoded: bytes, encoding: str, code: str) -> None:
    assert refusal(encoded, encoding).code == code


@pytest.mark.parametrize("encoding", ["br", "utf-8", "aws-chunked", "none"])
def test_what_is_no_encoding_of_ours_is_left_alone(encoding: str) -> None:
    assert decompress(BODY, encoding, LIMIT) == BODY
    assert decompress(gzip.compress(BODY), f"gzip, {encoding}", LIMIT) == BODY


def test_the_members_of_a_gzip_are_one_body() -> None:
    assert decompress(gzip.compress(BODY) + gzip.compress(b"more") + bytes(8), "gzip", LIMIT) == BODY + b"more"
    assert refusal(gzip.compress(BODY) * 2, "gzip", 2 * len(BODY) - 1).code == "too_large"


def test_the_limit_is_exact() -> None:
    assert decompress(gzip.compress(BODY), "gzip", len(BODY)) == BODY
    assert refusal(gzip.compress(BODY), "gzip", len(BODY) - 1).code == "too_large"


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        error = refusal(bomb, "gzip", 1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code == "too_large"
    assert peak < 8 << 20


def test_a_bomb_inside_a_bomb_stops_at_the_first() -> None:
    assert refusal(gzip.compress(gzip.compress(bytes(1 << 20))), "gzip, gzip").code == "too_large"


def in_pieces(encoded: bytes, encoding: str, size: int, limit: int = 1 << 30) -> Iterator[bytes]:
    decoder = Decoder(encoding, limit)
    for start in range(0, len(encoded), size):
        yield from decoder.feed(encoded[start : start + size])
    decoder.finish()


@pytest.mark.parametrize("size", [1, 2, 3, 17])
def test_a_body_may_come_in_pieces(size: int) -> None:
    members = gzip.compress(BODY) + bytes(5) + gzip.compress(b"more") + bytes(3)
    assert b"".join(in_pieces(members, "gzip", size)) == BODY + b"more"
    assert b"".join(in_pieces(gzip.compress(raw_deflate(BODY)), "deflate, gzip", size)) == BODY
    assert b"".join(in_pieces(BODY, "identity", size)) == BODY
    for cut, code in [(members + b"x", "invalid_json"), (members[:-9], "truncated")]:
        with pytest.raises(ResponseError) as caught:
            list(in_pieces(cut, "gzip", size))
        assert caught.value.code == code


def test_a_body_without_a_byte_is_one() -> None:
    assert decompress(b"", "gzip", LIMIT) == b""
    assert list(in_pieces(b"", "gzip, deflate", 1)) == []


def test_what_comes_out_at_once_is_small() -> None:
    pieces = list(in_pieces(gzip.compress(bytes(5 << 20)), "gzip", 1 << 20))
    assert sum(map(len, pieces)) == 5 << 20
    assert max(map(len, pieces)) == 1 << 20


def test_what_is_pressed_too_well_is_refused_before_the_limit() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    decoder, size = Decoder("gzip", 1 << 30), 0
    with pytest.raises(ResponseError, match=f"became over {GREATEST_RATIO} times as many") as caught:
        for piece in decoder.feed(bomb):
            size += len(piece)
    assert (caught.value.code, caught.value.retryable) == ("too_large", False)
    assert size == max(UNSUSPECTED, GREATEST_RATIO * len(bomb) >> 20 << 20)


def test_the_ratio_counts_from_a_size_on_and_by_what_was_fed() -> None:
    assert len(decompress(gzip.compress(bytes(UNSUSPECTED)), "gzip", 1 << 30)) == UNSUSPECTED
    assert refusal(gzip.compress(bytes(UNSUSPECTED + 1)), "gzip", 1 << 30).code == "too_large"
    filler = gzip.compress(random.Random(1).randbytes(UNSUSPECTED // 100), 1)
    whole = decompress(filler + gzip.compress(bytes(UNSUSPECTED)), "gzip", 1 << 30)
    assert len(whole) == UNSUSPECTED + UNSUSPECTED // 100


def test_a_bomb_in_pieces_takes_little_memory() -> None:
    bomb = gzip.compress(gzip.compress(bytes(200 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError, match="larger"):
            for _ in in_pieces(bomb, "gzip, gzip", 1 << 20, limit=8 << 20):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_what_is_too_large_names_the_limit_and_is_not_tried_again() -> None:
    error = too_large(123)
    assert "123 bytes" in str(error)
    assert not error.retryable
