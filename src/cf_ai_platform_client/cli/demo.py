"""`cf-ai demo`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import SOME_FAILED, Ended, Interrupted, complain, say
from .logs import verbosity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..datasets import Dataset
    from ..models import DownloadSummary
    from ..sandbox import Sandbox
    from .tally import Tally


@click.command()
@click.argument("destination", default="cf-ai-demo", metavar="[DEST]", type=click.Path(file_okay=False))
@verbosity
def command(destination: str) -> None:
    """Download a real sample project below DEST (default: ./cf-ai-demo), from a sandbox, and look at it.

    Its images come too. Then it is validated, and merged to one COCO document in DEST-merged. The sandbox is the
    platform's API on this machine, on a free port, while the demo runs: no account, no network.

    \b
    Examples:
      cf-ai demo
      cf-ai demo /tmp/annotations
    """
    from ..sandbox import Sandbox
    from .tally import Tally

    tally = Tally()
    with Sandbox(record=False) as sandbox:
        say(f"A sandbox of the platform runs at {sandbox.base_url} while this demo does.")
        try:
            summary = _download(sandbox, destination, tally)
        except Interrupted as stop:
            complain(str(tally.interruption(destination)))
            raise Ended(stop.code) from None
    _show(summary, tally, destination)
    if summary.failed or (summary.assets and summary.assets.failed):
        raise Ended(SOME_FAILED)


def _download(sandbox: Sandbox, destination: str, tally: Tally) -> DownloadSummary:
    from ..client import CFUserClient
    from .logs import above_the_bar
    from .running import run

    client = CFUserClient(sandbox.api_key, sandbox.base_url)
    with above_the_bar(None):
        return run(
            lambda: client.download_project(
                sandbox.project_id,
                sandbox.space_id,
                destination,
                max_workers="auto",
                assets=True,
                on_event=tally.handle,
            )
        )


def _show(summary: DownloadSummary, tally: Tally, destination: str) -> None:
    from . import pictures
    from .summary import print_summary

    paths = sorted(Path(result.file_path) for result in summary.results if result.file_path)
    print_summary(summary, tally, destination)
    say()
    assets = [Path(result.asset_path) for result in summary.results if result.asset_path]
    pictures.show_tree(destination, [*paths, *assets])
    by_batch, by_category = pictures.count_annotations(paths)
    pictures.show_counts("Annotations by batch", by_batch)
    pictures.show_counts("Annotations by category", by_category)
    if paths:
        _make_dataset(destination)
    _show_next_steps(paths, destination)


def _make_dataset(destination: str) -> None:
    """Validate what was fetched, and merge it beside."""
    from .. import datasets
    from ..errors import DiskError

    dataset = datasets.open(destination)
    _validate(dataset)
    out = _beside(destination)
    try:
        report = dataset.merge(out, overwrite=(out / ".cf-ai" / "written.jsonl").is_file())
    except (ValueError, DiskError) as error:
        _line(f"Not merged: {error}")
    else:
        counts = f"{report.images.went_out:,} images and {report.annotations.went_out:,} annotations"
        _line(f"Merged to one COCO document, {counts}; its file names lead on from {destination}")
        _line(report.files[0], "  ")
    say()


def _validate(dataset: Dataset) -> None:
    """Show how much was found, and what, most of it harmless."""
    from ..datasets.finding_codes import CODES

    validation = dataset.validate()
    for _ in validation:
        pass
    errors, warnings = validation.severities["error"], validation.severities["warning"]
    _line(f"Validated: {errors:,} errors, {warnings:,} warnings, {validation.severities['info']:,} infos")
    for code, severity, count in validation.summary.by_severity():
        _line(f"{severity}: {code}: {CODES[code].meaning}", f"  {count:>6,}  ")
    say()


def _line(text: str, margin: str = "") -> None:
    from ..core.redaction import printable
    from .tables import clip, terminal_width

    say(clip(margin + printable(text, 1000), terminal_width()))


def _beside(destination: str) -> Path:
    path = Path(destination)
    path = path if path.name not in ("", "..") else path.resolve()
    return path.parent / f"{path.name}-merged"


def _show_next_steps(paths: Sequence[Path], destination: str) -> None:
    from .invocation import program

    me = program()
    steps = [
        ("Keep the sandbox running; it prints the download command to paste:", f"{me} sandbox"),
        (
            "The same with 5,000 work items on a bad day; still no broken file:",
            f"{me} sandbox --items 5000 --faults storm",
        ),
        ("Filters, --json, --dry-run, and what to do with a key of your own:", f"{me} download --help"),
    ]
    if paths:
        yolo = f"{me} dataset convert {shlex.quote(destination)} yolo --to yolo --split 0.8,0.1,0.1"
        steps.append(("A dataset for YOLO of it, or in another format (--help):", yolo))
        steps.append(("One of the documents:", f"cat {shlex.quote(str(paths[0]))}"))
    say("What to try next")
    for text, line in steps:
        say(f"  {text}")
        say(f"    {line}")
