"""`cf-ai verify`."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .exits import DISK, SOME_FAILED, Ended, say
from .logs import warnings_as_sentences
from .options import JSONOutput
from .places import complete_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..destination import Difference


@click.command()
@click.argument("destination", metavar="DEST", envvar="CF_DESTINATION", shell_complete=complete_folder)
@click.option("--progress/--no-progress", default=None, help="Draw a bar on standard error (default: on a terminal).")
@JSONOutput
def command(destination: str, progress: bool | None, as_json: bool) -> None:
    """Read every file in DEST again, assets too, and compare it with what was written. No network, no key.

    Files that are missing, altered or unreadable are listed, and the exit code is 1; a download with --verify (and
    --assets, where assets are among them) fetches them again.

    \b
    Examples:
      cf-ai verify ./annotations
      cf-ai verify ./annotations --json
    """
    from ..core.redaction import printable
    from ..destination import Destination

    folder, checked, differences = Destination(destination), 0, list["Difference"]()
    with warnings_as_sentences() as warned:
        for found in _with_bar(folder.iter_differences(), progress):
            checked += 1
            if found is not None:
                differences.append(found)
                if not as_json:
                    say(f"{found.kind}: {printable(found.path, 1000)}")
    if not checked and not warned and not folder.status():
        raise ValueError(f"destination is {destination!r}: its journal knows of no run.")
    if as_json:
        named = [asdict(each) for each in differences]
        say(json.dumps({"destination": destination, "checked": checked, "differences": named, "warnings": warned}))
    if warned:
        raise Ended(DISK)
    if not as_json:
        say(_said(checked, differences))
    if differences:
        raise Ended(SOME_FAILED)


def _said(checked: int, differences: Sequence[Difference]) -> str:
    if differences:
        options = "--verify --assets" if any(each.is_asset for each in differences) else "--verify"
        return f"{len(differences):,} of {checked:,} files differ; a download with {options} fetches them again."
    return f"All {checked:,} files are as they were written."


def _with_bar(found: Iterator[Difference | None], progress: bool | None) -> Iterator[Difference | None]:
    from ..progress import shows_bars

    if not (shows_bars() if progress is None else progress):
        return found
    tqdm: Any = importlib.import_module("tqdm").tqdm
    bar: Iterator[Difference | None] = iter(tqdm(found, desc="Verifying", unit="file", dynamic_ncols=True, leave=False))
    return bar
