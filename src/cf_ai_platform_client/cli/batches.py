"""`cf-ai batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .exits import say
from .options import JSONOutput, credentials, make_client
from .wire import wire_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Batch


@click.command()
@click.argument("project", envvar="CF_PROJECT_ID")
@JSONOutput
@credentials
def command(project: str, as_json: bool, **options: Any) -> None:
    """List the batches of PROJECT (or of CF_PROJECT_ID).

    A table, cut to the terminal; with --json one object a line, its names as on the wire (totalCount, createdAt).

    \b
    Examples:
      cf-ai batches PROJECT
      cf-ai batches PROJECT --json
    """
    from .running import run

    client = make_client(options)
    batches = run(lambda: client.list_batches(project))
    if not as_json:
        _print_table(batches)
        return
    for batch in batches:
        say(wire_json(batch))


def _print_table(batches: Sequence[Batch]) -> None:
    from .tables import Column, Table

    if not batches:
        say("The project has no batches.")
        return
    columns = [("ID", 8), ("ITEMS", 9), ("DONE", 9)]
    table = Table([*(Column(*each, True) for each in columns), Column("CREATED", 20), Column("NAME", 20)])
    for batch in batches:
        table.row([batch.id, batch.total_count, batch.completed_count, batch.created_at, batch.name])
