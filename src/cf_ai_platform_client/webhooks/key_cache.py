"""When signing keys are used, and when they are fetched again: decided from values, no clock and no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf

FETCH_EVERY = 60.0
"""Seconds between two fetches at the least, whoever asks for what."""

SHORTEST, LONGEST, UNSAID = 60.0, 86_400.0, 300.0
"""Seconds that keys count as fresh: at the least, at the most, and where the server does not say."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]+)\"?(?=$|[\s,])", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])(?:no-store|no-cache)(?=$|[\s,=])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeyCache:
    """The keys that were fetched last, and until when they serve; times are seconds of one monotonic clock."""

    keys: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    fresh_until: float = -inf
    stale_until: float = -inf
    fetch_from: float = -inf

    def wants_fetch(self, key_id: str, now: float) -> bool:
        """Tell whether to fetch before looking an id up: it is unknown or stale, and the last fetch long enough ago."""
        known = key_id in self.keys and now < self.fresh_until
        return not known and now >= self.fetch_from

    def find(self, key_id: str, now: float) -> bytes | None:
        """Return the key of an id, None where there is none that still serves."""
        return self.keys.get(key_id) if now < self.stale_until else None

    @property
    def are_final(self) -> bool:
        """Whether no others are ever fetched."""
        return self.fetch_from == inf

    def fetching(self, now: float) -> KeyCache:
        """Return what it is once a fetch has begun."""
        return replace(self, fetch_from=now + FETCH_EVERY)

    def fetched(self, keys: Mapping[str, bytes], fresh_for: float, now: float, max_stale: float) -> KeyCache:
        """Return what it is once keys came."""
        return replace(self, keys=keys, fresh_until=now + fresh_for, stale_until=now + fresh_for + max_stale)


def fresh_for(headers: Mapping[str, str]) -> float:
    """Tell for how many seconds an answer is fresh by its Cache-Control and Age, within bounds.

    >>> fresh_for({"cache-control": "public, max-age=600", "age": "100"}), fresh_for({"cache-control": "no-store"})
    (500.0, 60.0)
    """
    control, age = headers.get("cache-control", ""), headers.get("age", "")
    said = [_seconds(digits) for digits in _MAX_AGE.findall(control)]
    seconds = 0.0 if _NOT_KEPT.search(control) else min(said, default=UNSAID)
    if said and re.fullmatch(r"[0-9]+", age):
        seconds -= _seconds(age)
    return min(max(seconds, SHORTEST), LONGEST)


def _seconds(digits: str) -> float:
    """Read digits; more than a dozen are for ever, or as good as that."""
    return float(digits) if len(digits) <= 12 else 1e12
