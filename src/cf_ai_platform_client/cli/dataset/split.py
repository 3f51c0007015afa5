"""`cf-ai dataset split`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..exits import say
from ..options import JSONOutput
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import filters, open_filtered
from .shares import chosen_split, split_options

if TYPE_CHECKING:
    from ...datasets.splitting import Split


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("path", shell_complete=complete_folder)
@click.argument("out", metavar="OUT.json", type=click.Path(dir_okay=False))
@click.option("--shares", metavar="TRAIN,VAL,TEST", default="0.8,0.1,0.1", show_default=True, help="0 leaves one out.")
@split_options
@click.option("--overwrite", is_flag=True, help="Replace OUT.json.")
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
    from .showing import as_typed

    with as_typed():
        found = chosen_split(open_filtered(path, options), shares, options)
        found.save(out, overwrite=overwrite)
    if as_json:
        say(json.dumps({"path": path, "out": out, **split_object(found), "exit_code": 0}))
        return
    show_split(found)
    say(f"Written: {out}")


def show_split(split: Split) -> None:
    """Write the images of each split, and its share of them, by category."""
    from ..tables import Column, Table

    columns = [(name.upper(), "") for name in split.names]
    table = Table([*(Column(text, 8, True) for pair in columns for text in pair), Column("CATEGORY", 12)])
    for row in split.table:
        counts, whole = row.images, sum(row.images.values())
        cells = [text for name in split.names for text in (f"{counts[name]:,}", _percent(counts[name], whole))]
        table.row([*cells, "all images" if row.category is None else _said(row.category)])
    for row in split.table:
        lacking = [name for name in split.names if not row.images[name]] if any(row.images.values()) else []
        if lacking and row.category is not None:
            count = f"{sum(row.images.values()):,}"
            say(f"Note: no image of {_said(row.category)} ({count} in all) is in {' and '.join(lacking)}.")


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


def _percent(count: int, whole: int) -> str:
    return f"{100 * count / whole:.1f} %" if whole else "-"


def _said(category: tuple[str, str]) -> str:
    return "/".join(filter(None, category))
