"""The manifest and the batches of a project."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import replace

from ..core.arguments import Filters
from ..core.manifest import BatchesPage, ManifestPage, read_batches_page, read_manifest_page
from ..core.paging import Unique
from ..core.requests import Reply, batches_call, json_of, work_items_call
from ..errors import CFError, ItemError
from ..models import Batch, WorkItem
from .calls import Calls
from .pages import Pages
from .planning import EachOnce, PlannedPage, Planner

logger = logging.getLogger(__name__)

_KEEP_THEIR_CODE = frozenset({"unauthorized", "forbidden", "not_found", "cursor_loop"})


def manifest_pages(calls: Calls, project_id: str, filters: Filters, planner: Planner) -> Pages[PlannedPage]:
    """List the work items of a project, page by page, each with its plan."""

    def read(reply: Reply) -> ManifestPage:
        return read_manifest_page(json_of(reply, "work_items"))

    async def request(cursor: str | None) -> PlannedPage:
        return await planner.plan(await calls.patiently(work_items_call(project_id, filters, cursor), read))

    return Pages("work items", request)


async def iterate_items(calls: Calls, project_id: str, filters: Filters) -> AsyncGenerator[WorkItem, None]:
    """Yield the work items of a project, each once; entries without an id are logged and left out."""
    async with calls.http.connected(), manifest_pages(calls, project_id, filters, EachOnce([filters])) as pages:
        async for page in pages:
            for planned in page.items:
                if isinstance(planned.item, ItemError):
                    logger.warning("%s", planned.item)
                else:
                    yield planned.item


async def list_batches(calls: Calls, project_id: str) -> list[Batch]:
    """List all batches of a project, each once."""
    unique = Unique()

    def read(reply: Reply) -> BatchesPage:
        return read_batches_page(json_of(reply, "batches"))

    async def request(cursor: str | None) -> BatchesPage:
        page = await calls.patiently(batches_call(project_id, cursor), read)
        return replace(page, items=[batch for batch in page.items if unique.is_new(batch.id)])

    async with Pages("batches", request) as pages:
        return [batch async for page in pages for batch in page.items]


def as_listing_failure(error: CFError) -> CFError:
    """Give an error that ended a listing the code `listing_failed`, unless its own says more."""
    if error.code not in _KEEP_THEIR_CODE:
        error.code = "listing_failed"
    return error
