"""`cf-ai demo`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .exits import SOME_FAILED, Ended
from .running import run
from .tables import size_text

if TYPE_CHECKING:
    from ..models import DownloadSummary
    from ..sandbox import Sandbox

_SHOWN_FILES = 3
_BAR = 30


@click.command()
@click.argument("destination", default="cf-ai-demo", metavar="[DEST]")
def command(destination: str) -> None:
    """Download a real sample project below DEST (default: ./cf-ai-demo), from a sandbox, and look at it.

    The sandbox is the platform's API on this machine, on a free port, while the demo runs: no account, no network.
    """
    from ..sandbox import Sandbox

    with Sandbox() as sandbox:
        click.echo(f"A sandbox of the platform runs at {sandbox.base_url} while this demo does.")
        summary = run(lambda: _download(sandbox, destination))
    _show(summary, Path(destination))
    if summary.failed:
        raise Ended(SOME_FAILED)


async def _download(sandbox: Sandbox, destination: str) -> DownloadSummary:
    from ..client import CFUserClient

    async with CFUserClient(sandbox.api_key, sandbox.base_url) as client:
        return await client.download_project(sandbox.project_id, sandbox.space_id, destination, max_workers="auto")


def _show(summary: DownloadSummary, destination: Path) -> None:
    click.echo(
        f"{summary.successful} of {summary.total_items} work items, {size_text(summary.bytes)}, "
        f"in {summary.elapsed:.2f} s.\n"
    )
    paths = sorted(Path(result.file_path) for result in summary.results if result.file_path)
    _show_tree(destination, paths)
    _show_counts("Annotations by batch", _by_batch(paths))
    _show_counts("Annotations by category", _by_category(paths))
    click.echo(f"""What to try next:
  cf-ai sandbox                       # keep the sandbox running; it prints the download command to paste
  cf-ai sandbox --items 5000 --faults storm    # the same on a bad day: not one broken file
  cf-ai download --help               # filters, --json, --dry-run
  python -m json.tool '{paths[0] if paths else destination}' | head -40""")


def _show_tree(destination: Path, paths: list[Path]) -> None:
    click.echo(f"{destination}/")
    for folder in sorted({path.parent for path in paths}):
        files = [path for path in paths if path.parent == folder]
        click.echo(f"├── {folder.name}/  {len(files)} files, {size_text(sum(path.stat().st_size for path in files))}")
        more = len(files) - _SHOWN_FILES
        lines = [path.name for path in files[:_SHOWN_FILES]] + ([f"… {more} more"] if more > 0 else [])
        for number, line in enumerate(lines, 1):
            click.echo(f"│   {'└' if number == len(lines) else '├'}── {line}")
    click.echo()


def _show_counts(title: str, counts: Counter[str]) -> None:
    click.echo(f"{title} ({sum(counts.values())} in all)")
    most = max(counts.values(), default=1)
    width = max(map(len, counts), default=0)
    for name, count in counts.most_common():
        click.echo(f"  {name:<{width}}  {count:>5}  {'█' * max(1, round(_BAR * count / most))}")
    click.echo()


def _by_batch(paths: list[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in paths:
        counts[path.parent.name] += len(_read(path)["annotations"])
    return counts


def _by_category(paths: list[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in paths:
        document = _read(path)
        names = {category["id"]: category["name"] for category in document["categories"]}
        counts.update(names[annotation["category_id"]] for annotation in document["annotations"])
    return counts


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document
