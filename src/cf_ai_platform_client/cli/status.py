"""`cf-ai status`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .exits import DISK, Ended, say
from .logs import warnings_as_sentences
from .options import JSONOutput
from .places import complete_folder

if TYPE_CHECKING:
    from ..destination import ProjectStatus


@click.command()
@click.argument("destination", metavar="DEST", envvar="CF_DESTINATION", shell_complete=complete_folder)
@JSONOutput
def command(destination: str, as_json: bool) -> None:
    """Tell what is in DEST, what failed and why, and how the last run ended. No network, no key.

    \b
    Examples:
      cf-ai status ./annotations
      cf-ai status ./annotations --json
    """
    from ..destination import Destination

    with warnings_as_sentences() as warned:
        projects = Destination(destination).status()
    if not projects and not warned:
        raise ValueError(f"destination is {destination!r}: its journal knows of no run.")
    if as_json:
        body = {"destination": destination, "projects": [asdict(each) for each in projects], "warnings": warned}
        say(json.dumps(body, default=_iso))
    if warned:
        raise Ended(DISK)
    for number, project in enumerate([] if as_json else projects):
        if number:
            say()
        _print_project(project, destination)


def _print_project(project: ProjectStatus, destination: str) -> None:
    from ..core.redaction import printable
    from .tables import size_text

    when = f"{project.last_run.astimezone():%Y-%m-%d %H:%M:%S}"
    say(f"Project {printable(project.project_id)}, space {printable(project.space_id)}")
    say(f"  {project.stored:>9,}  stored, {size_text(project.bytes)}")
    if project.not_attempted:
        say(f"  {project.not_attempted:>9,}  listed and not fetched yet: run the download again")
    if project.failed:
        say(f"  {project.failed:>9,}  failed: cf-ai retry {printable(destination)}")
    for code, count in project.failed_by_code.items():
        say(f"    {count:>9,}  {printable(code)}")
    for failure in project.first_failures:
        say(f"      {printable(failure.item_id)}: {printable(failure.error)}")
    _print_assets(project, destination)
    if project.gone:
        say(f"  {project.gone:>9,}  not in the project any more, or with another status")
    if project.from_elsewhere:
        say(f"  {project.from_elsewhere:>9,}  of the files here are from another platform, or nobody noted from which")
    platform = f", from {printable(project.base_url)}" if project.base_url else ""
    end = _ENDS.get(project.outcome, f"ended by {printable(project.outcome)}")
    say(f"  Last run: {when}{platform}, {end}")


def _print_assets(project: ProjectStatus, destination: str) -> None:
    from ..core.redaction import printable
    from .tables import size_text

    if project.assets:
        say(f"  {project.assets:>9,}  assets stored, {size_text(project.asset_bytes)}")
    if project.assets_failed:
        say(f"  {project.assets_failed:>9,}  assets failed: cf-ai retry {printable(destination)}")
    for failure in project.first_asset_failures:
        say(f"      {printable(failure.item_id)}: {printable(failure.error)}")


_ENDS = {
    "finished": "finished",
    "killed": "killed before its end",
    "cancelled": "interrupted",
    "failed": "ended by an error",
    "running": "running",
}


def _iso(value: Any) -> str:
    return str(value.isoformat())
