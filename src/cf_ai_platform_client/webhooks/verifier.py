"""From raw bytes and headers to an event that the platform signed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from typing_extensions import Self

from ..core.redaction import without_query
from .errors import WebhookError
from .event import WebhookEvent
from .headers import TIMESTAMP, Headers, SignedHeaders, read_headers
from .key_ring import KeyRing
from .keys import KEY_BYTES, PRODUCTION_JWKS_URL, check_jwks_url, jwks_url_of, parse_jwks
from .signatures import is_signed, require_cryptography

Keys = bytes | str | Mapping[str, Any]
"""A JWKS document, or Ed25519 public keys of 32 bytes by their ids."""


class Verifier:
    """Verifies deliveries; one serves a whole process, its threads and its event loops.

    In this order: the headers are there once and well-formed, the timestamp is within `tolerance` of now, the key id is
    known, the key signed the raw body, the body is an event. The signature covers the body and nothing else that is
    known: a timestamp altered within the tolerance cannot be seen, and only a store of deliveries knows a replay.

    Args:
        jwks_url: where the keys are published, the platform's by default; https, or http on this machine. Fetched when
            needed: once its Cache-Control ran out (60 s to 24 h), or for an unknown key id; at most once a minute.
        keys: use these keys and fetch none: a JWKS document, or the 32 bytes of each key by its id.
        tolerance: seconds (or a timedelta) that the timestamp may be off, either way, both ends included. None does not
            look: for a platform that tries again with the headers of the first attempt.
        max_stale: how long keys that ran out still serve while the URL is down.
        clock, monotonic: Unix time, and a clock that is never set, in seconds.

    Raises ValueError for arguments that cannot be right, ImportError where the extra `webhooks` is not installed.

    >>> Verifier(keys={"key-1": bytes(32)}).verify(b"{}", {"X-Payload-Key-Id": "key-1"})
    Traceback (most recent call last):
    ...
    cf_ai_platform_client.webhooks.errors.WebhookError: The delivery is refused: X-Payload-Signature is missing.
    """

    def __init__(
        self,
        jwks_url: str | None = None,
        *,
        keys: Keys | None = None,
        tolerance: float | timedelta | None = 300.0,
        max_stale: float | timedelta = 86_400.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        require_cryptography()
        self._tolerance = None if tolerance is None else _seconds("tolerance", tolerance)
        self._clock = clock
        if keys is None:
            url = PRODUCTION_JWKS_URL if jwks_url is None else check_jwks_url(jwks_url)
            self._ring = KeyRing(partial(_fetch, url), monotonic, _seconds("max_stale", max_stale))
        elif jwks_url is not None:
            raise ValueError(f"jwks_url is {without_query(jwks_url)!r}: it must be left out where keys are given.")
        else:
            self._ring = KeyRing.of(_given(keys))

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make one for the platform that `CF_PLATFORM_BASE_URL` names, production where it is not set.

        `options` are the other arguments of `Verifier`. Raises ValueError where the URL is not https.
        """
        base_url = os.environ.get("CF_PLATFORM_BASE_URL", "")
        return cls(jwks_url_of(base_url) if base_url.strip() else None, **options)

    def verify(self, body: bytes, headers: Headers) -> WebhookEvent:
        """Verify one delivery and return its event, blocking. `body` is what came over the wire, byte by byte.

        Raises WebhookError, whatever is wrong with the delivery.
        """
        raw, signed = _raw(body), self._checked(headers)
        return _event(raw, signed, self._ring.key(signed.key_id))

    async def averify(self, body: bytes, headers: Headers) -> WebhookEvent:
        """Do what `verify` does without blocking the event loop while keys are fetched."""
        raw, signed = _raw(body), self._checked(headers)
        return _event(raw, signed, await self._ring.akey(signed.key_id))

    def _checked(self, headers: Headers) -> SignedHeaders:
        signed = read_headers(headers)
        off = self._clock() - signed.timestamp
        if self._tolerance is not None and not -self._tolerance <= off <= self._tolerance:
            where = f"{off:.0f} s ago" if off > 0 else f"{-off:.0f} s ahead"
            raise WebhookError(
                f"The delivery is refused: {TIMESTAMP} is {where}, more than {self._tolerance:g} s.",
                reason="outside_tolerance",
                hint="Check this machine's clock; a platform that tries again may need a larger tolerance.",
            )
        return signed


def _fetch(url: str) -> Any:
    from .fetching import fetch_keys

    return fetch_keys(url)


def _event(body: bytes, signed: SignedHeaders, key: bytes) -> WebhookEvent:
    if not is_signed(body, signed.signature, key):
        raise WebhookError(
            "The delivery is refused: the signature is not that of this body.",
            reason="wrong_signature",
            hint="Pass the body as it came: a framework that parsed and wrote it again has changed it.",
        )
    return WebhookEvent.from_body(body)


def _raw(body: object) -> bytes:
    if not isinstance(body, bytes | bytearray):
        raise TypeError(f"body is a {type(body).__name__}: it must be the raw bytes of the request.")
    return bytes(body)


def _given(keys: Keys) -> dict[str, bytes]:
    if isinstance(keys, Mapping) and "keys" not in keys:
        for key_id, key in keys.items():
            if not isinstance(key, bytes) or len(key) != KEY_BYTES:
                raise ValueError(f"keys holds {key_id!r}, which is not the {KEY_BYTES} bytes of an Ed25519 public key.")
        found: dict[str, bytes] = dict(keys)
    else:
        try:
            found = parse_jwks(keys)
        except ValueError as error:
            raise ValueError(f"keys is no key set: {error}") from None
    if not found:
        raise ValueError("keys holds no Ed25519 key that signs.")
    return found


def _seconds(name: str, value: float | timedelta) -> float:
    seconds: Any = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise ValueError(f"{name} is {value!r}: it must be seconds, or a timedelta, and not negative.")
    return float(seconds)
