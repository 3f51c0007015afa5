"""What both kinds of receivers share: their parts, and what is being handled now."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable

from .deliveries import DeliveryStore, MemoryStore, check_count
from .event import WebhookEvent
from .telling import log_given_up
from .verifier import Verifier

_EVER_SO_OFTEN = (1 << 31) - 1

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

    def left(self) -> list[WebhookEvent]:
        """Return what is stored and to be handled, and tell how much is given up."""
        left, store = self.store.unhandled(self.attempts), self.store
        log_given_up(len(store.unhandled(_EVER_SO_OFTEN)) - len(left), self.attempts)
        return left
