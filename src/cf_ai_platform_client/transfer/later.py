"""A coroutine that is made when its task takes its first step."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Later(Coroutine[Any, Any, None]):
    """What to give to a task group: anyio leaves coroutines of tasks that never began unawaited, which Python warns of.

    Those are the tasks that were started when the event loop ended.
    """

    def __init__(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._call = call
        self._made: Coroutine[Any, Any, None] | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        return self._begun().__await__()

    def send(self, value: Any, /) -> Any:
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        return self._begun().throw(*error)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def _begun(self) -> Coroutine[Any, Any, None]:
        if self._made is None:
            self._made = self._call()
        return self._made
