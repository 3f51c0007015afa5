"""`cf-ai download`."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from .exits import EXIT_CODES_HELP, SOME_FAILED, Ended, complain, exit_code_of, report
from .items import list_items
from .options import JSONOutput, chosen_filters, credentials, filters, make_client
from .running import run
from .tables import size_text

if TYPE_CHECKING:
    from ..client import CFUserClient
    from ..errors import CFError
    from ..models import DownloadSummary

_SHOWN_FAILURES = 10


def _workers(_ctx: click.Context, _param: click.Parameter, value: str) -> int | str:
    return int(value) if value.strip().isdecimal() else value


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("project", envvar="CF_PROJECT_ID")
@click.argument("space", envvar="CF_SPACE_ID")
@click.argument("destination", envvar="CF_DESTINATION", metavar="DEST")
@filters
@click.option(
    "--max-workers",
    metavar="N|auto",
    callback=_workers,
    default="auto",
    envvar="CF_MAX_WORKERS",
    show_default=True,
    help="Documents in flight, 1 to 100; auto finds the number.",
)
@click.option("--overwrite", is_flag=True, help="Fetch everything again. (Today every run does.)")
@click.option(
    "--results",
    type=click.Choice(["all", "failed", "none"]),
    default="failed",
    show_default=True,
    help="Which items' results --json holds.",
)
@click.option("--progress/--no-progress", default=None, help="Draw a bar on standard error (default: on a terminal).")
@click.option("--dry-run", is_flag=True, help="List what would be fetched, and fetch nothing.")
@JSONOutput
@credentials
def command(project: str, space: str, destination: str, **options: Any) -> None:
    """Download the annotations of PROJECT, whose results are in SPACE, below DEST.

    Each work item becomes DEST/BATCH NAME/WORK_ITEM_ID.json, a COCO document that was checked to be whole. With --json
    one summary object goes to standard output; bars and messages go to standard error.

    \b
    Examples:
      cf-ai download PROJECT SPACE ./annotations
      cf-ai download PROJECT SPACE ./new --updated-at-from 2026-02-01
      cf-ai download PROJECT SPACE ./some --batch-id 101,102 --json
    """
    chosen = chosen_filters(options)
    client = make_client(options)
    if options.pop("dry_run"):
        _dry_run(client, project, chosen, as_json=options["as_json"])
        return
    as_json, progress = options.pop("as_json"), options.pop("progress")
    saved = _Saved(destination)

    async def download() -> DownloadSummary:
        return await client.download_project(
            project, space, destination, **chosen, **options, progress=progress, on_event=saved.handle
        )

    with _log_above_the_bar():
        summary, error = _outcome(lambda: run(download, saved.tell))
    if as_json:
        _print_json(summary, error, destination)
    elif summary is not None:
        _print_summary(summary, destination)
    if error is not None:
        raise Ended(report(error))
    if summary is not None and summary.failed:
        raise Ended(SOME_FAILED)


class _Saved:
    """Counts what was stored, to say so when the run is interrupted."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._stored = self._listed = 0

    def handle(self, event: object) -> None:
        kind = type(event).__name__
        self._stored += kind == "ItemStored"
        self._listed += getattr(event, "items", 0) if kind == "PageListed" else 0

    def tell(self) -> None:
        complain(
            f"Interrupted: {self._stored} of the {self._listed} work items listed so far are in "
            f"{self._destination}, each of them whole. Run the same command again for the rest."
        )


def _outcome(action: Any) -> tuple[DownloadSummary | None, CFError | None]:
    from ..errors import CFError

    try:
        return action(), None
    except CFError as error:
        return error.summary, error


def _dry_run(client: CFUserClient, project: str, chosen: dict[str, Any], *, as_json: bool) -> None:
    count = run(lambda: list_items(client, project, chosen, as_json=as_json))
    complain(f"{count} work items would be fetched; nothing was.")


def _print_json(summary: DownloadSummary | None, error: CFError | None, destination: str) -> None:
    body: dict[str, Any] = {"destination": destination}
    if summary is not None:
        body |= summary.model_dump(mode="json")
    if error is not None:
        body["error"] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "status": error.status,
            "request_id": error.request_id,
        }
        body["exit_code"] = exit_code_of(error)
    click.echo(json.dumps(body))


def _print_summary(summary: DownloadSummary, destination: str) -> None:
    rate = summary.successful / summary.elapsed if summary.elapsed else 0.0
    click.echo(
        f"{summary.successful:,} of {summary.total_items:,} work items ({size_text(summary.bytes)}) are in "
        f"{destination}, {summary.elapsed:.1f} s, {rate:,.0f} a second."
    )
    if summary.not_attempted:
        click.echo(f"{summary.not_attempted:,} were not attempted.")
    failures = [result for result in summary.results if result.error_code not in {None, "not_attempted"}]
    if summary.failed:
        click.echo(f"{summary.failed:,} failed:")
    for result in failures[:_SHOWN_FAILURES]:
        click.echo(f"  {result.item_id or '(no id)'}  {result.error_code}: {result.error}")
    if len(failures) > _SHOWN_FAILURES:
        click.echo(f"  and {len(failures) - _SHOWN_FAILURES:,} more; --json lists all of them.")
    for warning in summary.warnings:
        click.echo(f"Note: {warning}")


def _log_above_the_bar() -> ExitStack:
    """Let log lines stand above the bar instead of breaking it."""
    stack = ExitStack()
    if sys.stderr.isatty():
        from tqdm.contrib.logging import logging_redirect_tqdm

        stack.enter_context(logging_redirect_tqdm())
    return stack
