"""Signing keys out of a JWKS document: Ed25519 only."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from ..core.addresses import AddressRules
from ..core.redaction import without_query

PRODUCTION_JWKS_URL: str = "https://api.ai.cloudfactory.app/api/.well-known/jwks.json"
"""Where the platform publishes the keys that it signs with."""

KEY_BYTES = 32

_X = re.compile(r"[A-Za-z0-9_-]{43}")
_ALGORITHMS = frozenset({None, "EdDSA", "Ed25519"})


def parse_jwks(document: bytes | str | Mapping[str, Any]) -> dict[str, bytes]:
    """Read the Ed25519 keys of a JWKS, 32 bytes each, by their ids; others are left out. Raises ValueError.

    >>> parse_jwks({"keys": [{"kty": "RSA", "kid": "old"}]})
    {}
    """
    keys: Any = _read(document).get("keys")
    if not isinstance(keys, list):
        raise ValueError('The JWKS has no list of "keys".')
    found: dict[str, bytes] = {}
    for entry in keys:  # pyright: ignore[reportUnknownVariableType]
        key = _ed25519(entry)
        if key is not None:
            found.setdefault(*key)
    return found


def jwks_url_of(base_url: str) -> str:
    """Tell where the platform at a base URL publishes its keys.

    >>> jwks_url_of("https://api.ai.cloudfactory.app/api/v1")
    'https://api.ai.cloudfactory.app/api/.well-known/jwks.json'
    """
    return check_jwks_url(urljoin(f"{base_url.strip().rstrip('/')}/", "../.well-known/jwks.json"))


def check_jwks_url(url: str) -> str:
    """Check where signing keys are fetched from: https, or http on this machine. Raises ValueError."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("jwks_url is not a URL that can be read: it must be like https://host/jwks.json.") from None
    shown = without_query(text)
    if parts.scheme not in {"https", "http"} or not host or not text.isprintable() or " " in text:
        raise ValueError(f"jwks_url is {shown!r}: it must be like https://host/jwks.json.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"jwks_url is {shown!r} with a user: leave the user and the password out.")
    if parts.scheme == "http" and not AddressRules.is_loopback(text):
        raise ValueError(f"jwks_url is {shown!r}: it must be https, or whoever is in between can sign.")
    return text


def _read(document: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(document, Mapping):
        return document
    try:
        read: Any = json.loads(document)
    except (ValueError, RecursionError):
        raise ValueError("The JWKS is not JSON.") from None
    if not isinstance(read, dict):
        raise ValueError("The JWKS is not a JSON object.")
    return cast("dict[str, Any]", read)


def _ed25519(entry: Any) -> tuple[str, bytes] | None:
    if not isinstance(entry, dict):
        return None
    key = cast("dict[str, Any]", entry)
    kid, x = key.get("kid"), key.get("x")
    if not isinstance(kid, str) or not kid or not isinstance(x, str) or not _X.fullmatch(x):
        return None
    if (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519") or key.get("use", "sig") != "sig":
        return None
    algorithm = key.get("alg")
    if not isinstance(algorithm, str | None) or algorithm not in _ALGORITHMS:
        return None
    return kid, base64.urlsafe_b64decode(x + "=")
