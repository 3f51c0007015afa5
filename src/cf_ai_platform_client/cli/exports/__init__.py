"""`cf-ai exports`."""

from __future__ import annotations

import click

from ..lazy import LazyGroup

COMMANDS = {
    "list": "List the exports of a space, newest first.",
    "create": "Ask for an export, and return at once.",
    "get": "Tell how an export is.",
    "wait": "Wait until an export is done.",
    "download": "Wait for an export, and download its zip.",
    "delete": "Delete an export.",
    "read": "Print the records in a downloaded zip.",
    "extract": "Extract a downloaded zip, once every file in it was checked.",
}

EXIT_CODES_HELP = """\b
Exit codes: 0 all well, 1 the export failed or is not done, or its zip is
broken, 2 usage, 3 authentication, 4 local disk, 5 the platform refused or did
not answer, 130 and 143 interrupted."""


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS, epilog=EXIT_CODES_HELP)
def command() -> None:
    """Make, watch, download, read and delete the exports of a space: zips that the platform makes of its annotations.

    `cf-ai export SPACE DEST` makes one, waits for it and downloads it. SPACE may be left out where CF_SPACE_ID is set,
    DEST where CF_DESTINATION is.

    \b
    Examples, step by step:
      id=$(cf-ai exports create SPACE --name nightly --format CSV)
      cf-ai exports wait SPACE $id
      cf-ai exports download SPACE $id ./exports
      cf-ai exports read ./exports/$id.zip
      cf-ai exports delete SPACE $id
    """
