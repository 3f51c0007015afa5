"""The pages of a listing; the next one is asked for while the last is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from typing_extensions import Self

from ..core.paging import Cursors
from ..errors import ListingError
from ..models import KeysetPaginationMeta


class Page(Protocol):
    """An answer that says where it stands."""

    @property
    def items(self) -> Sequence[object]:
        """What is on it."""
        ...

    @property
    def meta(self) -> KeysetPaginationMeta | None:
        """The cursors."""
        ...


P = TypeVar("P", bound=Page)


class Pages(Generic[P]):
    """The pages that `request` gets by their cursors, None for the first, without what was on a page before.

    Entered and then iterated over.
    No generator: one that holds another cannot be closed by the end of its event loop. Raises ListingError after the
    last page where the cursors go in a circle, or on and on without anything new.
    """

    def __init__(self, of: str, request: Callable[[str | None], Awaitable[P]]) -> None:
        self._cursors = Cursors(of)
        self._request = request
        self._asked: asyncio.Future[P] | None = None
        self._circle: ListingError | None = None

    async def __aenter__(self) -> Self:
        self._ask(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.gather(self._asked, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P:
        if self._circle is not None:
            raise self._circle
        if self._asked is None:
            raise StopAsyncIteration
        page = await self._asked
        self._asked = None
        try:
            cursor = self._cursors.following(page.meta, brought=bool(page.items))
        except ListingError as error:
            self._circle = error
        else:
            if cursor:
                self._ask(cursor)
        return page

    def _ask(self, cursor: str | None) -> None:
        self._asked = asyncio.ensure_future(self._request(cursor))
