"""`cf-ai exports read`."""

from __future__ import annotations

import json
from typing import Any

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..logs import verbosity
from . import EXIT_CODES_HELP
from .options import chosen_limits, limits


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("file", type=click.Path())
@click.option("--data-only", is_flag=True, help="Print the records alone, without where they stand.")
@limits
@verbosity
def command(file: str, data_only: bool, **options: Any) -> None:
    """Print the records in a downloaded zip, one JSON object a line, without extracting it. No network, no key.

    Each line has the member (the file in the zip), the kind (coco, json or csv) and the data: a COCO document, a JSON
    object, or a row of a CSV as text. What could not be read is told on standard error, and the exit code is 1.

    \b
    Examples:
      cf-ai exports read EXPORT.zip | head -n 1
      cf-ai exports read EXPORT.zip --data-only > records.jsonl
    """
    from ...core.redaction import printable
    from ...errors import CFError
    from ...export_reader import read_export
    from .advice import as_typed

    bounds = chosen_limits(options)
    try:
        with read_export(file, limits=bounds) as records:
            for record in records:
                body = record.data if data_only else {"member": record.member, "kind": record.kind, "data": record.data}
                say(json.dumps(body))
    except CFError as error:
        error.hint = as_typed(error.hint)
        raise
    for unread in records.unread:
        before = f" ({unread.records:,} records of it were read before)" if unread.records else ""
        complain(f"{printable(unread.reason, 1000)}{before}")
    if records.unread:
        raise Ended(SOME_FAILED)
