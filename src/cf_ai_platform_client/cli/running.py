"""Runs a command's coroutine: the fast event loop where there is one, signals that let it clean up."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio

from ..adapters.runtime import loop_options
from .exits import INTERRUPTED, TERMINATED, Interrupted, complain

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that a cancelled run has to clean up."""

_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


def run(coroutine: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end.

    The first SIGINT or SIGTERM cancels it and, once it has cleaned up, raises Interrupted; a second one ends the
    process at once.
    """
    stopped_by: list[signal.Signals] = []
    results: list[T] = []

    async def guarded() -> None:
        task = asyncio.ensure_future(coroutine())
        with _signals_cancel(task, stopped_by):
            try:
                results.append(await task)
            except asyncio.CancelledError:
                if not stopped_by:
                    raise RuntimeError("The run was cancelled from within.") from None
            except Exception:
                if not stopped_by:
                    raise

    anyio.run(guarded, backend="asyncio", backend_options=loop_options())
    if not results:
        raise Interrupted(_CODES[stopped_by[0]])
    return results[0]


@contextmanager
def _signals_cancel(task: asyncio.Future[Any], stopped_by: list[signal.Signals]) -> Generator[None, None, None]:
    """Let signals cancel a task, by `signal.signal`: loops on Windows know no `add_signal_handler`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: object) -> None:
        stopped_by.append(signal.Signals(number))
        for each in _CODES:
            signal.signal(each, signal.SIG_DFL)
        _give_up_later(_CODES[stopped_by[0]])
        loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, stop) for number in _CODES}
    try:
        yield
    finally:
        for number, handler in before.items():
            if not stopped_by:
                signal.signal(number, handler or signal.SIG_DFL)


def _give_up_later(code: int) -> None:
    def give_up() -> None:
        complain("It did not stop in time and was ended; what is below the destination is whole.")
        os._exit(code)

    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
