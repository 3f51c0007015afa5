"""The keys at hand: looked up at once, fetched by one thread while those wait who have none."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from math import inf
from typing import Protocol

from .errors import WebhookError
from .key_cache import KeyCache
from .workers import Workers, outcome_of


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
    """Keys that are fetched when they are needed; for many threads, event loops and forks at once."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float], max_stale: float) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._max_stale = max_stale
        self._cache = KeyCache()
        self._failure = ""
        self._succeeded = 0
        self._worker = Workers(1)
        self._set_up()

    def _set_up(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._running: Future[None] | None = None

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
        before = self._succeeded
        fetch = self._fetch_to_wait_for(key_id)
        if fetch is not None:
            fetch.result()
        return self._found(key_id, before)

    async def akey(self, key_id: str) -> bytes:
        """Do what `key` does without blocking the event loop."""
        before = self._succeeded
        fetch = self._fetch_to_wait_for(key_id)
        if fetch is not None:
            await asyncio.shield(asyncio.wrap_future(fetch))
        return self._found(key_id, before)

    def _fetch_to_wait_for(self, key_id: str) -> Future[None] | None:
        """Begin a fetch where one is due; who has a key that still serves does not wait for that of another."""
        if self._process != os.getpid():  # neither the thread that fetches nor who holds the lock came along
            self._set_up()
        with self._lock:
            now = self._monotonic()
            if self._running is None and self._cache.wants_fetch(key_id, now):
                self._cache = self._cache.fetching(now)
                running = self._running = Future[None]()
                self._worker.submit(self._refresh)
                return running
            return None if self._cache.find(key_id, now) is not None else self._running

    def _refresh(self) -> None:
        fetched = outcome_of(self._fetch)
        with self._lock:
            try:
                keys = fetched()
            except FetchFailed as error:
                self._failure = str(error)
            except Exception as error:
                self._failure = type(error).__name__
            else:
                self._cache = self._cache.fetched(keys.keys, keys.fresh_for, self._monotonic(), self._max_stale)
                self._succeeded, self._failure = self._succeeded + 1, ""
            running, self._running = self._running, None
        if running is not None:
            running.set_result(None)

    def _found(self, key_id: str, before: int) -> bytes:
        cache = self._cache
        key = cache.find(key_id, self._monotonic())
        if key is not None:
            return key
        if self._succeeded > before or cache.are_final:
            raise WebhookError(
                "The delivery is refused: no key that the platform publishes has the id that signed it.",
                reason="unknown_key",
            )
        why = self._failure or "no key of its id was there when they were fetched last"
        raise WebhookError(
            f"The delivery cannot be verified: {why}.",
            reason="keys_unavailable",
            hint="Check jwks_url and the network; it is asked again after a minute.",
        )
