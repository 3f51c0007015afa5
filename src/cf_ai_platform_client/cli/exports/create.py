"""`cf-ai exports create`."""

from __future__ import annotations

from typing import Any

import click

from ..exits import Interrupted, complain, say
from ..options import JSONOutput, credentials, make_client
from . import EXIT_CODES_HELP
from .options import chosen_order, order


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("space", envvar="CF_SPACE_ID")
@order
@JSONOutput
@credentials
def command(space: str, name: str, as_json: bool, **options: Any) -> None:
    """Ask for an export of SPACE (or of CF_SPACE_ID), and return at once: the platform makes it.

    The export's id goes to standard output; with --json the export does, its names as on the wire. A space has one
    export on its way at a time.

    \b
    Examples:
      cf-ai exports create SPACE
      cf-ai exports create SPACE --name nightly --format CSV --content ASSET_METADATA
      id=$(cf-ai exports create SPACE --batch-id 101,102 --updated-at-from 2026-02-01)
    """
    from ...errors import CFError
    from ..running import run
    from .advice import Advisor
    from .showing import export_json

    chosen, client, advisor = chosen_order(options), make_client(options), Advisor(space)
    try:
        export = run(lambda: client.create_export(space, name, **chosen))
    except CFError as error:
        advisor.advise(error)
        raise
    except Interrupted:
        complain(f"The export may have been created: {advisor.line('list')} shows it.")
        raise
    if as_json:
        say(export_json(export))
        return
    say(str(export.export_id))
    complain(f"It is {export.status.value}. {advisor.line('wait', str(export.export_id))} waits for it.")
