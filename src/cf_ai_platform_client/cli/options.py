"""Options that several commands share: who calls, which work items, how much to say."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import complain

if TYPE_CHECKING:
    from ..client import CFUserClient

F = TypeVar("F", bound=Callable[..., Any])

JSONOutput = click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")


def _split(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def credentials(command: F) -> F:
    """Add the options that say who calls, and where."""
    for option in reversed(
        [
            click.option(
                "--profile", metavar="NAME", help="Take key and address from this profile of the config file."
            ),
            click.option(
                "--api-key-file",
                metavar="FILE",
                type=click.Path(dir_okay=False, allow_dash=True),
                help="Read the API key from a file, - for standard input. Default: CF_API_KEY, else the profile.",
            ),
            click.option(
                "--api-key", metavar="KEY", help="The API key. Others on this machine can see it: avoid this."
            ),
            click.option(
                "--base-url",
                metavar="URL",
                help="The platform's address. Default: CF_PLATFORM_BASE_URL, else production.",
            ),
            click.option("-v", "--verbose", count=True, help="Say more on standard error; -vv says all."),
        ]
    ):
        command = option(command)
    return command


def filters(command: F) -> F:
    """Add the options that say which work items."""
    dates = {
        "created-at-from": "Created then or later",
        "created-at-to": "Created then or earlier",
        "updated-at-from": "Updated then or later",
        "updated-at-to": "Updated then or earlier",
    }
    options = [
        _ids("batch", "Only these batches, at most 100."),
        _ids("work-item", "Only these work items, at most 100."),
        *(click.option(f"--{name}", metavar="DATE", help=f"{text} (ISO 8601).") for name, text in dates.items()),
        click.option(
            "--status", default="COMPLETED", show_default=True, metavar="STATUS", help="Items of this status."
        ),
        click.option("--limit", type=int, metavar="N", help="Work items a manifest page, 1 to 100 (default 100)."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _ids(what: str, text: str) -> Callable[[F], F]:
    names = (f"--{what}-id", f"--{what}-ids", f"{what.replace('-', '_')}_ids")
    help_text = f"{text} Separate them by commas, or repeat the option."
    return click.option(*names, multiple=True, callback=_split, metavar="ID[,ID…]", help=help_text)


def chosen_filters(options: dict[str, Any]) -> dict[str, Any]:
    """Take the filters out of a command's options, as the client's arguments."""
    dates = ("created_at_from", "created_at_to", "updated_at_from", "updated_at_to")
    names = ("batch_ids", "work_item_ids", *dates, "status", "limit")
    return {name: options.pop(name) for name in names}


def make_client(options: dict[str, Any]) -> CFUserClient:
    """Make the client that the credential options ask for; set up the log for `-v`. Raises ValueError, OSError."""
    from ..client import CFUserClient
    from ..settings import settings_from_env

    set_up_log(options.pop("verbose"))
    profile, key_file = options.pop("profile"), options.pop("api_key_file")
    key, base_url = options.pop("api_key"), options.pop("base_url")
    if key:
        complain("Warning: a key on the command line can be seen by others on this machine; use CF_API_KEY.")
    elif key_file:
        key = _read_key(key_file)
    settings = settings_from_env(profile, api_key=key, base_url=base_url)
    return CFUserClient(settings.api_key.reveal(), settings.base_url)


def set_up_log(verbosity: int) -> None:
    """Log to standard error: errors and warnings, with -v information, with -vv everything."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("cf_ai_platform_client").setLevel(level)


def _read_key(path: str) -> str:
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"The key file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"The key file {path} is not text.") from None
    if not text.strip():
        raise ValueError(f"The key file {path} is empty.")
    return text.strip()
