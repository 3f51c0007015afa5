"""`cf-ai exports download`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ..options import JSONOutput, credentials, make_client
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import extracting, waiting


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="[SPACE] EXPORT [DEST]", shell_complete=complete_folder)
@extracting
@waiting
@JSONOutput
@credentials
def command(
    places: tuple[str, ...],
    poll_interval: float,
    timeout: float,
    progress: bool | None,
    extract: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Wait for the export with the id EXPORT, and download it to DEST/EXPORT.zip.

    A zip that is here already, whole, is kept. A download that was interrupted goes on where it stopped: run the same
    command again. The path of the zip goes to standard output; with --json one object does.

    \b
    Examples:
      cf-ai exports download SPACE EXPORT ./exports
      cf-ai exports download SPACE EXPORT ./exports --extract
      cf-ai exports download SPACE EXPORT ./exports --extract=./annotations --overwrite
    """
    from .advice import Advisor
    from .fetching import fetch, find_places

    space, export_id, destination = find_places(["SPACE", "EXPORT", "DEST"], places, extract)
    client = make_client(options)
    fetch(
        partial(
            client.download_export_file, space, export_id, destination, poll_interval, timeout, overwrite=overwrite
        ),
        Advisor(space, export_id, destination),
        progress=progress,
        extract=extract,
        overwrite=overwrite,
        as_json=as_json,
    )
