"""`cf-ai exports get`."""

from __future__ import annotations

from typing import Any

import click

from ..exits import say
from ..options import JSONOutput, credentials, make_client
from ..places import fill_places
from . import EXIT_CODES_HELP


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="[SPACE] EXPORT")
@click.option("--show-url", is_flag=True, help="Show its download URL too: whoever has that can read it, for 7 days.")
@JSONOutput
@credentials
def command(places: tuple[str, ...], show_url: bool, as_json: bool, **options: Any) -> None:
    """Tell how the export with the id EXPORT is. A FAILED one, too, is told of with exit code 0.

    With --json its names are as on the wire (exportId, createdAt).

    \b
    Examples:
      cf-ai exports get SPACE EXPORT
      cf-ai exports get SPACE EXPORT --json
      curl "$(cf-ai exports get SPACE EXPORT --show-url --json | jq -r .downloadUrl)" -o export.zip
    """
    from ..running import run
    from .showing import export_json, print_export

    space, export_id = fill_places(["SPACE", "EXPORT"], places)
    client = make_client(options)
    export = run(lambda: client.get_export(space, export_id))
    if as_json:
        say(export_json(export, with_url=show_url))
    else:
        print_export(export, with_url=show_url)
