"""Work in a thread that nobody leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

T = TypeVar("T")


async def to_the_end(work: Callable[[], T], *, stop: Callable[[], object] | None = None) -> T:
    """Run work in a thread; one who is cancelled meanwhile calls `stop` and waits: its files are closed afterwards."""
    running = asyncio.ensure_future(anyio.to_thread.run_sync(work))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancelled = error
            if stop is not None:
                stop()
    if cancelled is not None:
        running.exception()
        raise cancelled
    return running.result()
