from __future__ import annotations

import json
from typing import Any

import pytest

from cf_ai_platform_client.webhooks import Verifier
from cf_ai_platform_client.webhooks.keys import check_jwks_url, jwks_url_of, parse_jwks

from .signing import Signer

ONE, TWO = Signer("one"), Signer("two")
DOCUMENT = {"keys": [ONE.jwk, TWO.jwk, {"kty": "RSA", "kid": "three"}]}


@pytest.mark.parametrize("document", [DOCUMENT, json.dumps(DOCUMENT), json.dumps(DOCUMENT).encode()])
def test_a_document_comes_in_many_forms(document: Any) -> None:
    assert parse_jwks(document) == {"one": ONE.public, "two": TWO.public}


@pytest.mark.parametrize("change", [{"use": ...}, {"alg": ...}, {"alg": "Ed25519"}, {"key_ops": ["verify"]}, {"n": 1}])
def test_what_is_not_needed_may_be_missing_or_more(change: dict[str, Any]) -> None:
    key = {name: value for name, value in {**ONE.jwk, **change}.items() if value is not ...}
    assert parse_jwks({"keys": [key]}) == {"one": ONE.public}


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    assert parse_jwks({"keys": [ONE.jwk, Signer("one").jwk]}) == {"one": ONE.public}


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"keys": {}}', "[" * 100_000])
def test_what_is_no_document(document: Any) -> None:
    with pytest.raises(ValueError, match=r"^The JWKS (is not|has no)"):
        parse_jwks(document)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.ai.cloudfactory.app/api/v1", "https://api.ai.cloudfactory.app/api/.well-known/jwks.json"),
        (
            "https://api.staging.ai.cloudfactory.app/api/v1/",
            "https://api.staging.ai.cloudfactory.app/api/.well-known/jwks.json",
        ),
        (" http://127.0.0.1:8080/api/v1 ", "http://127.0.0.1:8080/api/.well-known/jwks.json"),
    ],
)
def test_the_keys_are_beside_the_api(base_url: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jwks_url_of(base_url) == url
    monkeypatch.setenv("CF_PLATFORM_BASE_URL", base_url)
    Verifier.from_env(tolerance=None)


def test_a_base_url_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CF_PLATFORM_BASE_URL", "http://platform.example/api/v1")
    with pytest.raises(ValueError, match="must be https"):
        Verifier.from_env()


def test_a_url_is_kept_as_it_is() -> None:
    assert check_jwks_url(" https://x.example:8443/jwks.json?a=b ") == "https://x.example:8443/jwks.json?a=b"
