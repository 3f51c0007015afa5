"""`cf-ai export`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from .exports import EXIT_CODES_HELP
from .exports.options import chosen_order, extracting, order, waiting
from .options import JSONOutput, credentials, make_client
from .places import complete_folder


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="[SPACE] [DEST]", shell_complete=complete_folder)
@order
@click.option("--attach", is_flag=True, help="Take the export that is on its way, where there is one.")
@extracting
@waiting
@JSONOutput
@credentials
def command(
    places: tuple[str, ...],
    name: str,
    attach: bool,
    extract: str | None,
    overwrite: bool,
    poll_interval: float,
    timeout: float,
    progress: bool | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Have SPACE exported, wait until the zip is made, and download it to DEST/EXPORT_ID.zip.

    A space has one export on its way at a time: where another one is, this is refused and says which, unless --attach
    takes its file; it may hold something else. The path of the zip goes to standard output; with --json one object
    does. After Ctrl-C the export goes on, and cf-ai exports download takes it up.

    What is left out is taken from CF_SPACE_ID and CF_DESTINATION; with the space there, one argument is DEST.

    \b
    Examples:
      cf-ai export SPACE ./exports
      cf-ai export SPACE ./exports --format CSV --batch-id 101,102 --extract
      cf-ai export SPACE ./exports --content ASSET_METADATA --format JSON --json
      cf-ai export SPACE ./exports --timeout 7200 --extract=./annotations
    """
    from .exports.advice import Advisor
    from .exports.fetching import fetch, find_places

    space, destination = find_places(["SPACE", "DEST"], places, extract)
    chosen, client = chosen_order(options), make_client(options)
    times: dict[str, Any] = {"poll_interval": poll_interval, "timeout": timeout}
    fetch(
        partial(client.export, space, name, destination, **chosen, **times, attach=attach),
        Advisor(space, destination=destination),
        progress=progress,
        extract=extract,
        overwrite=overwrite,
        as_json=as_json,
    )
