"""`cf-ai dataset merge`."""

from __future__ import annotations

from typing import Any

import click

from ..options import JSONOutput, progress_option
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import filters, open_filtered


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("path", shell_complete=complete_folder)
@click.argument("out", shell_complete=complete_folder)
@click.option(
    "--images",
    type=click.Choice(["none", "copy", "link"]),
    default="none",
    show_default=True,
    help="Copy the images to OUT/images, or link to them.",
)
@click.option(
    "--utf-8", "utf_8", is_flag=True, help="Write names as they are, which some readers fail at, not in ASCII."
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier merge wrote to OUT.")
@filters
@progress_option
@JSONOutput
def command(
    path: str, out: str, images: Any, utf_8: bool, overwrite: bool, progress: bool | None, as_json: bool, **options: Any
) -> None:
    """Make one COCO document of all in PATH, in the folder OUT, or in OUT itself where that ends in .json.

    Ids are new, from 1 without gaps; categories are one where supercategory and name are; images and categories without
    annotations stay. OUT/map.jsonl leads from each new id to the work item, batch, file and old id. The same input
    gives the same bytes.

    \b
    Examples:
      cf-ai dataset merge ./annotations ./merged
      cf-ai dataset merge ./annotations ./merged --images copy
      cf-ai dataset merge ./annotations ./all.json --category tree
    """
    from .showing import as_typed, bar, check_usable, end_with

    with as_typed():
        from ...datasets.merging import merge

        dataset = open_filtered(path, options)
        check_usable(dataset, path, as_json=as_json, out=out)
        with bar("Merging", "document", lambda: len(dataset), progress) as move:
            report = merge(dataset, out, images=images, ascii_only=not utf_8, overwrite=overwrite, progress=move)
    end_with(report, as_json=as_json, path=path, out=out)
