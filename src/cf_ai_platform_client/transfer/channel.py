"""A bounded queue between two stages, which ends when it is closed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class EndOfChannel(Exception):
    """The channel is closed and empty."""


class Channel(Generic[T]):
    """What one stage hands to the next: at most `capacity` by weight, and always room for one.

    `put_now` does not wait: it is for what was let in before and comes back.
    """

    def __init__(self, capacity: int = 1 << 30, weigh: Callable[[T], int] | None = None) -> None:
        self._capacity = capacity
        self._weigh = weigh
        self._items: deque[T] = deque()
        self._weight = 0
        self._closed = False
        self._takers: deque[asyncio.Future[None]] = deque()
        self._givers: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put_now(self, item: T) -> None:
        """Add an item without waiting for room."""
        self._items.append(item)
        self._weight += self._weigh(item) if self._weigh else 1
        if self._takers:
            _wake(self._takers)

    async def put(self, item: T) -> None:
        """Add an item once there is room."""
        while self._items and self._weight >= self._capacity:
            await _wait(self._givers)
        self.put_now(item)

    async def get(self) -> T:
        """Take the oldest item; raise EndOfChannel at the end."""
        while not self._items:
            if self._closed:
                raise EndOfChannel
            await _wait(self._takers)
        return self._take()

    def get_now(self) -> T | None:
        """Take the oldest item if there is one."""
        return self._take() if self._items else None

    def close(self) -> None:
        """Let no taker wait any longer."""
        self._closed = True
        while self._takers:
            _wake(self._takers)

    def _take(self) -> T:
        item = self._items.popleft()
        self._weight -= self._weigh(item) if self._weigh else 1
        if self._givers and self._weight < self._capacity:
            _wake(self._givers)
        return item


def _wake(waiting: deque[asyncio.Future[None]]) -> None:
    while waiting:
        future = waiting.popleft()
        if not future.done():
            future.set_result(None)
            return


async def _wait(waiting: deque[asyncio.Future[None]]) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.append(future)
    try:
        await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():
            _wake(waiting)  # the turn that this one got goes to the next
        raise
