"""`cf-ai dataset split`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ...core.redaction import printable
from ..exits import say
from ..options import JSONOutput
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import filters, open_filtered
from .shares import chosen_split, split_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...datasets.split_units import SplitCounts
    from ...datasets.splitting import Split

_NAMED, _LONGEST_NAME = 5, 40


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("path", shell_complete=complete_folder)
@click.argument("out", metavar="OUT.json", type=click.Path(dir_okay=False))
@click.option("--shares", metavar="TRAIN,VAL,TEST", default="0.8,0.1,0.1", show_default=True, help="0 leaves one out.")
@split_options
@click.option("--overwrite", is_flag=True, help="Replace OUT.json, where it is a split.")
@filters
@JSONOutput
def command(path: str, out: str, shares: str, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Say which images in PATH are for training, validation and test, in OUT.json, for `convert --split-file`.

    Where an image goes depends on its work item and name and on the seed alone: it stays there when others are added,
    but for some of rare categories, which are moved so that no split lacks them. --previous keeps those, too.

    \b
    Examples:
      cf-ai dataset split ./annotations split.json
      cf-ai dataset split ./annotations split.json --shares 0.9,0.1 --by batch
      cf-ai dataset split ./annotations new.json --previous split.json
    """
    from .showing import as_typed, check_usable, report_object, show_report

    with as_typed():
        dataset = open_filtered(path, options)
        check_usable(dataset, path, as_json=as_json, out=out)
        found = chosen_split(dataset, shares, options)
        found.save(out, overwrite=overwrite)
    if as_json:
        counts = report_object(found.report) | {"files": [out]}
        say(json.dumps({"path": path, "out": out, "splits": split_object(found), **counts, "exit_code": 0}))
        return
    show_split(found)
    say()
    show_report(found.report)
    say(f"Written: {printable(out, 1000)}")


def show_split(split: Split, *, categories: bool = True) -> None:
    """Write the images of each split, and its share of them, of all and by category; and which categories it lacks."""
    whole, *rows = split.table
    seen = [row for row in rows if any(row.images.values())]
    _show_rows(split.names, [whole, *(seen if categories else [])])
    if len(rows) > len(seen):
        say(f"Categories without annotations: {len(rows) - len(seen):,}")
    for name in split.names:
        lacking = [_said(row) for row in seen if not row.images[name]]
        if lacking:
            more = f" and {len(lacking) - _NAMED:,} more" if len(lacking) > _NAMED else ""
            say(f"Note: {name} has no image of {printable(', '.join(lacking[:_NAMED]), 1000)}{more}.")


def _show_rows(names: Sequence[str], rows: Sequence[SplitCounts]) -> None:
    """The shares come last, where a narrow terminal leaves them out."""
    from ..tables import Column, Table, clip, columns_of

    said = [clip(printable(_said(row)), _LONGEST_NAME) for row in rows]
    table = Table(
        [
            Column("IMAGES", max(map(columns_of, said))),
            *(Column(name.upper(), 6, True) for name in names),
            *(Column(f"{name.upper()} %", 7, True) for name in names),
        ]
    )
    for name, row in zip(said, rows, strict=True):
        whole = sum(row.images.values())
        shares = [f"{100 * row.images[each] / whole:.1f}" if whole else "-" for each in names]
        table.row([name, *(f"{row.images[each]:,}" for each in names), *shares])
    table.say_left_out()


def split_object(split: Split) -> dict[str, Any]:
    """Write the table of a split as it stands in an object of `--json`."""
    whole, *rows = split.table
    return {
        "images": whole.images,
        "annotations": whole.annotations,
        "categories": [
            {
                "supercategory": each.category[0],
                "name": each.category[1],
                "images": each.images,
                "annotations": each.annotations,
            }
            for each in rows
            if each.category
        ],
    }


def _said(row: SplitCounts) -> str:
    return "all" if row.category is None else "/".join(filter(None, row.category))
