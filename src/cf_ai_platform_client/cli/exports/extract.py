"""`cf-ai exports extract`."""

from __future__ import annotations

import json
from typing import Any

import click

from ..exits import complain, say
from ..logs import verbosity
from ..options import JSONOutput
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import chosen_limits, limits


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("file", type=click.Path())
@click.argument("destination", metavar="DEST", shell_complete=complete_folder)
@click.option("--overwrite", is_flag=True, help="Replace files that are here.")
@limits
@JSONOutput
@verbosity
def command(file: str, destination: str, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Extract a downloaded zip below DEST: all of it, or nothing. No network, no key.

    Every file in it is checked before the first is written: what would land outside of DEST, links, altered files and
    bombs are refused. Where all of them are here already, and equal, nothing is done.

    \b
    Examples:
      cf-ai exports extract ./exports/EXPORT.zip ./annotations
      cf-ai exports extract EXPORT.zip ./annotations --overwrite --max-members 2000000
    """
    from ...archives import extract_export
    from .advice import hints_as_typed
    from .fetching import extracted_object, extracted_text

    with hints_as_typed():
        extracted = extract_export(file, destination, limits=chosen_limits(options), overwrite=overwrite)
    if as_json:
        say(json.dumps(extracted_object(extracted)))
    else:
        complain(f"{extracted_text(extracted)}:")
        say(destination)
