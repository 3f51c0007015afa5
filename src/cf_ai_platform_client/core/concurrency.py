"""How many calls of one kind may be in flight: fixed, or found by growing while throughput grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .arguments import MAX_WORKERS, MaxWorkers

START = 10
_WORTH_IT = 1.1
_HOLD_WINDOWS = 8


@dataclass(slots=True)
class ConcurrencyLimit:
    """The limit of one stage.

    A fixed limit only shrinks (to half, on 429 and 503) and recovers by one a window. An automatic one doubles
    from 10 while the calls finished a second grow by a tenth, goes back a step where they do not, halves on 429
    and 503, and tries one step again from time to time. Windows in which the stage was not busy say nothing.
    """

    limit: int
    most: int
    searching: bool
    on_change: Callable[[int], None] | None = None
    _finished: int = 0
    _busy: int = 0
    _since: float | None = None
    _before: tuple[int, float] | None = None
    _hold: int = 0

    @classmethod
    def of(cls, max_workers: MaxWorkers, on_change: Callable[[int], None] | None = None) -> ConcurrencyLimit:
        """Make the limit that `max_workers` asks for."""
        if max_workers == "auto":
            return cls(START, MAX_WORKERS, searching=True, on_change=on_change)
        return cls(int(max_workers), int(max_workers), searching=False, on_change=on_change)

    def finished(self, now: float, *, busy: bool) -> None:
        """Count a call that finished well; `busy` tells whether the stage was at its limit."""
        if self._since is None:
            self._since = now
        self._finished += 1
        self._busy += busy
        if self._finished >= max(2 * self.limit, 20) and now > self._since:
            self._close_window(now)

    def overloaded(self) -> None:
        """Halve the limit: the server said that it has too much to do."""
        if self._hold <= _HOLD_WINDOWS:
            self._set(max(1, self.limit // 2))
        self._before = None
        self._hold = _HOLD_WINDOWS + 1
        self._reset(None)

    def _close_window(self, now: float) -> None:
        rate = self._finished / (now - (self._since or 0.0))
        was_busy = self._busy * 2 >= self._finished
        self._reset(now)
        if self._hold:
            self._hold -= 1
            if not self.searching or self._hold:
                return
        if was_busy:
            self._step(rate)

    def _step(self, rate: float) -> None:
        if self._before and self._before[0] < self.limit and rate < self._before[1] * _WORTH_IT:
            smaller = self._before[0]
            self._before, self._hold = None, 8 * _HOLD_WINDOWS
            self._set(smaller)
            return
        self._before = (self.limit, rate)
        self._set(min(self.most, self.limit * 2))

    def _set(self, limit: int) -> None:
        if limit != self.limit:
            self.limit = limit
            if self.on_change:
                self.on_change(limit)

    def _reset(self, now: float | None) -> None:
        self._since, self._finished, self._busy = now, 0, 0
