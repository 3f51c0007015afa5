"""Async methods as blocking ones: types, signatures and docstrings are kept."""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from .loop_thread import LoopThread, Within

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


class Portal:
    """Runs coroutines in an event loop of its own, inside the context manager that `within` makes.

    The first call starts it, `close()` or the garbage collector ends it; its thread never holds up the end of the
    process. An interrupt (Ctrl-C) cancels the running coroutine and waits until it has cleaned up.
    """

    def __init__(self, within: Within) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
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

    def _started(self) -> LoopThread:
        with self._lock:
            if self._loop is None or not self._loop.is_alive():
                self._loop = LoopThread(self._within)
                self._end = weakref.finalize(self, self._loop.stop)
            return self._loop


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
