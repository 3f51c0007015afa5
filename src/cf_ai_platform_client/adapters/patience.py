"""Deadlines of requests that move with every piece that comes: one timer for all of an event loop.

A cancel scope for each costs ten times as much, a timer for each three times.
"""

from __future__ import annotations

import asyncio
import math
import sys
from types import TracebackType

from typing_extensions import Self


class Watch:
    """Looks after the deadlines of one event loop, until it is closed."""

    def __init__(self) -> None:
        self._patient: set[Patience] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next_look = math.inf

    def add(self, patience: Patience, loop: asyncio.AbstractEventLoop, look: float) -> None:
        """Look after a deadline, for the first time at `look` on the loop's clock."""
        self._patient.add(patience)
        if look < self._next_look:
            self._look_at(loop, look)

    def discard(self, patience: Patience) -> None:
        """Look after it no longer."""
        self._patient.discard(patience)

    def close(self) -> None:
        """Let go of the timer."""
        self._next_look = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _look_at(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        self.close()
        self._next_look = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next_look = math.inf
        now = loop.time()
        looks = [look for patience in list(self._patient) if (look := patience.look(now)) is not None]
        if looks:
            self._look_at(loop, min(looks))


class Patience:
    """A context manager that raises TimeoutError `first` seconds after it was entered.

    `renew` gives it `each` seconds from then on, `hold` as many as it takes.
    """

    __slots__ = (
        "_cancelled_before",
        "_deadline",
        "_each",
        "_expired",
        "_first",
        "_loop",
        "_task",
        "_watch",
    )

    def __init__(self, watch: Watch, first: float, each: float) -> None:
        self._watch = watch
        self._first = first
        self._each = each
        self._deadline = math.inf
        self._expired = False

    def __enter__(self) -> Self:
        self._loop = loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = asyncio.current_task(loop)
        self._cancelled_before = _cancelling(self._task)
        now = loop.time()
        self._deadline = now + self._first
        self._watch.add(self, loop, now + min(self._first, self._each))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.discard(self)
        if self._expired and kind is not None and issubclass(kind, asyncio.CancelledError):
            self._raise_timeout(error)

    def renew(self) -> None:
        """Wait `each` seconds from now; the timer is left alone: it looks again by then."""
        self._deadline = self._loop.time() + self._each

    def hold(self) -> None:
        """Wait as long as it takes."""
        self._deadline = math.inf

    def look(self, now: float) -> float | None:
        """Cancel the task if its time is over, else return when to look again."""
        left = self._deadline - now
        if left > 0:
            return now + min(left, self._each)
        self._watch.discard(self)
        if self._task is not None:
            self._expired = True
            self._task.cancel()
        return None

    def _raise_timeout(self, error: BaseException | None) -> None:
        if sys.version_info >= (3, 11) and self._task is not None and self._task.uncancel() > self._cancelled_before:
            return  # somebody else cancelled too
        raise asyncio.TimeoutError from error


def _cancelling(task: asyncio.Task[object] | None) -> int:
    return task.cancelling() if sys.version_info >= (3, 11) and task is not None else 0
