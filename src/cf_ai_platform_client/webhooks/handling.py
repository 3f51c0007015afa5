"""What both kinds of receivers share: their parts, what is being handled now, what they log."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable

from ..core.redaction import printable
from .deliveries import DeliveryStore, MemoryStore, check_count
from .errors import WebhookError
from .event import WebhookEvent
from .verifier import Verifier

logger = logging.getLogger("cf_ai_platform_client.webhooks")

Handler = Callable[[WebhookEvent], object]
"""A function of one event, plain or async; what it returns is not looked at, what it raises is logged."""


class Parts:
    """The handler, the verifier and the store of a receiver, and the deliveries that are being handled now."""

    def __init__(
        self, handler: Handler, verifier: Verifier | None, store: DeliveryStore | None, attempts: int, at_once: int
    ) -> None:
        if not callable(handler):
            raise ValueError(f"handler is {handler!r}: it must be a function that takes one event.")
        self.handler = handler
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004 - an object whose call is async
        )
        self.verifier = verifier if verifier is not None else Verifier()
        self.store: DeliveryStore = store if store is not None else MemoryStore()
        self.attempts = check_count("attempts", attempts)
        self.at_once = check_count("at_once", at_once)
        self._lock = threading.Lock()
        self._in_hand: set[str] = set()

    def take(self, event: WebhookEvent) -> bool:
        """Take a delivery in hand; False where it is in hand already."""
        with self._lock:
            if event.delivery_key in self._in_hand:
                return False
            self._in_hand.add(event.delivery_key)
            return True

    def let_go(self, event: WebhookEvent) -> None:
        """Have it in hand no longer."""
        with self._lock:
            self._in_hand.discard(event.delivery_key)


def log_refused(error: WebhookError) -> None:
    """Log why a delivery is refused: whoever sent it is not told."""
    logger.warning("%s (%s)", printable(str(error)), error.reason)


def log_failed(event: WebhookEvent, error: BaseException) -> None:
    """Log that a handler failed."""
    what = printable(f"{type(error).__name__}: {error}")
    logger.error("Work item %s was not handled: %s", printable(event.work_item_id), what, exc_info=error)


def log_not_stored(error: Exception) -> None:
    """Log that a delivery could not be stored."""
    logger.error("A delivery could not be stored: %s", printable(f"{type(error).__name__}: {error}"), exc_info=error)
