"""Where failed calls wait for their next attempt: a waiting item holds no worker and no task of its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any

from ..adapters.runtime import Runtime


class WaitingRoom:
    """Runs callbacks when they are due, in one task for all of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, delay: float, callback: Callable[[], None]) -> None:
        """Run `callback` in `delay` seconds."""
        heapq.heappush(self._due, (self._runtime.monotonic() + delay, next(self._order), callback))
        self._changed.set()

    def end_all(self) -> None:
        """Run every callback now: nothing is worth waiting for any more."""
        due, self._due = sorted(self._due), []
        for _, _, callback in due:
            callback()

    async def serve(self) -> None:
        """Call back what is due, for ever; cancel this to end it."""
        while True:
            self._changed.clear()
            self._run_due()
            if not self._due:
                await self._changed.wait()
            else:
                await self._sleep_or_change(self._due[0][0] - self._runtime.monotonic())

    def _run_due(self) -> None:
        now = self._runtime.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    async def _sleep_or_change(self, delay: float) -> None:
        tasks: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._runtime.sleep(delay)),
            asyncio.ensure_future(self._changed.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
