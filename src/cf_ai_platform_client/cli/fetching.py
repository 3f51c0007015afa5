"""What the commands that fetch share: their options, and how a run is watched, summed up and ended."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Ended, Interrupted, complain, exit_code_of, is_usage, say
from .logs import above_the_bar
from .options import progress_option, with_all

if TYPE_CHECKING:
    from ..models import DownloadSummary
    from .tally import Tally

F = TypeVar("F", bound=Callable[..., Any])


def fetch_options(command: F) -> F:
    """Add the options that say how to fetch."""
    options = [
        click.option(
            "--max-workers",
            metavar="N|auto",
            callback=_workers,
            default="auto",
            envvar="CF_MAX_WORKERS",
            show_default=True,
            help="Documents in flight, 1 to 100; auto finds the number. CF_MAX_WORKERS sets it too.",
        ),
        click.option(
            "--results",
            type=click.Choice(["all", "failed", "none"]),
            default="failed",
            show_default=True,
            help="Which items' results --json holds; all needs memory for each item.",
        ),
        progress_option,
    ]
    return with_all(options, command)


def fetch(
    download: Callable[..., Coroutine[Any, Any, DownloadSummary]],
    destination: str,
    *,
    progress: bool | None = None,
    as_json: bool,
    nothing: str = "",
) -> None:
    """Run a download, say what came of it, and end the command with its exit code where that is not 0.

    `nothing` is what to say where there was nothing to do.
    """
    from .tally import NOTHING_MATCHES, Tally

    outcome = _run(download, destination, Tally(nothing or NOTHING_MATCHES), progress=progress, as_json=as_json)
    if outcome.code:
        raise Ended(outcome.code)


def _workers(_ctx: click.Context, _param: click.Parameter, value: str) -> int | str:
    return int(value) if value.strip().isdecimal() else value.strip()


@dataclass(frozen=True)
class _Outcome:
    """How a run ended: what it did, what ended it, and the exit code."""

    summary: DownloadSummary
    code: int
    error: Exception | None = None


def _run(
    download: Callable[..., Coroutine[Any, Any, DownloadSummary]],
    destination: str,
    tally: Tally,
    *,
    progress: bool | None,
    as_json: bool,
) -> _Outcome:
    from .running import run
    from .summary import code_of_failures

    try:
        with above_the_bar(progress):
            summary = run(lambda: download(progress=progress, on_event=tally.handle))
    except Interrupted as stop:
        error = tally.interruption(destination)
        outcome = _Outcome(tally.summary(), stop.code, error)
        _tell(outcome, tally, destination, as_json=as_json)
        complain(str(error))
        return outcome
    except Exception as error:
        if not is_usage(error):
            done: DownloadSummary = getattr(error, "summary", None) or tally.summary()
            _tell(_Outcome(done, exit_code_of(error) or 1, error), tally, destination, as_json=as_json)
        raise
    outcome = _Outcome(summary, code_of_failures(summary, tally))
    _tell(outcome, tally, destination, as_json=as_json)
    return outcome


def _tell(outcome: _Outcome, tally: Tally, destination: str, *, as_json: bool) -> None:
    from .summary import print_summary, summary_json

    if as_json:
        say(summary_json(outcome.summary, tally, destination, outcome.error, outcome.code))
    elif outcome.error is None or (outcome.summary.total_items and not _interrupted(outcome.error)):
        print_summary(outcome.summary, tally, destination, outcome.error)


def _interrupted(error: Exception) -> bool:
    return getattr(error, "code", None) == "cancelled"
