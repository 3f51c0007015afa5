"""Retry or give up: an outcome, an attempt, the time spent and the shared budget → a wait or an end."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CFError

_TRIED_ONCE_MORE = frozenset({"checksum", "invalid_json"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently failed calls are made again.

    `attempts` counts the first one too. The wait before retry n is drawn evenly from 0 to
    `min(cap, base * 2**(n-1))` seconds (full jitter); a server's Retry-After is a floor, itself cut at
    `retry_after_cap`. A call is given up once `total` seconds have passed since it was first made. All calls
    of a run share `budget` retries, which every success refills by `refill`.

    >>> RetryPolicy(attempts=1)  # never retry
    RetryPolicy(attempts=1, base=0.25, cap=20.0, total=600.0, retry_after_cap=120.0, budget=500, refill=1.0)
    """

    attempts: int = 12
    base: float = 0.25
    cap: float = 20.0
    total: float = 600.0
    retry_after_cap: float = 120.0
    budget: int = 500
    refill: float = 1.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts!r}: it must be at least 1.")
        for name in ("base", "cap", "total", "retry_after_cap", "budget", "refill"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must not be negative.")


@dataclass(slots=True)
class Tries:
    """The attempts of one call: how many, when the first began, and how many brought a whole body that was wrong."""

    count: int = 0
    since: float = 0.0
    spoiled: int = 0

    def begin(self, now: float) -> None:
        """Count an attempt."""
        if not self.count:
            self.since = now
        self.count += 1

    def failed(self, error: CFError) -> None:
        """Count how an attempt ended."""
        self.spoiled += error.code in _TRIED_ONCE_MORE


class RetryBudget:
    """The retries that all calls of a run share, so that a dying server is not hammered."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._most = float(policy.budget)
        self._refill = policy.refill
        self.left = self._most

    def spend(self) -> bool:
        """Take one retry; False when none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def succeeded(self) -> None:
        """Refill after a call that succeeded."""
        if self.left < self._most:
            self.left = min(self._most, self.left + self._refill)


def wait_before_retry(
    policy: RetryPolicy, error: CFError, *, attempt: int, elapsed: float, jitter: float, spoiled: int = 0
) -> float | None:
    """Return how many seconds to wait before the next attempt, or None to give up.

    `attempt` counts from 1, `elapsed` is in seconds since the first attempt began, `jitter` is drawn from [0, 1). A
    whole body that is wrong (`checksum`, `invalid_json`) is asked for once more; `spoiled` counts those before.
    """
    if not error.retryable or attempt >= policy.attempts or (spoiled and error.code in _TRIED_ONCE_MORE):
        return None
    wait = jitter * min(policy.cap, policy.base * 2 ** min(attempt - 1, 32))
    if error.retry_after is not None:
        wait += min(max(error.retry_after, 0.0), policy.retry_after_cap)
    return wait if elapsed + wait <= policy.total else None
