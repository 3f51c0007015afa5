"""Async methods as blocking ones: one event loop in a thread of its own; types, signatures and docstrings are kept."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import anyio
from anyio.from_thread import BlockingPortal

from .adapters.runtime import loop_options

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
Within = Callable[[], AbstractAsyncContextManager[object]]


class Portal:
    """Runs coroutines in an event loop of its own, inside the context manager that `within` makes.

    The first call starts it, `close()` or the garbage collector ends it; its thread never holds up the end of the
    process. An interrupt (Ctrl-C) cancels the running coroutine and waits until it has cleaned up.
    """

    def __init__(self, within: Within) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._running: BlockingPortal | None = None
        self._end: Callable[[], object] | None = None

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run one coroutine and return its result."""
        done = threading.Event()

        async def supervised() -> T:
            try:
                return await call()
            finally:
                done.set()

        future = self._started().start_task_soon(supervised)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
                done.wait()
            raise

    def close(self) -> None:
        """End the event loop and its thread; a later call starts them anew."""
        with self._lock:
            end, self._end, self._running = self._end, None, None
        if end is not None:
            end()

    def _started(self) -> BlockingPortal:
        with self._lock:
            if self._running is None:
                ready: Future[BlockingPortal] = Future()
                thread = threading.Thread(target=_serve, args=(self._within, ready), name="cf-ai-portal", daemon=True)
                thread.start()
                self._running = ready.result()
                self._end = weakref.finalize(self, _stop, self._running, thread)
            return self._running


def _serve(within: Within, ready: Future[BlockingPortal]) -> None:
    async def main() -> None:
        async with BlockingPortal() as portal, within():
            ready.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(main, backend="asyncio", backend_options=loop_options())
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


def _stop(portal: BlockingPortal, thread: threading.Thread) -> None:
    if thread.is_alive() and thread is not threading.current_thread():
        portal.call(portal.stop, True)
        thread.join()


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
        return _drain(blocked.portal, method(blocked.twin, *args, **kwargs))

    return cast("Callable[Concatenate[Any, P], Generator[T, None, None]]", functools.update_wrapper(call, method))


def _drain(portal: Portal, source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    async def step() -> list[T]:
        async for value in source:
            return [value]
        return []

    try:
        while values := portal.run(step):
            yield values[0]
    finally:
        portal.run(source.aclose)
