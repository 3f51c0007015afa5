"""Which deliveries came already, and which of them are handled: in memory here, in a file in `sqlite_store`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from .event import WebhookEvent


class DeliveryStore(Protocol):
    """Remembers deliveries by `WebhookEvent.delivery_key`; its methods block, and any thread may call them.

    Implement it over a database of your own where several machines receive. Whatever it raises is answered with a
    503, so that the platform tries again.
    """

    def add(self, event: WebhookEvent) -> bool:
        """Store a delivery before it is answered; False where it is here already."""
        ...

    def begin(self, event: WebhookEvent) -> int | None:
        """Count an attempt to handle it, before the handler runs; return how many that are, where it is known.

        A handler that ends the whole process is so not called for ever.
        """
        ...

    def mark_handled(self, event: WebhookEvent) -> None:
        """Note that the handler is done with it."""
        ...

    def unhandled(self, attempts: int) -> list[WebhookEvent]:
        """Return those that are not handled and were begun fewer than `attempts` times, oldest first."""
        ...


def check_count(name: str, value: object) -> int:
    """Check a number of things of which there must be one. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}: it must be a whole number, at least 1.")
    return value


@dataclass(slots=True)
class _Kept:
    event: WebhookEvent
    attempts: int = 0
    handled: bool = False


class MemoryStore:
    """Remembers the last `keep` deliveries until the process ends; handled ones are forgotten first.

    >>> from cf_ai_platform_client.webhooks import WebhookEvent
    >>> event = WebhookEvent.from_body(
    ...     b'{"workItemID": "7", "status": "COMPLETED", "createdAt": "2026-01-01T00:00:00Z",'
    ...     b' "updatedAt": "2026-01-02T00:00:00Z", "deliveredAt": "2026-01-02T00:00:01Z"}'
    ... )
    >>> store = MemoryStore()
    >>> store.add(event), store.add(event)
    (True, False)
    """

    def __init__(self, *, keep: int = 10_000) -> None:
        self._keep = check_count("keep", keep)
        self._lock = threading.Lock()
        self._all: dict[str, _Kept] = {}
        self._handled: dict[str, None] = {}

    def add(self, event: WebhookEvent) -> bool:
        """Store a delivery; False where it is here already."""
        with self._lock:
            if event.delivery_key in self._all:
                return False
            if len(self._all) >= self._keep:
                oldest = next(iter(self._handled or self._all))
                self._handled.pop(oldest, None)
                del self._all[oldest]
            self._all[event.delivery_key] = _Kept(event)
            return True

    def begin(self, event: WebhookEvent) -> int | None:
        """Count an attempt to handle it; return how many that are."""
        with self._lock:
            kept = self._all.get(event.delivery_key)
            if kept is None:
                return None
            kept.attempts += 1
            return kept.attempts

    def mark_handled(self, event: WebhookEvent) -> None:
        """Note that the handler is done with it."""
        with self._lock:
            kept = self._all.get(event.delivery_key)
            if kept is not None:
                kept.handled = True
                self._handled[event.delivery_key] = None

    def unhandled(self, attempts: int) -> list[WebhookEvent]:
        """Return those that are not handled and were begun fewer than `attempts` times, oldest first."""
        with self._lock:
            return [kept.event for kept in self._all.values() if not kept.handled and kept.attempts < attempts]
