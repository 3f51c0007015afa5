"""`cf-ai retry`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from .exits import EXIT_CODES_HELP
from .fetching import fetch, fetch_options
from .options import JSONOutput, credentials, make_client
from .places import complete_folder


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("destination", metavar="DEST", envvar="CF_DESTINATION", shell_complete=complete_folder)
@click.option("--project", "project_id", metavar="PROJECT", help="Which project, where DEST holds several.")
@fetch_options
@JSONOutput
@credentials
def command(destination: str, as_json: bool, progress: bool | None, **options: Any) -> None:
    """Fetch again what failed in earlier downloads to DEST, documents and assets, and nothing else.

    The journal in DEST knows what that is; cf-ai status shows it.

    \b
    Example:
      cf-ai retry ./annotations
    """
    client = make_client(options)
    retry, nothing = (
        partial(client.retry_failed, destination, **options),
        "Nothing that failed is left to retry here.",
    )
    try:
        fetch(retry, destination, progress=progress, as_json=as_json, nothing=nothing)
    except ValueError as error:
        about, found, rest = str(error).partition("project_id is ")
        if about or not found:
            raise
        rest = rest.replace("None:", "missing:", 1)
        raise ValueError(f"--project is {rest}") from error  # in other commands it is an argument
