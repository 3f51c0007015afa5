"""The keys at hand: looked up at once, fetched by one caller at a time while the others wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Protocol

from .errors import WebhookError
from .key_cache import KeyCache


class Fetched(Protocol):
    """Keys that came, and for how many seconds they are fresh."""

    @property
    def keys(self) -> Mapping[str, bytes]: ...
    @property
    def fresh_for(self) -> float: ...


Fetch = Callable[[], Fetched]
"""Blocks until the keys are there; raises FetchFailed."""


class FetchFailed(Exception):
    """The keys did not come; its text says why."""


class KeyRing:
    """Keys that are fetched when they are needed; for many threads and event loops at once."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float], max_stale: float) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._max_stale = max_stale
        self._cache = KeyCache()
        self._failure = ""
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "cf-ai-webhook-keys")

    @classmethod
    def of(cls, keys: Mapping[str, bytes]) -> KeyRing:
        """Make one that holds these keys for good and fetches none."""

        def never() -> Fetched:
            raise FetchFailed("no address is known")

        ring = cls(never, lambda: 0.0, inf)
        ring._cache = KeyCache(keys, inf, inf, inf)
        return ring

    def key(self, key_id: str) -> bytes:
        """Return a key, fetching where needed. Raises WebhookError."""
        if self._wants_fetch(key_id):
            with self._lock:
                if self._wants_fetch(key_id):  # nobody else fetched meanwhile
                    self._refresh()
        return self._found(key_id)

    async def akey(self, key_id: str) -> bytes:
        """Do what `key` does without blocking the event loop."""
        if not self._wants_fetch(key_id):
            return self._found(key_id)
        return await asyncio.get_running_loop().run_in_executor(self._worker, self.key, key_id)

    def _wants_fetch(self, key_id: str) -> bool:
        return self._cache.wants_fetch(key_id, self._monotonic())

    def _refresh(self) -> None:
        began, cache = self._monotonic(), self._cache
        try:
            fetched = self._fetch()
        except FetchFailed as error:
            self._failure = str(error)
        else:
            cache = cache.fetched(fetched.keys, fetched.fresh_for, self._monotonic(), self._max_stale)
        self._cache = cache.fetching(began)

    def _found(self, key_id: str) -> bytes:
        cache, now = self._cache, self._monotonic()
        key = cache.find(key_id, now)
        if key is not None:
            return key
        if cache.is_fresh(now):
            raise WebhookError(
                "The delivery is refused: no key that the platform publishes has the id that signed it.",
                reason="unknown_key",
            )
        raise WebhookError(
            f"The delivery cannot be verified: {self._failure}.",
            reason="keys_unavailable",
            hint="Check jwks_url and the network; it is asked again after a minute.",
        )
