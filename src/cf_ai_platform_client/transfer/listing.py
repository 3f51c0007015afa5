"""The manifest and the batches of a project."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import replace

from ..core.arguments import Filters
from ..core.manifest import BatchesPage, ManifestPage, read_batches_page, read_manifest_page
from ..core.naming import FolderNames, name_folders
from ..core.paging import Unique
from ..core.requests import Reply, batches_call, json_of, work_items_call
from ..errors import CFError, ItemError
from ..models import Batch, WorkItem
from .calls import Calls
from .pages import Pages

logger = logging.getLogger(__name__)

_KEEP_THEIR_CODE = frozenset({"unauthorized", "forbidden", "not_found", "cursor_loop"})


def manifest_pages(calls: Calls, project_id: str, filters: Filters) -> Pages[ManifestPage]:
    """List the work items of a project, page by page, each once."""
    unique = Unique()

    def read(reply: Reply) -> ManifestPage:
        return read_manifest_page(json_of(reply, "work_items"))

    def request(cursor: str | None) -> Awaitable[ManifestPage]:
        return calls.patiently(work_items_call(project_id, filters, cursor), read)

    def keep_new(page: ManifestPage) -> ManifestPage:
        return replace(page, items=[i for i in page.items if isinstance(i, ItemError) or unique.is_new(i.id)])

    return Pages("work items", request, keep_new)


async def iterate_items(calls: Calls, project_id: str, filters: Filters) -> AsyncGenerator[WorkItem, None]:
    """Yield the work items of a project, each once; entries without an id are logged and left out."""
    async with calls.http.connected(), manifest_pages(calls, project_id, filters) as pages:
        async for page in pages:
            for item in page.items:
                if isinstance(item, ItemError):
                    logger.warning("%s", item)
                else:
                    yield item


async def list_batches(calls: Calls, project_id: str) -> list[Batch]:
    """List all batches of a project, each once."""
    unique = Unique()

    def read(reply: Reply) -> BatchesPage:
        return read_batches_page(json_of(reply, "batches"))

    def request(cursor: str | None) -> Awaitable[BatchesPage]:
        return calls.patiently(batches_call(project_id, cursor), read)

    def keep_new(page: BatchesPage) -> BatchesPage:
        return replace(page, items=[batch for batch in page.items if unique.is_new(batch.id)])

    async with Pages("batches", request, keep_new) as pages:
        return [batch async for page in pages for batch in page.items]


async def list_folders(calls: Calls, project_id: str) -> FolderNames:
    """List the batches and name the folder of each."""
    try:
        batches = await list_batches(calls, project_id)
    except CFError as error:
        as_listing_failure(error)
        raise
    return name_folders((batch.id, batch.name) for batch in batches)


def as_listing_failure(error: CFError) -> CFError:
    """Give an error that ended a listing the code `listing_failed`, unless its own says more."""
    if error.code not in _KEEP_THEIR_CODE:
        error.code = "listing_failed"
    return error
