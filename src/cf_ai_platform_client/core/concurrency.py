"""How many calls of one kind may be in flight: fixed, or found by growing while throughput grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .arguments import MAX_WORKERS, MaxWorkers

START = 10
WORTH_IT = 1.1
HOLD_WINDOWS = 8
LONGEST_HOLD = 128
IMMUNE_WINDOWS = 32
SHORTEST_WINDOW = 0.1
"""Seconds: the rate of a shorter window is noise."""

_AS_OFTEN, _MOST = 0.7, 0.6


@dataclass(slots=True)
class ConcurrencyLimit:
    """The limit of one stage.

    A fixed limit only shrinks, on 429 and 503, and recovers. An automatic one doubles from 10 while the calls finished
    a second grow by a tenth, goes back a step where two windows in a row show no gain, and tries a step again after a
    while, longer each time it was in vain. Windows in which the stage was not busy say nothing.

    The first refusal halves the limit, once for all calls in flight. From then on it grows by an eighth a window
    without refusals and shrinks by a sixth in one with, as TCP does near the capacity of a path (RFC 5681), until it is
    at twice of what was refused. Where half as many calls are refused as often, their number is not the reason: the
    limit goes back and is left alone for a while.
    """

    limit: int
    most: int
    searching: bool
    on_change: Callable[[int], None] | None = None
    _opened: float | None = None
    _finished: int = 0
    _busy: int = 0
    _refused: int = 0
    _ceiling: int | None = None
    _at_first: tuple[int, float] | None = None
    _immune: int = 0
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
        if self._finished + self._refused >= self._window and now - (self._opened or 0.0) >= SHORTEST_WINDOW:
            self._close_window(now)

    def overloaded(self) -> None:
        """Count a call that was refused: the server said that it has too much to do."""
        self._refused += 1
        self._before, self._doubted, self._hold = None, False, 0
        if self._ceiling is None and not self._immune:
            self._ceiling, self._at_first = self.limit, None
            self._opened, self._finished, self._busy, self._refused = None, 0, 0, 0
            self._set(max(1, self.limit // 2))
        elif self._finished + self._refused >= self._window:
            self._close_window(None)

    @property
    def _window(self) -> int:
        return max(2 * self.limit, 20)

    def _close_window(self, now: float | None) -> None:
        elapsed = (now or 0.0) - (self._opened or 0.0)
        rate = self._finished / elapsed if elapsed > 0 else 0.0
        refused = self._refused / (self._finished + self._refused)
        was_busy = self._busy * 2 >= self._finished
        self._opened, self._finished, self._busy, self._refused = now, 0, 0, 0
        self._immune = max(0, self._immune - 1)
        if self._hold:
            self._hold -= 1
        elif self._ceiling is not None:
            self._near_ceiling(self._ceiling, refused, was_busy)
        elif was_busy and not self._immune:
            self._step(rate)

    def _near_ceiling(self, ceiling: int, refused: float, was_busy: bool) -> None:
        self._at_first = self._at_first or (self.limit, refused)
        limit_then, refused_then = self._at_first
        if refused == 0:
            if was_busy:
                self._set(min(self.most, self.limit + max(1, self.limit // 8)))
            if self.limit >= min(self.most, 2 * ceiling):
                self._ceiling = None
        elif self.limit <= limit_then // 2 and refused_then * _AS_OFTEN < refused < _MOST:
            self._ceiling, self._immune = None, IMMUNE_WINDOWS
            self._set(limit_then)
        else:
            self._set(max(1, self.limit * 5 // 6))

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
