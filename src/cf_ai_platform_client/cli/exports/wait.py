"""`cf-ai exports wait`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..options import JSONOutput, credentials, make_client
from ..places import fill_places
from . import EXIT_CODES_HELP
from .options import waiting


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="[SPACE] EXPORT")
@waiting
@JSONOutput
@credentials
def command(
    places: tuple[str, ...],
    poll_interval: float,
    timeout: float,
    progress: bool | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Wait until the export with the id EXPORT is COMPLETED or FAILED, and tell how it is.

    The exit code is 1 where it FAILED, or is not done after --timeout seconds: then it goes on, and can be waited for
    again.

    \b
    Examples:
      cf-ai exports wait SPACE EXPORT
      cf-ai exports wait SPACE EXPORT --timeout 7200 --poll-interval 30 --json
    """
    from .advice import Advisor
    from .showing import export_json, print_export
    from .watching import Stopped, Watch

    space, export_id = fill_places(["SPACE", "EXPORT"], places)
    client = make_client(options)
    wait = partial(client.wait_for_export, space, export_id, poll_interval, timeout)
    try:
        export = Watch(Advisor(space, export_id)).run(wait, progress)
    except Stopped as stop:
        complain(str(stop.error))
        raise Ended(stop.code) from None
    if as_json:
        say(export_json(export))
    else:
        print_export(export)
    if export.status.value == "FAILED":
        raise Ended(SOME_FAILED)
