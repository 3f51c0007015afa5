"""Async methods as blocking ones: one event loop in a thread of its own; types, signatures and docstrings are kept."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import anyio

from .adapters.runtime import loop_options

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
Within = Callable[[], AbstractAsyncContextManager[object]]

_STEP = 0.5
"""Seconds between looks at the loop's thread while waiting for it; Windows sees an interrupt only between waits."""

_FROM_WITHIN = "This was called by a handler of the client's own events: use another client there, or do it later."


class ClientClosed(RuntimeError):
    """The client was closed while the call was under way."""

    def __init__(self) -> None:
        super().__init__("The client was closed while this was under way; nothing more comes of it.")


class Portal:
    """Runs coroutines in an event loop of its own, inside the context manager that `within` makes.

    The first call starts it, `close()` or the garbage collector ends it; its thread never holds up the end of the
    process. An interrupt (Ctrl-C) cancels the running coroutine and waits until it has cleaned up.
    """

    def __init__(self, within: Within) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._end: Callable[[], object] | None = None

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run one coroutine and return its result. Raises ClientClosed where `close()` ends it."""
        return self._started().run(call)

    def iterate(self, source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Yield what an async generator yields; leaving early closes it."""
        loop = self._started()

        async def step() -> list[T]:
            async for value in source:
                return [value]
            return []

        try:
            loop.sources.add(source)
            while values := loop.run(step):
                yield values[0]
        finally:
            loop.finish(source)

    def close(self) -> None:
        """End the event loop and its thread; a later call starts them anew."""
        with self._lock:
            end, self._end, self._loop = self._end, None, None
        if end is not None:
            end()

    def _started(self) -> _Loop:
        with self._lock:
            if self._loop is None or not self._loop.is_alive():
                self._loop = _Loop(self._within)
                self._end = weakref.finalize(self, self._loop.stop)
            return self._loop


class _Loop:
    """One event loop in a daemon thread."""

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


class Blocking(Generic[A]):
    """Base of a blocking twin: the async object and the portal that it runs in."""

    def __init__(self, twin: A, within: Within) -> None:
        self.twin = twin
        self.portal = Portal(within)


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """Make the blocking twin of an async method."""

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        blocked: Blocking[A] = self
        return blocked.portal.run(lambda: method(blocked.twin, *args, **kwargs))

    return cast("Callable[Concatenate[Any, P], T]", functools.update_wrapper(call, method))


def blocking_iterator(
    method: Callable[Concatenate[A, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Generator[T, None, None]]:
    """Make the blocking twin of an async generator method; closing it early cancels what it started."""

    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        blocked: Blocking[A] = self
        return blocked.portal.iterate(method(blocked.twin, *args, **kwargs))

    twin: Any = functools.update_wrapper(call, method)
    signature = inspect.signature(method)
    returned = str(signature.return_annotation).replace("AsyncGenerator", "Generator")
    returned = returned.replace(", None]", ", None, None]")
    twin.__signature__ = signature.replace(return_annotation=returned)
    return cast("Callable[Concatenate[Any, P], Generator[T, None, None]]", twin)
