"""Work that Ctrl-C stops only where it may be stopped."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_STEP = 0.5
"""Seconds between looks at the work; Windows sees an interrupt only between waits."""


class Stopped(BaseException):
    """Raised by work that was asked to stop; the caller is shown the interrupt instead."""


def uninterrupted(work: Callable[[Callable[[], None]], T]) -> T:
    """Run work in a thread, since signals interrupt the main one only, and wait for its end in any case.

    What interrupts the wait is raised once the work has ended. The work calls what it is given where it may be
    stopped: that raises `Stopped` from then on.
    """
    return _Work(work).run()


class _Work(Generic[T]):
    """Its steps are single operations on lists and a lock, so that an interrupt finds none half done."""

    def __init__(self, work: Callable[[Callable[[], None]], T]) -> None:
        self._work = work
        self._unclaimed = [True]
        self._interrupts: list[BaseException] = []
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self._running = threading.Lock()
        self._running.acquire()

    def run(self) -> T:
        try:
            threading.Thread(target=self._run, name="cf-ai-extract").start()
            self._wait()
        except BaseException as error:
            self._interrupts.append(error)
            self._end()
            raise
        if self._errors:
            raise self._errors.pop()
        return self._results.pop()

    def _end(self) -> None:
        """Wait for the end in spite of further interrupts, unless the work has not begun: then it never does."""
        if self._claim():
            return
        while True:
            with contextlib.suppress(BaseException):  # asked for twice: the files come first
                self._wait()
                return

    def _wait(self) -> None:
        while not (self._results or self._errors):
            self._running.acquire(timeout=_STEP)

    def _run(self) -> None:
        if not self._claim():
            return
        try:
            self._results.append(self._work(self._check))
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._running.release()

    def _claim(self) -> bool:
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def _check(self) -> None:
        if self._interrupts:
            raise Stopped
