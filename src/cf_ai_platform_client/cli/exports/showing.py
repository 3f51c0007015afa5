"""Exports as JSON, as rows and as some lines: without their download URLs, which whoever has them can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from ...core.redaction import printable
from ..exits import say
from ..wire import wire_fields

if TYPE_CHECKING:
    from ...models import ExportResponse
    from ..tables import Table

_OF_URLS = "%/:?#[]@!$&'()*+,;="
_SECRET = frozenset({"download_url"})


def export_json(export: ExportResponse, *, with_url: bool = False) -> str:
    """Write an export as one line of JSON, with the names and the fields that came over the wire.

    Without its URL, other URLs in it have no query: one that a newer platform sends may be signed too.
    """
    from ...models import without_queries

    fields = wire_fields(export, without=frozenset() if with_url else _SECRET)
    if not with_url:
        fields = without_queries(fields)
    if fields.get("error"):
        fields["error"] = printable(fields["error"], 2000)
    return json.dumps(fields)


def exports_table() -> Table:
    """Return the table of exports."""
    from ..tables import Column, Table

    widths = {"ID": 36, "STATUS": 11, "FORMAT": 9, "CONTENT": 14, "CREATED": 20, "NAME": 12}
    return Table([Column(heading, width) for heading, width in widths.items()])


def export_row(export: ExportResponse) -> list[object]:
    """Return the row of an export."""
    format_, content = (each.value if each else None for each in (export.format, export.content))
    return [export.export_id, export.status.value, format_, content, export.created_at, export.name]


def print_export(export: ExportResponse, *, with_url: bool = False) -> None:
    """Say how an export is."""
    kinds = [each.value for each in (export.format, export.content) if each]
    rows = {
        "name": export.name,
        "status": export.status.value,
        "holds": ", ".join(kinds),
        "created": export.created_at,
        "by": export.created_by,
        "error": export.error,
    }
    say(f"Export {export.export_id}")
    for name, value in rows.items():
        if value:
            say(f"  {name:8} {printable(value, 2000)}")
    if with_url and export.download_url:
        say(f"  {'url':8} {quote(export.download_url, safe=_OF_URLS, errors='replace')}")
