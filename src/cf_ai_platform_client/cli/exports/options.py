"""Options that several commands of exports share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ..options import DATE_NAMES, date_options, ids_option, progress_option, with_all

if TYPE_CHECKING:
    from ...core.zip_members import ExtractLimits

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("COCO_JSON", "JSON", "CSV")
CONTENTS = ("ANNOTATION", "INFERENCE", "ASSET_METADATA")
STATUSES = ("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")


def word_option(*names: str, known: tuple[str, ...], **more: Any) -> Callable[[F], F]:
    """Return an option for a word in capitals, completed by the shell; one that a newer platform knows is taken too."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in known if word.startswith(incomplete.upper())]

    return click.option(*names, metavar="|".join(known), callback=_in_capitals, shell_complete=complete, **more)


def order(command: F) -> F:
    """Add the options that say what an export shall hold."""
    options = [
        click.option("--name", default=_name_of_now, metavar="NAME", help="What it is called. Default: cf-ai and now."),
        word_option(
            "--format",
            "export_format",
            known=FORMATS,
            default="COCO_JSON",
            show_default=True,
            help="COCO documents, or records as JSON or CSV.",
        ),
        word_option(
            "--content",
            known=CONTENTS,
            help="What is in it; the latter two as JSON and CSV only. Default: ANNOTATION.",
        ),
        ids_option("project", "Only these projects, at most 50."),
        ids_option("batch", "Only these batches, at most 100."),
        *date_options(),
    ]
    return with_all(options, command)


def chosen_order(options: dict[str, Any]) -> dict[str, Any]:
    """Take what an export shall hold out of a command's options, as the client's arguments."""
    return {name: options.pop(name) for name in ("export_format", "content", "project_ids", "batch_ids", *DATE_NAMES)}


def waiting(command: F) -> F:
    """Add the options that say how to wait, and whether to show it."""
    options = [
        click.option(
            "--poll-interval",
            type=float,
            default=5.0,
            show_default=True,
            metavar="SECONDS",
            help="Pause between the first two questions for its status; later ones grow.",
        ),
        click.option(
            "--timeout",
            type=float,
            default=600.0,
            show_default=True,
            metavar="SECONDS",
            help="Give up waiting after this; the export goes on.",
        ),
        progress_option,
    ]
    return with_all(options, command)


def extracting(command: F) -> F:
    """Add `--extract` and `--overwrite`."""
    options = [
        click.option(
            "--extract",
            is_flag=False,
            flag_value="",
            metavar="[DIR]",
            help="Extract the zip too, below DIR, else DEST/EXPORT. Write --extract=DIR, or --extract at the end.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace files that are here."),
    ]
    return with_all(options, command)


def limits(command: F) -> F:
    """Add the bounds on what a zip may hold."""
    texts = {
        "members": "files in it",
        "total-bytes": "bytes of all, unpacked",
        "member-bytes": "bytes of one file, unpacked",
        "record-bytes": "bytes of one record; in memory it may take 25 times as many",
        "ratio": "times that files may become larger",
    }
    options = [
        click.option(f"--max-{name}", type=click.IntRange(1), metavar="N", help=f"At most so many {text}.")
        for name, text in texts.items()
    ]
    return with_all(options, command)


def chosen_limits(options: dict[str, Any]) -> ExtractLimits:
    """Take the bounds out of a command's options, as the library's limits."""
    from ...core.zip_members import ExtractLimits

    names = [name for name in options if name.startswith("max_")]
    given = {name: options.pop(name) for name in names}
    return ExtractLimits(**{name: value for name, value in given.items() if value is not None})


def _in_capitals(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else value.strip().upper().replace("-", "_")


def _name_of_now() -> str:
    return f"cf-ai {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
