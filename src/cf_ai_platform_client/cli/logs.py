"""The log of a command: to standard error, as much as `-v` asks for, one safe line a record."""

from __future__ import annotations

import copy
import importlib
import logging
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import click

from ..core.redaction import printable, printable_lines
from .exits import complain

F = TypeVar("F", bound=Callable[..., Any])

_LOGGER = logging.getLogger("cf_ai_platform_client")
_TOLD_ANYWAY = [logging.getLogger(f"cf_ai_platform_client.{name}") for name in ("transfer", "exports")]
_LONGEST = 2000
_NAME = "cf-ai"


class _Formatter(logging.Formatter):
    with_tracebacks = False

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_text and not self.with_tracebacks:
            record = copy.copy(record)
            record.exc_text = None
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        if not self.with_tracebacks:
            return ""
        return printable_lines(super().formatException(ei), _LONGEST)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record), _LONGEST)


def verbosity(command: F) -> F:
    """Add `-v`, which sets up the log before the command runs."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_verbosity_given,
        help="Say more on standard error; -vv says all, with tracebacks.",
    )(command)


def set_up_log(level: int) -> None:
    """Log warnings; from level 1 what fails and is tried again; from 2 everything."""
    for old in [handler for handler in _LOGGER.handlers if handler.name == _NAME]:
        _LOGGER.removeHandler(old)
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _NAME
    formatter = _Formatter("%(asctime)s %(levelname)s %(message)s" if level else "%(message)s", "%H:%M:%S")
    formatter.with_tracebacks = level > 1
    handler.setFormatter(formatter)
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(level, 2)])
    for logger in _TOLD_ANYWAY:
        logger.removeFilter(_nothing)
        if not level:
            logger.addFilter(_nothing)
    logging.getLogger("asyncio").setLevel(logging.WARNING if level > 1 else logging.CRITICAL)


def _nothing(_record: logging.LogRecord) -> bool:
    """Let nothing pass of a logger, its children aside: the commands tell the same in their own words."""
    return False


@contextmanager
def warnings_as_sentences() -> Generator[list[str], None, None]:
    """Show the client's warnings as sentences, without file and line, and give those that were shown."""
    shown: list[str] = []

    def show(message: Warning | str, *_where: Any, **_more: Any) -> None:
        shown.append(printable(str(message), _LONGEST))
        complain(f"Warning: {shown[-1]}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield shown


def above_the_bar(progress: bool | None) -> AbstractContextManager[None]:
    """Let log lines stand above the bar instead of breaking it."""
    if progress is False or (progress is None and not getattr(sys.stderr, "isatty", bool)()):
        return nullcontext()
    redirected: Any = importlib.import_module("tqdm.contrib.logging").logging_redirect_tqdm
    context: AbstractContextManager[None] = redirected([_LOGGER])
    return context


def _verbosity_given(ctx: click.Context, _param: click.Parameter, value: int) -> None:
    ctx.meta["cf_ai.verbosity"] = value
    if not ctx.resilient_parsing:
        set_up_log(value)
