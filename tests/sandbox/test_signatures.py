from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest

from cf_ai_platform_client.sandbox.signatures import quoted, refusal, sign

SECRET = b"secret"
NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
PATH = "spaces/s/é ü/a+b.json"


def query_of(path: str = PATH, lifetime: float = 60.0, **changes: str | None) -> dict[str, str]:
    query = dict(parse_qsl(sign(SECRET, path, NOW, lifetime)))
    return {name: value for name, value in {**query, **changes}.items() if value is not None}


def test_a_signature_has_the_form_of_s3() -> None:
    assert list(query_of()) == ["X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature"]
    assert query_of()["X-Amz-Date"] == "20260101T000000Z"
    assert query_of()["X-Amz-Expires"] == "60"
    assert urlencode(query_of()) == sign(SECRET, PATH, NOW, 60.0)


@pytest.mark.parametrize("later", [0.0, 1.0, 59.9])
def test_a_signature_is_good_until_it_expires(later: float) -> None:
    assert refusal(SECRET, PATH, query_of(), NOW + later) is None


@pytest.mark.parametrize("later", [60.0, 61.0, 1e9])
def test_a_signature_expires(later: float) -> None:
    assert refusal(SECRET, PATH, query_of(), NOW + later) == ("AccessDenied", "Request has expired")


@pytest.mark.parametrize(
    ("secret", "path", "query"),
    [
        (b"other", PATH, query_of()),
        (SECRET, "spaces/s/other.json", query_of()),
        (SECRET, PATH, query_of(lifetime=60, **{"X-Amz-Expires": "600"})),
        (SECRET, PATH, query_of(**{"X-Amz-Date": "20270101T000000Z"})),
        (SECRET, PATH, query_of(**{"X-Amz-Date": "soon"})),
        (SECRET, PATH, query_of(**{"X-Amz-Signature": "0" * 64})),
        (SECRET, PATH, query_of(**{"X-Amz-Signature": "é"})),
        (SECRET, PATH, query_of(**{"X-Amz-Signature": None})),
        (SECRET, PATH, query_of(**{"X-Amz-Date": None})),
        (SECRET, PATH, {}),
    ],
)
def test_what_was_altered_is_refused(secret: bytes, path: str, query: dict[str, str]) -> None:
    refused = refusal(secret, path, query, NOW)
    assert refused is not None
    assert refused[0] == "SignatureDoesNotMatch"


def test_quoting_leaves_slashes() -> None:
    assert quoted(PATH) == "spaces/s/%C3%A9%20%C3%BC/a%2Bb.json"
