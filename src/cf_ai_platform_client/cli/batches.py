"""`cf-ai batches`."""

from __future__ import annotations

from typing import Any

import click

from .options import JSONOutput, credentials, make_client
from .running import run
from .tables import Column, Table


@click.command()
@click.argument("project", envvar="CF_PROJECT_ID")
@JSONOutput
@credentials
def command(project: str, as_json: bool, **options: Any) -> None:
    """List the batches of PROJECT: a table, or with --json one object a line, named as on the wire.

    \b
    Example:
      cf-ai batches sample-project
    """
    client = make_client(options)
    batches = run(lambda: client.list_batches(project))
    if as_json:
        for batch in batches:
            click.echo(batch.model_dump_json(by_alias=True, exclude_unset=True))
        return
    table = Table([Column("ID", 8, True), Column("ITEMS", 8, True), Column("CREATED", 20), Column("NAME", 20)])
    for batch in batches:
        table.row([batch.id, batch.total_count, batch.created_at, batch.name])
