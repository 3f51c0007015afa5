"""`cf-ai items`."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from .options import JSONOutput, chosen_filters, credentials, filters, make_client
from .running import run
from .tables import Column, Table

if TYPE_CHECKING:
    from ..client import CFUserClient


@click.command()
@click.argument("project", envvar="CF_PROJECT_ID")
@JSONOutput
@filters
@credentials
def command(project: str, as_json: bool, **options: Any) -> None:
    """List the work items of PROJECT: a table, or with --json one object a line, named as on the wire.

    \b
    Examples:
      cf-ai items sample-project --batch-id 101,102
      cf-ai items sample-project --updated-at-from 2026-02-01 --json
    """
    chosen = chosen_filters(options)
    client = make_client(options)
    run(lambda: list_items(client, project, chosen, as_json=as_json))


async def list_items(client: CFUserClient, project: str, chosen: dict[str, Any], *, as_json: bool) -> int:
    """Write the work items as they are listed; return how many."""
    count = 0
    table: Table | None = None
    async with aclosing(client.iter_work_items(project, **chosen)) as items:
        async for item in items:
            count += 1
            if as_json:
                click.echo(item.model_dump_json(by_alias=True, exclude_unset=True))
                continue
            table = table or _table()
            table.row([item.id, item.batch_id, item.status, item.updated_at, item.asset_url])
    if not count and not as_json:
        click.echo("No work items match.")
    return count


def _table() -> Table:
    return Table(
        [Column("ID", 36), Column("BATCH", 8, True), Column("STATUS", 10), Column("UPDATED", 20), Column("ASSET", 20)]
    )
