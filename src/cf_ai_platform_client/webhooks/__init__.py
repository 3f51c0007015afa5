"""Calls of the platform to your server when a work item's status changes: verified, stored, handled.

from cf_ai_platform_client.webhooks import Verifier

event = Verifier().verify(body, headers)  # raises WebhookError
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .asgi import WebhookApp
    from .deliveries import DeliveryStore, MemoryStore
    from .errors import WebhookError, WebhookReason
    from .event import WebhookEvent
    from .keys import PRODUCTION_JWKS_URL
    from .serving import serve
    from .sqlite_store import SQLiteStore
    from .verifier import Verifier
    from .wsgi import WebhookWSGIApp

__all__ = [
    "PRODUCTION_JWKS_URL",
    "DeliveryStore",
    "MemoryStore",
    "SQLiteStore",
    "Verifier",
    "WebhookApp",
    "WebhookError",
    "WebhookEvent",
    "WebhookReason",
    "WebhookWSGIApp",
    "serve",
]

_ELSEWHERE = {
    "PRODUCTION_JWKS_URL": "keys",
    "DeliveryStore": "deliveries",
    "MemoryStore": "deliveries",
    "SQLiteStore": "sqlite_store",
    "Verifier": "verifier",
    "WebhookApp": "asgi",
    "WebhookError": "errors",
    "WebhookEvent": "event",
    "WebhookReason": "errors",
    "WebhookWSGIApp": "wsgi",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_ELSEWHERE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
