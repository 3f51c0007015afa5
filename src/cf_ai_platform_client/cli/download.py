"""`cf-ai download`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .exits import EXIT_CODES_HELP, complain
from .fetching import fetch, fetch_options
from .options import JSONOutput, chosen_filters, credentials, filters, make_client
from .places import complete_folder, find_places

if TYPE_CHECKING:
    from ..client import CFUserClient


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="PROJECT SPACE DEST", shell_complete=complete_folder)
@filters
@click.option("--overwrite", is_flag=True, help="Fetch everything again.")
@click.option("--verify", is_flag=True, help="Compare the bytes of every file that is here, not only size and time.")
@click.option("--recheck", is_flag=True, help="Ask the storage whether each document changed.")
@click.option("--since-last", is_flag=True, help="List only what was updated since the last complete run, or failed.")
@click.option("--prune", is_flag=True, help="Delete the files of work items that left the project.")
@click.option("--assets", is_flag=True, help="Fetch the asset (the image) of each work item too, beside its document.")
@click.option("--durable", is_flag=True, help="Wait for the disk with each file, so that a power loss costs none.")
@fetch_options
@click.option("--dry-run", is_flag=True, help="List the work items, compare and fetch nothing.")
@JSONOutput
@credentials
def command(places: tuple[str, ...], **options: Any) -> None:
    """Download the annotations of PROJECT, whose results are in SPACE, below DEST.

    Each work item becomes DEST/BATCH NAME/WORK_ITEM_ID.json, a COCO document that was checked to be whole. Run it again
    to go on after an interruption, or to fetch what is new, changed, failed, missing or altered: the rest is skipped.
    With --assets its image, or what else was annotated, becomes DEST/BATCH NAME/WORK_ITEM_ID.EXT.

    With --json one summary object goes to standard output; bars and messages go to standard error.

    What is left out is taken from CF_PROJECT_ID, CF_SPACE_ID and CF_DESTINATION; with both ids there, one argument is
    DEST.

    \b
    Examples:
      cf-ai download PROJECT SPACE ./annotations
      cf-ai download PROJECT SPACE ./annotations --assets
      cf-ai download PROJECT SPACE ./annotations --since-last
      cf-ai download PROJECT SPACE ./annotations --prune
      cf-ai download PROJECT SPACE ./new --updated-at-from 2026-02-01
      cf-ai download PROJECT SPACE ./some --batch-id 101,102 --json
      cf-ai download PROJECT SPACE ./any --dry-run | less
    """
    from ..core.arguments import check_max_workers

    found = find_places(places)
    check_max_workers(options["max_workers"])
    chosen, client = chosen_filters(options), make_client(options)
    as_json, dry_run, progress = options.pop("as_json"), options.pop("dry_run"), options.pop("progress")
    if dry_run:
        _check_dry_run(options)
        _list_only(client, found.project, chosen, as_json=as_json)
        return
    options["since"] = "last" if options.pop("since_last") else None
    named: dict[str, Any] = dict(zip(("project_id", "space_id", "destination"), found, strict=True))
    download = partial(client.download_project, **named, **chosen, **options)
    fetch(download, found.destination, progress=progress, as_json=as_json)


def _list_only(client: CFUserClient, project: str, chosen: dict[str, Any], *, as_json: bool) -> None:
    from .items import list_items
    from .running import run

    count = run(lambda: list_items(client, project, chosen, as_json=as_json))
    listed = "1 work item is listed" if count == 1 else f"{count:,} work items are listed"
    complain(f"{listed}; a download fetches those that are new or changed. Nothing was fetched.")


def _check_dry_run(options: dict[str, Any]) -> None:
    needing = [f"--{name.replace('_', '-')}" for name in ("prune", "since_last") if options[name]]
    if needing:
        raise ValueError(f"--dry-run lists and looks at nothing else: leave out {' and '.join(needing)}.")
