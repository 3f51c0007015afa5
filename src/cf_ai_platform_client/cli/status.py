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
    if warned:
        raise Ended(DISK)
    if not projects:
        raise ValueError(f"destination is {destination!r}: its journal knows of no run.")
    if as_json:
        say(json.dumps({"destination": destination, "projects": [asdict(each) for each in projects]}, default=_iso))
        return
    for number, project in enumerate(projects):
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
        say(f"    {count:>9,}  {code}")
    for failure in project.first_failures:
        say(f"      {printable(failure.item_id)}: {printable(failure.error)}")
    if project.gone:
        say(f"  {project.gone:>9,}  not in the project any more, or with another status")
    say(f"  Last run: {when}, {_ENDS.get(project.outcome, f'ended by {project.outcome}')}")


_ENDS = {
    "finished": "finished",
    "killed": "killed before its end",
    "cancelled": "interrupted",
    "failed": "ended by an error",
    "running": "running",
}


def _iso(value: Any) -> str:
    return str(value.isoformat())
