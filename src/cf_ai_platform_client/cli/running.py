"""Runs a command's coroutine: the fast event loop where there is one, signals that let it clean up."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio

from ..adapters.runtime import loop_options
from .exits import INTERRUPTED, TERMINATED, Ended

T = TypeVar("T")

_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


def run(coroutine: Callable[[], Coroutine[Any, Any, T]], on_stop: Callable[[], None] = lambda: None) -> T:
    """Run a coroutine to its end.

    The first SIGINT or SIGTERM cancels it, calls `on_stop` once it has cleaned up, and ends the command with 130 or
    143; a second one ends the process at once.
    """
    stopped_by: list[signal.Signals] = []

    async def guarded() -> T:
        task = asyncio.ensure_future(coroutine())
        _handle_signals(task, stopped_by)
        try:
            return await task
        except asyncio.CancelledError:
            if not stopped_by:
                raise
            on_stop()
            raise Ended(_CODES[stopped_by[0]]) from None

    return anyio.run(guarded, backend="asyncio", backend_options=loop_options())


def _handle_signals(task: asyncio.Future[Any], stopped_by: list[signal.Signals]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: object) -> None:
        stopped_by.append(signal.Signals(number))
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(task.cancel)

    for number in _CODES:
        signal.signal(number, stop)
