"""The three headers of a delivery, from whatever form a web framework gives them in."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from .errors import WebhookError, WebhookReason

SIGNATURE, KEY_ID, TIMESTAMP = "X-Payload-Signature", "X-Payload-Key-Id", "X-Payload-Timestamp"

Headers = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""Names in any case; text, or bytes as ASGI has them. Pairs (or a mapping with repeated items) show doubled ones."""

_WANTED = {name.lower(): name for name in (SIGNATURE, KEY_ID, TIMESTAMP)}
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{86}==")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_LONGEST_KEY_ID = 256


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """What signs a body: 64 bytes, the id of the key, and Unix seconds (which nothing is known to sign)."""

    signature: bytes
    key_id: str
    timestamp: int


def read_headers(headers: Headers) -> SignedHeaders:
    """Find the three headers and check their form. Raises WebhookError."""
    try:
        wanted = _wanted_of(headers)
    except (TypeError, ValueError):
        _refuse("malformed_header", "its headers are neither a mapping nor pairs of name and value")
    found = {name: _only_value(values, name) for name, values in wanted.items()}
    if not _TIMESTAMP.fullmatch(found[TIMESTAMP]):
        _refuse("malformed_header", f"{TIMESTAMP} is not a number of seconds: 1 to 12 digits")
    key_id = found[KEY_ID]
    if not 0 < len(key_id) <= _LONGEST_KEY_ID:
        _refuse("malformed_header", f"{KEY_ID} is empty, or longer than {_LONGEST_KEY_ID} characters")
    return SignedHeaders(_signature(found[SIGNATURE]), key_id, int(found[TIMESTAMP]))


def _wanted_of(headers: Headers) -> dict[str, list[Any]]:
    """Collect every value of the headers that count."""
    items: Any = getattr(headers, "items", None)
    pairs: Any = items() if callable(items) else headers
    wanted: dict[str, list[Any]] = {name: [] for name in _WANTED.values()}
    for name, value in pairs:
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        known = _WANTED.get(text.lower()) if isinstance(text, str) else None
        if known is not None:
            wanted[known].append(value)
    return wanted


def _only_value(values: list[Any], name: str) -> str:
    if not values:
        _refuse("missing_header", f"{name} is missing")
    if len(values) > 1:
        _refuse("doubled_header", f"{name} is there {len(values)} times")
    value = values[0].decode("latin-1") if isinstance(values[0], bytes) else values[0]
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        _refuse("malformed_header", f"{name} holds something that is not printable ASCII")
    return value.strip(" ")


def _signature(text: str) -> bytes:
    if not _SIGNATURE.fullmatch(text):
        _refuse("malformed_header", f"{SIGNATURE} is not the base64 of 64 bytes")
    return base64.b64decode(text)


def _refuse(reason: WebhookReason, what: str) -> NoReturn:
    raise WebhookError(f"The delivery is refused: {what}.", reason=reason) from None
