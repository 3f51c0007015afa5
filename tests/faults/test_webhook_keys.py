"""Security rule 12 (and 8): which keys sign webhooks, where they come from, and what comes before what."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from cf_ai_platform_client.webhooks import Verifier, WebhookError, WebhookReason

from ..adapters.wire import ok, proxy_to, raw_server
from ..webhooks.signing import NOW, Signer, body_of, key_server
from .promise import SECRETS

BODY = body_of()
SIGNED = "?X-Amz-Signature=canary-signature&X-Amz-Credential=canary-signature"


def refused(verifier: Verifier, body: bytes, headers: Any) -> WebhookReason:
    with pytest.raises(WebhookError) as caught:
        verifier.verify(body, headers)
    return caught.value.reason


JWK = Signer().jwk
NO_KEYS: dict[str, dict[str, Any]] = {
    "RSA": {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256"},
    "EC": {"kty": "EC", "crv": "P-256", "y": JWK["x"]},
    "a shared secret": {"kty": "oct", "k": JWK["x"], "alg": "HS256"},
    "X25519": {"crv": "X25519"},
    "Ed448": {"crv": "Ed448"},
    "another algorithm": {"alg": "none"},
    "an algorithm that is a list": {"alg": ["EdDSA"]},
    "to encrypt": {"use": "enc"},
    "31 bytes": {"x": JWK["x"][:42]},
    "33 bytes": {"x": JWK["x"] + "A"},
    "no base64": {"x": "!" * 43},
    "no id": {"kid": None},
    "an id that is a number": {"kid": 1},
}


@pytest.mark.parametrize("change", NO_KEYS.values(), ids=NO_KEYS)
def test_rule_12_only_ed25519_keys_of_32_bytes_count(change: dict[str, Any]) -> None:
    signer = Signer()
    document = {"keys": [{**signer.jwk, **change}, Signer("other").jwk, "no key", None]}
    verifier = Verifier(keys=document, clock=lambda: NOW)
    assert refused(verifier, BODY, signer.headers(BODY)) == "unknown_key"


@pytest.mark.parametrize("body", [b"{", b'{"workItemID": "7"}', b"\xff", b"[" * 100_000])
def test_rule_12_nothing_is_parsed_before_the_signature_is_right(body: bytes) -> None:
    signer = Signer()
    assert refused(signer.verifier(), body, Signer().headers(body)) == "wrong_signature"
    assert refused(signer.verifier(), body, signer.headers(body)) == "invalid_body"


def test_rule_12_keys_are_not_asked_for_by_who_has_no_signature_or_comes_late() -> None:
    signer = Signer()
    with key_server(signer) as server:
        verifier = Verifier(server.url, clock=lambda: NOW)
        assert refused(verifier, BODY, signer.headers(BODY, Signature="x")) == "malformed_header"
        assert refused(verifier, BODY, signer.headers(BODY, NOW - 301)) == "outside_tolerance"
        assert server.asked == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://platform.example/jwks.json",
        "http://10.0.0.1/jwks.json",
        "http://127.0.0.1.example/jwks.json",
        "https://user:canary-signature@platform.example/jwks.json",
        "file:///etc/passwd",
        "ftp://platform.example/jwks.json",
        "//platform.example/jwks.json",
        "https://",
        "https://platform.example:port/",
        "https://platform.example/ x",
        "https://[::1/",
        "jwks.json",
        "",
    ],
)
def test_rule_12_keys_come_by_https(url: str) -> None:
    with pytest.raises(ValueError, match="^jwks_url is ") as caught:
        Verifier(url)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_rule_12_keys_come_from_this_machine_by_http_too(host: str) -> None:
    Verifier(f"http://{host}:1/jwks.json")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return what a server needs to be `platform.example`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("platform.example").configure_cert(context)
    return context


def test_rule_12_keys_come_by_tls_from_whom_is_trusted(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer()
    headers, document = signer.headers(BODY), json.dumps({"keys": [signer.jwk]}).encode()

    async def verify() -> None:
        async with raw_server(ok(document), tls) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            verifier = Verifier("https://platform.example/jwks.json", clock=lambda: NOW)
            assert (await verifier.averify(BODY, headers)).body == BODY
            other = Verifier("https://other.example/jwks.json", clock=lambda: NOW)  # the certificate is not for it
            with pytest.raises(WebhookError) as caught:
                await other.averify(BODY, headers)
            assert caught.value.reason == "keys_unavailable"
            assert len(server.heads) == 1

    asyncio.run(verify())


def test_rule_12_no_header_says_where_keys_are() -> None:
    ours, theirs = Signer(), Signer()
    with key_server(ours) as right, key_server(theirs) as wrong:
        lies = dict.fromkeys(("jku", "x5u", "X-Payload-Jwks-Url", "Link", "Referer", "Host", "Origin"), wrong.url)
        verifier = Verifier(right.url, clock=lambda: NOW)
        assert refused(verifier, BODY, {**theirs.headers(BODY), **lies}) == "wrong_signature"
        for key_id in (wrong.url, f"../{wrong.url}"):
            verifier = Verifier(right.url, clock=lambda: NOW)
            assert refused(verifier, BODY, {**theirs.headers(BODY, Key_Id=key_id), **lies}) == "unknown_key"
        assert (right.asked, wrong.asked) == (3, 0)


def test_rule_12_a_redirect_to_other_keys_is_not_followed() -> None:
    ours = Signer()
    with key_server() as moved, key_server(ours) as wrong:
        moved.status, moved.headers["Location"] = 307, wrong.url
        assert refused(Verifier(moved.url, clock=lambda: NOW), BODY, ours.headers(BODY)) == "keys_unavailable"
        assert wrong.asked == 0


def test_rule_8_an_event_shows_no_signed_url() -> None:
    signer = Signer()
    body = body_of(assetUrl=f"https://storage.example/a.jpg{SIGNED}", preview=f"https://storage.example/b.jpg{SIGNED}")
    event = signer.verifier().verify(body, signer.headers(body))
    assert "canary-signature" in str(event.asset_url)
    for text in (repr(event), str(event), event.delivery_key):
        assert not [secret for secret in SECRETS if secret in text]
