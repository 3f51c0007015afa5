"""The manifest and the batches, page by page; the next page is asked for while the last is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

from ..core.arguments import Filters
from ..core.manifest import BatchesPage, ManifestPage, read_batches_page, read_manifest_page
from ..core.naming import FolderNames, name_folders
from ..core.paging import Cursors, Unique
from ..core.requests import ApiCall, Reply, batches_call, json_of, work_items_call
from ..errors import ListingError
from ..models import Batch, KeysetPaginationMeta
from .calls import Calls


class _Page(Protocol):
    @property
    def meta(self) -> KeysetPaginationMeta | None: ...


P = TypeVar("P", bound=_Page)


def manifest_pages(calls: Calls, project_id: str, filters: Filters) -> AsyncGenerator[ManifestPage, None]:
    """List the work items of a project."""

    def read(reply: Reply) -> ManifestPage:
        return read_manifest_page(json_of(reply, "work_items"))

    def call(cursor: str | None) -> ApiCall:
        return work_items_call(project_id, filters, cursor)

    return _pages("work items", lambda cursor: calls.patiently(call(cursor), read))


async def list_batches(calls: Calls, project_id: str) -> list[Batch]:
    """List all batches of a project, each once."""
    found: list[Batch] = []
    unique = Unique()

    def request(cursor: str | None) -> Awaitable[BatchesPage]:
        return calls.patiently(
            batches_call(project_id, cursor), lambda reply: read_batches_page(json_of(reply, "batches"))
        )

    async with aclosing(_pages("batches", request)) as pages:
        async for page in pages:
            found += [batch for batch in page.items if unique.is_new(batch.id)]
    return found


async def list_folders(calls: Calls, project_id: str) -> FolderNames:
    """List the batches and name the folder of each."""
    return name_folders((batch.id, batch.name) for batch in await list_batches(calls, project_id))


async def _pages(of: str, request: Callable[[str | None], Awaitable[P]]) -> AsyncGenerator[P, None]:
    cursors = Cursors(of)
    asked: asyncio.Future[P] | None = asyncio.ensure_future(request(None))
    try:
        while asked is not None:
            page = await asked
            asked, circle = None, None
            try:
                cursor = cursors.following(page.meta)
            except ListingError as error:
                cursor, circle = None, error
            if cursor:
                asked = asyncio.ensure_future(request(cursor))
            yield page
            if circle:
                raise circle
    finally:
        if asked is not None:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
