"""`cf-ai exports list`."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from ..exits import say
from ..options import JSONOutput, credentials, make_client
from . import EXIT_CODES_HELP
from .options import FORMATS, STATUSES, word_option

if TYPE_CHECKING:
    from ...client import CFUserClient


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("space", envvar="CF_SPACE_ID")
@word_option("--format", "export_format", known=FORMATS, help="Only those of this format.")
@word_option("--status", known=STATUSES, help="Only those of this status.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The newest N of them, and no more.")
@JSONOutput
@credentials
def command(
    space: str, export_format: str | None, status: str | None, limit: int | None, as_json: bool, **options: Any
) -> None:
    """List the exports of SPACE (or of CF_SPACE_ID), newest first.

    A table, cut to the terminal; with --json one object a line, its names as on the wire (exportId, createdAt), without
    the download URLs.

    \b
    Examples:
      cf-ai exports list SPACE
      cf-ai exports list SPACE --status COMPLETED --limit 1 --json
    """
    from ..running import run

    client = make_client(options)
    run(lambda: _list(client, space, export_format, status, limit, as_json=as_json))


async def _list(
    client: CFUserClient, space: str, export_format: str | None, status: str | None, limit: int | None, *, as_json: bool
) -> None:
    from .showing import export_json, export_row, exports_table

    count, table = 0, None
    async with aclosing(client.iter_exports(space, export_format)) as exports:
        async for export in exports:
            if status is not None and export.status.value != status:
                continue
            count += 1
            if as_json:
                say(export_json(export))
            else:
                table = table or exports_table()
                table.row(export_row(export))
            if count == limit:
                break
    if not count and not as_json:
        say("The space has no such exports." if status or export_format else "The space has no exports.")
