from __future__ import annotations

import base64
import gzip
import hashlib
import zlib

import pytest

from cf_ai_platform_client.core.decoding import decompress
from cf_ai_platform_client.core.digests import check_digests
from cf_ai_platform_client.errors import ResponseError

BODY = b'{"images": []}' * 100


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (BODY, "identity"),
        (BODY, ""),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "X-GZIP"),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY)[2:-4], "deflate"),
        (gzip.compress(zlib.compress(BODY)), "deflate, gzip"),
    ],
)
def test_encodings_are_undone(encoded: bytes, encoding: str) -> None:
    assert decompress(encoded, encoding, 10_000) == BODY


@pytest.mark.parametrize(
    ("encoded", "encoding", "code"),
    [
        (gzip.compress(bytes(1 << 20)), "gzip", "too_large"),
        (gzip.compress(BODY)[:-9], "gzip", "truncated"),
        (b"not gzip", "gzip", "truncated"),
        (BODY, "br", "invalid_json"),
    ],
)
def test_what_cannot_be_undone_is_refused(encoded: bytes, encoding: str, code: str) -> None:
    with pytest.raises(ResponseError) as caught:
        decompress(encoded, encoding, 10_000)
    assert caught.value.code == code


DIGESTS = {
    "content-md5": hashlib.md5(BODY).digest(),
    "x-amz-checksum-sha1": hashlib.sha1(BODY).digest(),
    "x-amz-checksum-sha256": hashlib.sha256(BODY).digest(),
    "x-amz-checksum-crc32": zlib.crc32(BODY).to_bytes(4, "big"),
}


@pytest.mark.parametrize("name", list(DIGESTS))
def test_digests_are_compared(name: str) -> None:
    check_digests({name: b64(DIGESTS[name])}, BODY)
    with pytest.raises(ResponseError, match=f"announced in {name}") as caught:
        check_digests({name: b64(DIGESTS[name])}, BODY[:-1])
    assert caught.value.code == "checksum"


def test_the_digest_of_google_is_compared() -> None:
    header = f"crc32c=n03x6A==, md5={b64(DIGESTS['content-md5'])}"
    check_digests({"x-goog-hash": header}, BODY)
    with pytest.raises(ResponseError):
        check_digests({"x-goog-hash": header}, b"other")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-md5": "not base64!"},
        {"x-amz-checksum-sha256": f"{b64(DIGESTS['x-amz-checksum-sha256'])}-3"},
        {"x-goog-hash": f"md5={b64(DIGESTS['content-md5'])}", "x-goog-stored-content-encoding": "gzip"},
    ],
)
def test_what_says_nothing_of_the_body_is_left_out(headers: dict[str, str]) -> None:
    check_digests(headers, b"other")


def test_a_stored_encoding_that_was_kept_still_counts() -> None:
    stored = {"x-goog-stored-content-encoding": "gzip", "content-encoding": "gzip"}
    with pytest.raises(ResponseError):
        check_digests({"x-goog-hash": f"md5={b64(DIGESTS['content-md5'])}", **stored}, b"other")
