"""Space exports: the calls, what their answers say, and how often to ask."""

from __future__ import annotations

from typing import Any

from ..errors import ConflictError, ExportError, ResponseError
from ..models import ExportFormat, ExportListResponse, ExportResponse, ExportStatus
from .export_orders import ExportOrder
from .manifest import as_object, lenient, listed, read_meta
from .redaction import printable
from .requests import ApiCall, encode_query, page_query, segment

SHORTEST_POLL = 0.5
"""Seconds between two questions for a status, at least."""

_GROWTH = 1.25
_MOST_GROWN = 6.0
_FINISHED = frozenset({ExportStatus.COMPLETED, ExportStatus.FAILED})


def create_export_call(space_id: str, order: ExportOrder) -> ApiCall:
    """Ask for a new export of a space."""
    return ApiCall("exports", "POST", _path(space_id), body=order.body)


def list_exports_call(
    space_id: str, export_format: ExportFormat | None, limit: int | None, cursor: str | None = None
) -> ApiCall:
    """Ask for one page of a space's exports."""
    query = [("format", export_format.value)] if export_format else []
    query += page_query(limit, cursor) if limit else []
    return ApiCall("exports", "GET", _path(space_id), encode_query(query))


def get_export_call(space_id: str, export_id: str) -> ApiCall:
    """Ask how an export is."""
    return ApiCall("export", "GET", f"{_path(space_id)}/{segment(export_id)}", item_id=export_id)


def delete_export_call(space_id: str, export_id: str) -> ApiCall:
    """Ask for the end of an export."""
    return ApiCall("export", "DELETE", f"{_path(space_id)}/{segment(export_id)}", item_id=export_id)


def read_export_answer(data: Any, export_id: str | None = None) -> ExportResponse:
    """Read one export, the one that was asked for; raise ResponseError where it is none or another."""
    export = lenient(ExportResponse, data, {})
    if export is None:
        raise ResponseError(
            "The platform's answer for the export has no id or no status.",
            code="invalid_json",
            hint="Check the base URL.",
        )
    if export_id is not None and str(export.export_id) != export_id:
        raise ResponseError(
            f"The platform answered with another export than {printable(export_id)}.",
            code="mismatch",
            item_id=export_id,
            hint="Check the export's id.",
        )
    return export


def read_exports_page(data: Any) -> ExportListResponse:
    """Read one page of exports; an entry without an id or a status is left out."""
    body = as_object({"items": data} if isinstance(data, list) else data, "exports")
    found = [lenient(ExportResponse, entry, {}) for entry in listed(body, "exports")]
    return ExportListResponse(items=[export for export in found if export], meta=read_meta(body.get("meta"), "exports"))


def exports_left_out(data: Any, page: ExportListResponse) -> str | None:
    """Say how many entries of a page were left out, None where none was."""
    count = len(data if isinstance(data, list) else data["items"]) - len(page.items)  # pyright: ignore[reportUnknownArgumentType]
    if not count:
        return None
    one = "An export in the listing has" if count == 1 else f"{count} exports in the listing have"
    return f"{one} no id or no status: left out."


def is_finished(export: ExportResponse) -> bool:
    """Tell whether the platform is done with an export; a status that nobody knows is one on the way."""
    return export.status in _FINISHED


def download_url(export: ExportResponse) -> str:
    """Return where an export's file is; raise ExportError where it failed or has none."""
    if export.status == ExportStatus.FAILED:
        why = printable(export.error or "").rstrip(".")
        raise ExportError(
            f"The export {export.export_id} failed" + (f": {why}." if why else ", and the platform does not say why."),
            code="export_failed",
            item_id=str(export.export_id),
            hint="Create it again, perhaps with fewer projects or batches.",
        )
    if not export.download_url:
        raise ExportError(
            f"The export {export.export_id} is {printable(export.status.value)} and has no file to download.",
            code="no_result",
            item_id=str(export.export_id),
            hint="Create it again.",
        )
    return export.download_url


def running_conflict(conflict: ConflictError, running: ExportResponse) -> ConflictError:
    """Say which export is in the way of a new one."""
    name, status = printable(running.name or "without a name", 100), printable(running.status.value, 40)
    creator = f", created by {printable(running.created_by, 100)}" if running.created_by else ""
    return ConflictError(
        f"The space has an export on its way: {name} ({running.export_id}{creator}, {status}).",
        code="conflict",
        status=conflict.status,
        request_id=conflict.request_id,
        item_id=str(running.export_id),
        hint="Wait until it is done or delete it; attach=True waits for it and takes its file, whatever is in it.",
        request=conflict.request,
        response=conflict.response,
    )


def poll_pause(poll_interval: float, polls: int) -> float:
    """Return how many seconds pass before the next question for a status, `polls` of which were asked.

    Each pause is a quarter longer than the one before, up to six times the first, and none is shorter than half a
    second.

    >>> [round(poll_pause(5.0, polls), 1) for polls in (1, 2, 3, 10, 100)]
    [5.0, 6.2, 7.8, 30.0, 30.0]
    """
    return max(SHORTEST_POLL, poll_interval) * min(_MOST_GROWN, _GROWTH ** min(polls - 1, 32))


def _path(space_id: str) -> str:
    return f"/spaces/{segment(space_id)}/exports"
