"""`cf-ai items`."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from .exits import say
from .options import JSONOutput, chosen_filters, credentials, filters, make_client
from .wire import wire_json

if TYPE_CHECKING:
    from ..client import CFUserClient
    from .tables import Table


@click.command()
@click.argument("project", envvar="CF_PROJECT_ID")
@JSONOutput
@filters
@credentials
def command(project: str, as_json: bool, **options: Any) -> None:
    """List the work items of PROJECT (or of CF_PROJECT_ID), as they come.

    A table, cut to the terminal; with --json one object a line, its names as on the wire (batchId, assetUrl).

    \b
    Examples:
      cf-ai items PROJECT --batch-id 101,102
      cf-ai items PROJECT --updated-at-from 2026-02-01 --json | wc -l
    """
    from .running import run

    chosen, client = chosen_filters(options), make_client(options)
    run(lambda: list_items(client, project, chosen, as_json=as_json))


async def list_items(client: CFUserClient, project: str, chosen: dict[str, Any], *, as_json: bool) -> int:
    """Write the work items as they are listed; return how many."""
    count = 0
    table: Table | None = None
    async with aclosing(client.iter_work_items(project, **chosen)) as items:
        async for item in items:
            count += 1
            if as_json:
                say(wire_json(item))
                continue
            table = table or _table()
            table.row([item.id, item.batch_id, item.updated_at, item.asset_url])
    if not count and not as_json:
        say("No work items match.")
    return count


def _table() -> Table:
    from .tables import Column, Table

    return Table([Column("ID", 36), Column("BATCH", 6, True), Column("UPDATED", 20), Column("ASSET", 11)])
