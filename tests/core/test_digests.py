from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from cf_ai_platform_client.core.digests import Digests, announce_digest, check_digests
from cf_ai_platform_client.errors import ResponseError

BODY = b'{"images": []}' * 100
DIGESTS = {
    "content-md5": hashlib.md5(BODY).digest(),
    "x-amz-checksum-sha1": hashlib.sha1(BODY).digest(),
    "x-amz-checksum-sha256": hashlib.sha256(BODY).digest(),
    "x-amz-checksum-crc32": zlib.crc32(BODY).to_bytes(4, "big"),
}


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


HEADERS = {name: b64(digest) for name, digest in DIGESTS.items()}
GOOGLE = {"x-goog-hash": f"crc32c=n03x6A==, md5={HEADERS['content-md5']}"}


def assert_checked(headers: dict[str, str]) -> None:
    """The headers hold for the body and for no other."""
    check_digests(headers, BODY)
    with pytest.raises(ResponseError, match="does not have the checksum") as caught:
        check_digests(headers, BODY[:-1])
    assert caught.value.code == "checksum"


@pytest.mark.parametrize("name", list(DIGESTS))
def test_digests_are_compared(name: str) -> None:
    assert_checked({name: HEADERS[name]})


def test_the_header_that_differs_is_named() -> None:
    with pytest.raises(ResponseError, match="announced in x-amz-checksum-sha1"):
        check_digests({**HEADERS, "x-amz-checksum-sha1": b64(b"x" * 20)}, BODY)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="alone"),
        pytest.param(
            {"x-goog-stored-content-encoding": "GZIP", "content-encoding": "gzip"}, id="sent in the stored encoding"
        ),
        pytest.param({"x-goog-stored-content-encoding": "identity"}, id="stored and sent plain"),
    ],
)
def test_the_digest_of_google_is_compared(more: dict[str, str]) -> None:
    assert_checked({**GOOGLE, **more})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no digest"),
        pytest.param({"content-md5": "not base64!"}, id="not base64"),
        pytest.param({"content-md5": ""}, id="empty"),
        pytest.param({"x-amz-checksum-sha256": f"{HEADERS['x-amz-checksum-sha256']}-3"}, id="composite"),
        pytest.param({"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}, id="of an unknown kind"),
        pytest.param({"x-goog-hash": "crc32c=n03x6A=="}, id="google's other kind"),
        pytest.param({**GOOGLE, "x-goog-stored-content-encoding": "gzip"}, id="transcoded"),
    ],
)
def test_what_says_nothing_of_the_body_is_left_out(headers: dict[str, str]) -> None:
    check_digests(headers, b"other")


def test_a_transcoded_answer_is_still_compared_with_the_other_headers() -> None:
    transcoded = {**GOOGLE, "x-goog-stored-content-encoding": "gzip", "content-md5": HEADERS["content-md5"]}
    assert_checked(transcoded)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_digests_are_computed_while_a_body_arrives(size: int) -> None:
    right, wrong = Digests({**HEADERS, **GOOGLE}), Digests({**HEADERS, "x-goog-hash": f"md5={b64(b'x' * 16)}"})
    for start in range(0, len(BODY), size):
        right.update(BODY[start : start + size])
        wrong.update(BODY[start : start + size])
    right.check()
    with pytest.raises(ResponseError, match="announced in x-goog-hash"):
        wrong.check()


def test_there_may_be_nothing_to_compute() -> None:
    assert Digests(HEADERS)
    assert not Digests({"content-md5": "not base64!", "etag": "x"})


@pytest.mark.parametrize("name", [*HEADERS, *GOOGLE])
def test_headers_may_announce_one(name: str) -> None:
    assert announce_digest({"etag": "x", name: "of any form"})
    assert not announce_digest({"etag": "x", f"{name}-other": "x"})
