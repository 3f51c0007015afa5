"""`cf-ai exports delete`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..options import JSONOutput, credentials, make_client
from ..places import fill_places
from . import EXIT_CODES_HELP

if TYPE_CHECKING:
    from ...client import CFUserClient


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="[SPACE] EXPORT")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@JSONOutput
@credentials
def command(places: tuple[str, ...], yes: bool, as_json: bool, **options: Any) -> None:
    """Delete the export with the id EXPORT from the platform, whatever its status; zips that are here stay.

    It asks before; where there is no terminal to ask on, --yes must be given.

    \b
    Examples:
      cf-ai exports delete SPACE EXPORT
      cf-ai exports delete SPACE EXPORT --yes
    """
    from ...errors import CFError
    from ..running import run
    from .advice import Advisor

    space, export_id = fill_places(["SPACE", "EXPORT"], places)
    client = make_client(options)
    if not yes:
        _ask(client, space, export_id)
    try:
        run(lambda: client.delete_export(space, export_id))
    except CFError as error:
        Advisor(space, export_id).advise(error)
        raise
    say(json.dumps({"exportId": export_id, "deleted": True}) if as_json else f"Deleted the export {export_id}.")


def _ask(client: CFUserClient, space: str, export_id: str) -> None:
    from ...core.redaction import printable
    from ..running import run

    if sys.stdin is None or not sys.stdin.isatty():
        raise ValueError("There is no terminal to ask on, so nothing was deleted: --yes deletes without asking.")
    export = run(lambda: client.get_export(space, export_id))
    name = f" {printable(export.name, 100)}" if export.name else ""
    question = f"Delete the export{name} ({export_id}, {printable(export.status.value, 40)})?"
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        complain("\nNothing was deleted.")
        raise
    if not agreed:
        complain("Nothing was deleted.")
        raise Ended(SOME_FAILED)
