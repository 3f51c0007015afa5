"""Options that several commands share: who calls, and which work items."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from .exits import complain
from .logs import verbosity, warnings_as_sentences

if TYPE_CHECKING:
    from ..client import CFUserClient

F = TypeVar("F", bound=Callable[..., Any])

_DATES = {
    "created-at-from": "Created then or later",
    "created-at-to": "Created then or earlier",
    "updated-at-from": "Updated then or later",
    "updated-at-to": "Updated then or earlier",
}

JSONOutput = click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")

progress_option = click.option(
    "--progress/--no-progress", default=None, help="Draw a bar on standard error (default: on a terminal)."
)

DATE_NAMES = tuple(name.replace("-", "_") for name in _DATES)
"""The client's arguments that `date_options` stand for."""


def credentials(command: F) -> F:
    """Add the options that say who calls, and where, and `-v`."""
    options = [
        click.option("--profile", metavar="NAME", help="Take key and address from this profile of the config file."),
        click.option(
            "--api-key-file",
            metavar="FILE",
            type=click.Path(dir_okay=False, allow_dash=True),
            help="Read the API key from a file, - for standard input. Default: CF_API_KEY, else the profile.",
        ),
        click.option("--api-key", metavar="KEY", help="The API key. Others on this machine can see it: avoid this."),
        click.option(
            "--base-url", metavar="URL", help="The platform's address. Default: CF_PLATFORM_BASE_URL, else production."
        ),
        verbosity,
    ]
    return with_all(options, command)


def filters(command: F) -> F:
    """Add the options that say which work items."""
    options = [
        ids_option("batch", "Only these batches, at most 100."),
        ids_option("work-item", "Only these work items, at most 100."),
        *date_options(),
        click.option(
            "--status", default="COMPLETED", show_default=True, metavar="STATUS", help="Items of this status."
        ),
        click.option("--limit", type=int, metavar="N", help="Work items a manifest page, 1 to 100 (default 100)."),
    ]
    return with_all(options, command)


def chosen_filters(options: dict[str, Any]) -> dict[str, Any]:
    """Take the filters out of a command's options, as the client's arguments."""
    return {name: options.pop(name) for name in ("batch_ids", "work_item_ids", *DATE_NAMES, "status", "limit")}


def make_client(options: dict[str, Any]) -> CFUserClient:
    """Make the client that the credential options ask for, taking them out. Raises ValueError."""
    from ..client import CFUserClient
    from ..settings import settings_from_env

    profile, base_url = options.pop("profile"), options.pop("base_url")
    key = _given_key(options.pop("api_key"), options.pop("api_key_file"))
    settings = settings_from_env(profile, api_key=key, base_url=base_url)
    with warnings_as_sentences():
        return CFUserClient(settings.api_key.reveal(), settings.base_url)


def _given_key(key: str | None, file: str | None) -> str | None:
    if key is not None and file is not None:
        raise click.UsageError("--api-key and --api-key-file exclude each other: give one of them.")
    if file is not None:
        return _read_key(file)
    if key is None:
        return None
    complain("Warning: other users of this machine can see a key on the command line; set CF_API_KEY instead.")
    if not key.strip():
        raise click.UsageError("--api-key is empty: leave it out to use CF_API_KEY.")
    return key


def _read_key(path: str) -> str:
    shown = "standard input" if path == "-" else path
    try:
        text = _line_of_input() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"The key cannot be read from {shown}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"The key cannot be read from {shown}: that is not text.") from None
    if not text.strip():
        raise ValueError(f"There is no key in {shown}: it must hold the API key and nothing else.")
    return text.strip()


def _line_of_input() -> str:
    stream: TextIO | None = sys.stdin
    return stream.readline() if stream is not None else ""


def with_all(options: list[Callable[[Any], Any]], command: F) -> F:
    """Add options to a command, in the order of its help."""
    for option in reversed(options):
        command = option(command)
    return command


def date_options() -> list[Callable[[Any], Any]]:
    """Return the options that say when work items were created and updated."""
    return [click.option(f"--{name}", metavar="DATE", help=f"{text} (ISO 8601).") for name, text in _DATES.items()]


def ids_option(what: str, text: str) -> Callable[[Any], Any]:
    """Return the option that takes ids of some kind, separated by commas or one by one."""
    names = (f"--{what}-id", f"--{what}-ids", f"{what.replace('-', '_')}_ids")
    help_text = f"{text} Separate them by commas, or repeat the option."
    return click.option(*names, multiple=True, callback=_split, metavar="ID[,ID...]", help=help_text)


def _split(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
