"""A deadline for one request that moves with every piece that comes: one timer, where a cancel scope costs ten."""

from __future__ import annotations

import asyncio
import math
import sys
from types import TracebackType

from typing_extensions import Self


class Patience:
    """A context manager that raises TimeoutError `first` seconds after it was entered.

    `renew` gives it `each` seconds from then on, `hold` as many as it takes.
    """

    def __init__(self, first: float, each: float) -> None:
        self._first = first
        self._each = each
        self._deadline = math.inf
        self._expired = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = asyncio.current_task()
        self._cancelled_before = _cancelling(self._task)
        self._deadline = self._loop.time() + self._first
        self._timer = self._loop.call_later(min(self._first, self._each), self._due)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._expired and kind is not None and issubclass(kind, asyncio.CancelledError):
            self._raise_timeout(error)

    def renew(self) -> None:
        """Wait `each` seconds from now; the timer is left alone: it looks again by then."""
        self._deadline = self._loop.time() + self._each

    def hold(self) -> None:
        """Wait as long as it takes."""
        self._deadline = math.inf

    def _due(self) -> None:
        left = self._deadline - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(min(left, self._each), self._due)
        elif self._task is not None:
            self._expired = True
            self._task.cancel()

    def _raise_timeout(self, error: BaseException | None) -> None:
        if sys.version_info >= (3, 11) and self._task is not None and self._task.uncancel() > self._cancelled_before:
            return  # somebody else cancelled too
        raise asyncio.TimeoutError from error


def _cancelling(task: asyncio.Task[object] | None) -> int:
    return task.cancelling() if sys.version_info >= (3, 11) and task is not None else 0
