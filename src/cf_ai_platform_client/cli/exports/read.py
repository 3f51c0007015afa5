"""`cf-ai exports read`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..logs import verbosity
from . import EXIT_CODES_HELP
from .options import chosen_limits, limits

if TYPE_CHECKING:
    from ...core.zip_members import ExtractLimits


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
    from .advice import hints_as_typed

    with hints_as_typed():
        whole = _print_records(file, chosen_limits(options), data_only=data_only)
    if not whole:
        raise Ended(SOME_FAILED)


def _print_records(file: str, bounds: ExtractLimits, *, data_only: bool) -> bool:
    """Print the records, then what was not read; return whether everything was."""
    from ...core.redaction import printable
    from ...export_reader import read_export

    altered = 0
    with read_export(file, limits=bounds) as records:
        for record in records:
            body = record.data if data_only else {"member": record.member, "kind": record.kind, "data": record.data}
            try:
                say(json.dumps(body, allow_nan=False))
            except ValueError:
                altered += 1
                say(json.dumps(_finite(body)))
    for unread in records.unread:
        before = f" Records of it that were read before: {unread.records:,}." if unread.records else ""
        complain(f"{printable(unread.reason, 1000)}{before}")
    if altered:
        complain(f"Records with numbers too large for JSON readers, printed as null: {altered:,}.")
    return not records.unread and not altered


def _finite(value: Any) -> Any:
    """Put None in the place of infinite numbers, which JSON cannot write."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(each) for each in cast("list[object]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
