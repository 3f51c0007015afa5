"""How many calls of one kind may be in flight: fixed, or found by growing while throughput grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .arguments import MAX_WORKERS, MaxWorkers

START = 10
WORTH_IT = 1.1
HOLD_WINDOWS = 8
LONGEST_HOLD = 128


@dataclass(slots=True)
class ConcurrencyLimit:
    """The limit of one stage.

    A fixed limit only shrinks (to half, on 429 and 503) and recovers one step after a while. An automatic one doubles
    from 10 while the calls finished a second grow by a tenth, goes back a step where two windows in a row show no
    gain, halves on 429 and 503, and tries a step again after a while, longer each time it was in vain. Windows in
    which the stage was not busy say nothing.
    """

    limit: int
    most: int
    searching: bool
    on_change: Callable[[int], None] | None = None
    _opened: float | None = None
    _finished: int = 0
    _busy: int = 0
    _refused: int = 0
    _before: tuple[int, float] | None = None
    _doubted: bool = False
    _hold: int = 0
    _next_hold: int = HOLD_WINDOWS

    @classmethod
    def of(cls, max_workers: MaxWorkers, on_change: Callable[[int], None] | None = None) -> ConcurrencyLimit:
        """Make the limit that `max_workers` asks for."""
        if max_workers == "auto":
            return cls(START, MAX_WORKERS, searching=True, on_change=on_change)
        return cls(int(max_workers), int(max_workers), searching=False, on_change=on_change)

    def started(self, now: float) -> None:
        """Open the first window with the first call."""
        if self._opened is None:
            self._opened = now

    def finished(self, now: float, *, busy: bool) -> None:
        """Count a call that finished well; `busy` tells whether more were waiting."""
        self.started(now)
        self._finished += 1
        self._busy += busy
        if self._finished >= max(2 * self.limit, 20):
            self._close_window(now)

    def overloaded(self) -> None:
        """Halve the limit, once for all calls in flight: the server said that it has too much to do."""
        self._refused += 1
        if self._hold < self._next_hold or self._refused > 2 * self.limit:
            self._set(max(1, self.limit // 2))
            self._refused = 0
        self._before, self._doubted, self._hold = None, False, self._next_hold
        self._opened, self._finished, self._busy = None, 0, 0

    def _close_window(self, now: float) -> None:
        elapsed = now - (self._opened or 0.0)
        rate = self._finished / elapsed if elapsed > 0 else 0.0
        was_busy = self._busy * 2 >= self._finished
        self._opened, self._finished, self._busy, self._refused = now, 0, 0, 0
        if self._hold:
            self._hold -= 1
        elif was_busy:
            self._step(rate)

    def _step(self, rate: float) -> None:
        if self._before and rate < self._before[1] * WORTH_IT:
            self._no_gain(self._before[0])
            return
        if self._before:
            self._next_hold = HOLD_WINDOWS
        self._doubted, self._before = False, (self.limit, rate) if self.searching else None
        self._set(min(self.most, self.limit * 2))

    def _no_gain(self, smaller: int) -> None:
        if not self._doubted:
            self._doubted = True
            return
        self._doubted, self._before = False, None
        self._hold = self._next_hold
        self._next_hold = min(2 * self._next_hold, LONGEST_HOLD)
        self._set(smaller)

    def _set(self, limit: int) -> None:
        if limit != self.limit:
            self.limit = limit
            if self.on_change:
                self.on_change(limit)
