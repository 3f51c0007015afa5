"""`cf-ai download`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .exits import EXIT_CODES_HELP, Ended, Interrupted, complain, exit_code_of, is_usage, say
from .logs import above_the_bar
from .options import JSONOutput, chosen_filters, credentials, filters, make_client
from .places import Places, complete_folder, find_places

if TYPE_CHECKING:
    from ..client import CFUserClient
    from ..models import DownloadSummary
    from .tally import Tally


def _workers(_ctx: click.Context, _param: click.Parameter, value: str) -> int | str:
    return int(value) if value.strip().isdecimal() else value.strip()


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("places", nargs=-1, metavar="PROJECT SPACE DEST", shell_complete=complete_folder)
@filters
@click.option(
    "--max-workers",
    metavar="N|auto",
    callback=_workers,
    default="auto",
    envvar="CF_MAX_WORKERS",
    show_default=True,
    help="Documents in flight, 1 to 100; auto finds the number. CF_MAX_WORKERS sets it too.",
)
@click.option("--overwrite", is_flag=True, help="Fetch everything again. (Today every run does.)")
@click.option(
    "--results",
    type=click.Choice(["all", "failed", "none"]),
    default="failed",
    show_default=True,
    help="Which items' results --json holds; all needs memory for each item.",
)
@click.option("--progress/--no-progress", default=None, help="Draw a bar on standard error (default: on a terminal).")
@click.option("--dry-run", is_flag=True, help="List what would be fetched, and fetch nothing.")
@JSONOutput
@credentials
def command(places: tuple[str, ...], **options: Any) -> None:
    """Download the annotations of PROJECT, whose results are in SPACE, below DEST.

    Each work item becomes DEST/BATCH NAME/WORK_ITEM_ID.json, a COCO document that was checked to be whole. With --json
    one summary object goes to standard output; bars and messages go to standard error.

    What is left out is taken from CF_PROJECT_ID, CF_SPACE_ID and CF_DESTINATION; with both ids there, one argument is
    DEST.

    \b
    Examples:
      cf-ai download PROJECT SPACE ./annotations
      cf-ai download PROJECT SPACE ./new --updated-at-from 2026-02-01
      cf-ai download PROJECT SPACE ./some --batch-id 101,102 --json
      cf-ai download PROJECT SPACE ./any --dry-run | less
    """
    from ..core.arguments import check_max_workers
    from .tally import Tally

    found = find_places(places)
    check_max_workers(options["max_workers"])
    chosen, client = chosen_filters(options), make_client(options)
    as_json, dry_run = options.pop("as_json"), options.pop("dry_run")
    if dry_run:
        _list_only(client, found.project, chosen, as_json=as_json)
        return
    outcome = _fetch(client, found, {**chosen, **options}, Tally(), as_json=as_json)
    if outcome.code:
        raise Ended(outcome.code)


def _list_only(client: CFUserClient, project: str, chosen: dict[str, Any], *, as_json: bool) -> None:
    from .items import list_items
    from .running import run

    count = run(lambda: list_items(client, project, chosen, as_json=as_json))
    complain(f"{count:,} work items would be fetched; nothing was.")


@dataclass(frozen=True)
class _Outcome:
    """How a run ended: what it did, what ended it, and the exit code."""

    summary: DownloadSummary
    code: int
    error: Exception | None = None


def _fetch(client: CFUserClient, places: Places, options: dict[str, Any], tally: Tally, *, as_json: bool) -> _Outcome:
    from .running import run
    from .summary import code_of_failures

    def download() -> Any:
        return client.download_project(*places, **options, on_event=tally.handle)

    try:
        with above_the_bar(options["progress"]):
            summary: DownloadSummary = run(download)
    except Interrupted as stop:
        error = tally.interruption(places.destination)
        outcome = _Outcome(tally.summary(), stop.code, error)
        _tell(outcome, tally, places.destination, as_json=as_json)
        complain(str(error))
        return outcome
    except Exception as error:
        if not is_usage(error):
            done: DownloadSummary = getattr(error, "summary", None) or tally.summary()
            _tell(_Outcome(done, exit_code_of(error) or 1, error), tally, places.destination, as_json=as_json)
        raise
    outcome = _Outcome(summary, code_of_failures(summary, tally))
    _tell(outcome, tally, places.destination, as_json=as_json)
    return outcome


def _tell(outcome: _Outcome, tally: Tally, destination: str, *, as_json: bool) -> None:
    from .summary import print_summary, summary_json

    if as_json:
        say(summary_json(outcome.summary, tally, destination, outcome.error, outcome.code))
    elif outcome.error is None or (outcome.summary.total_items and not _interrupted(outcome.error)):
        print_summary(outcome.summary, tally, destination, outcome.error)


def _interrupted(error: Exception) -> bool:
    return getattr(error, "code", None) == "cancelled"
