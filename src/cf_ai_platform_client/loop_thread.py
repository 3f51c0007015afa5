"""An event loop in a daemon thread, which blocking callers give coroutines to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import anyio

from .adapters.runtime import loop_options

T = TypeVar("T")
Within = Callable[[], AbstractAsyncContextManager[object]]

_STEP = 0.5
"""Seconds between looks at the loop's thread while waiting for it; Windows sees an interrupt only between waits."""

_FROM_WITHIN = "This was called by a handler of the client's own events: use another client there, or do it later."


class ClientClosed(RuntimeError):
    """The client was closed while the call was under way."""

    def __init__(self) -> None:
        super().__init__("The client was closed while this was under way; nothing more comes of it.")


class LoopThread:
    """One event loop, inside the context manager that `within` makes, until it is stopped."""

    def __init__(self, within: Within) -> None:
        self.sources: set[AsyncGenerator[Any, None]] = set()
        self._within = within
        self._ready: Future[Callable[[Callable[[], object]], object]] = Future()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._ending = asyncio.Event()
        self._exit: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="cf-ai-portal", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether calls can be run."""
        return self._thread.is_alive()

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine; what interrupts the wait for it cancels it."""
        if self._is_here():
            raise RuntimeError(_FROM_WITHIN)
        self._ready.result()
        job = _Job(call)
        try:
            self._soon(lambda: self._start(job))
            self._wait(job)
        except BaseException:
            self._soon(job.cancel)
            self._wait(job)
            raise
        return self._result(job)

    def finish(self, source: AsyncGenerator[Any, None]) -> None:
        """Close an async generator; waits for it except in the loop's own thread (the garbage collector's choice)."""
        if source not in self.sources or not self.is_alive():
            return
        self.sources.discard(source)
        if self._is_here():
            self._start(_Job(source.aclose))
        else:
            with contextlib.suppress(ClientClosed):
                self.run(source.aclose)

    def stop(self) -> None:
        """Cancel what runs, and end the thread."""
        if self._is_here():
            self._ending.set()
        elif self.is_alive() and self._ready.exception() is None:
            self._soon(self._ending.set)
            self._thread.join()

    def _result(self, job: _Job[T]) -> T:
        """Return a job's result; a handler's SystemExit or KeyboardInterrupt has ended the loop, or does now."""
        if job.exit is not None:
            self.stop()
        try:
            return job.result()
        except ClientClosed:
            self._thread.join(_STEP)
            if self._exit is not None:
                raise self._exit from None
            raise

    def _is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _soon(self, callback: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # where the loop is closed
            self._ready.result()(callback)

    def _wait(self, job: _Job[Any]) -> None:
        while self.is_alive() and not job.done.wait(_STEP):
            pass

    def _start(self, job: _Job[Any]) -> None:
        if self._ending.is_set():
            job.cancel()
            return
        task = job.start()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _serve(self) -> None:
        try:
            anyio.run(self._main, backend="asyncio", backend_options=loop_options())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            elif isinstance(error, Exception):
                raise
            self._exit = error

    async def _main(self) -> None:
        async with self._within():
            self._ready.set_result(asyncio.get_running_loop().call_soon_threadsafe)
            try:
                await self._ending.wait()
            finally:
                self._ending.set()
                await self._end_all()

    async def _end_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in list(self.sources):
            await source.aclose()


class _Job(Generic[T]):
    """A coroutine that is started and cancelled in the loop's thread, and waited for in the caller's."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self.done = threading.Event()
        self._call = call
        self._task: asyncio.Future[list[T]] | None = None
        self.exit: BaseException | None = None

    def start(self) -> asyncio.Future[list[T]]:
        self._task = asyncio.ensure_future(self._run())
        self._task.add_done_callback(lambda _: self.done.set())
        return self._task

    def cancel(self) -> None:
        if self._task is None:
            self.done.set()
        else:
            self._task.cancel()

    def result(self) -> T:
        if self.exit is not None:
            raise self.exit
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise ClientClosed
        return self._task.result()[0]

    async def _run(self) -> list[T]:
        try:
            return [await self._call()]
        except (KeyboardInterrupt, SystemExit) as error:  # a handler's; a task that raises it ends the loop at once
            self.exit = error
            return []
