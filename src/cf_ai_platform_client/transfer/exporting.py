"""Space exports: made, looked at, listed, deleted. What changes something is never repeated on an unknown outcome."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeVar

from ..core.export_orders import ExportOrder
from ..core.exports import (
    create_export_call,
    delete_export_call,
    exports_left_out,
    get_export_call,
    is_finished,
    list_exports_call,
    read_export_answer,
    read_exports_page,
    running_conflict,
)
from ..core.paging import Unique
from ..core.redaction import printable
from ..core.requests import DEFAULT_PAGE, ApiCall, Reply, json_of
from ..core.retry import Tries
from ..errors import CFError, ConflictError, NoConnectionError
from ..models import ExportFormat, ExportListResponse, ExportResponse
from .calls import Calls
from .created import CreatedExports
from .pages import Pages

T = TypeVar("T")

logger = logging.getLogger(__name__)

_UNDONE = frozenset({"conflict", "rejected", "unauthorized", "forbidden", "not_found", "rate_limited"})


async def create_export(calls: Calls, space_id: str, order: ExportOrder) -> ExportResponse:
    """Ask for a new export, once: where nobody knows whether it was made, the error says so."""

    def read(reply: Reply) -> ExportResponse:
        return read_export_answer(json_of(reply, "exports"))

    open_end = (
        f"Nobody knows whether the export {printable(order.name, 100)} was created: look for it in list_exports before"
        " you create it again."
    )
    return await _changing(calls, create_export_call(space_id, order), read, open_end)


async def get_export(calls: Calls, space_id: str, export_id: str, *, refill: bool = True) -> ExportResponse:
    """Ask how an export is; `refill` as for `Calls.once`."""
    read = partial(_read, export_id=export_id)
    return await calls.patiently(get_export_call(space_id, export_id), read, refill=refill)


async def get_export_once(calls: Calls, space_id: str, export_id: str) -> ExportResponse:
    """Ask how an export is, with one attempt."""
    return _read(await calls.once(get_export_call(space_id, export_id)), export_id)


async def list_exports(
    calls: Calls, space_id: str, export_format: ExportFormat | None, limit: int | None, cursor: str | None = None
) -> ExportListResponse:
    """List one page of a space's exports; entries without an id or a status are logged and left out."""

    def read(reply: Reply) -> ExportListResponse:
        data = json_of(reply, "exports")
        page = read_exports_page(data)
        if warning := exports_left_out(data, page):
            logger.warning("%s", warning)
        return page

    return await calls.patiently(list_exports_call(space_id, export_format, limit, cursor), read)


async def iterate_exports(
    calls: Calls, space_id: str, export_format: ExportFormat | None
) -> AsyncGenerator[ExportResponse, None]:
    """Yield all exports of a space, each once, newest first."""
    unique = Unique()

    async def request(cursor: str | None) -> ExportListResponse:
        page = await list_exports(calls, space_id, export_format, DEFAULT_PAGE, cursor)
        new = [export for export in page.items if unique.is_new(export.export_id)]
        return ExportListResponse(items=new, meta=page.meta)

    async with calls.http.connected(), Pages("exports", request) as pages:
        async for page in pages:
            for export in page.items:
                yield export


async def delete_export(calls: Calls, space_id: str, export_id: str) -> None:
    """Delete an export, once: where nobody knows whether it is gone, the error says so."""
    open_end = (
        "Nobody knows whether the export was deleted: ask with get_export, which raises NotFoundError where it is gone."
    )
    await _changing(calls, delete_export_call(space_id, export_id), lambda _: None, open_end)


async def create_or_attach(
    calls: Calls, space_id: str, order: ExportOrder, created: CreatedExports, *, attach: bool
) -> ExportResponse:
    """Ask for a new export, or take the one that is on its way.

    That is done where `created` knows it with an equal order, or with `attach`; else ConflictError names it.
    """
    try:
        export = await create_export(calls, space_id, order)
    except ConflictError as conflict:
        running = await _running(calls, space_id)
        if running is not None and (attach or created.has(space_id, running.export_id, order)):
            return running
        if running is not None:
            raise running_conflict(conflict, running) from None
        export = await create_export(calls, space_id, order)  # the other one was done before anybody looked
    created.add(space_id, export.export_id, order)
    return export


async def _running(calls: Calls, space_id: str) -> ExportResponse | None:
    exports = iterate_exports(calls, space_id, None)
    try:
        async for export in exports:
            if not is_finished(export):
                return export
    finally:
        await exports.aclose()
    return None


async def _changing(calls: Calls, call: ApiCall, read: Callable[[Reply], T], open_end: str) -> T:
    """Make a call again only where it was certainly not done: refused with a 429, or never sent."""
    tries = Tries()
    while True:
        tries.begin(calls.runtime.monotonic())
        try:
            return read(await calls.once(call))
        except CFError as error:
            if not (error.code in _UNDONE or isinstance(error, NoConnectionError)):
                error.code, error.hint = "unknown_outcome", open_end
                raise
            wait = calls.wait_after(error, call.endpoint, tries, call.item_id)
            if wait is None:
                raise
        await calls.sleep(wait)


def _read(reply: Reply, export_id: str) -> ExportResponse:
    return read_export_answer(json_of(reply, "export"), export_id)
