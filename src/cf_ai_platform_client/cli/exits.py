"""How every command ends: one sentence on standard error and one of a few exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import click

OK, SOME_FAILED, USAGE, AUTHENTICATION, DISK, INCOMPLETE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 130, 143

EXIT_CODES_HELP = """\b
Exit codes: 0 all well, 1 some items failed, 2 usage, 3 authentication,
4 local disk, 5 the listing is incomplete, 130 and 143 interrupted."""


class Ended(Exception):
    """A command that ends with this code, everything having been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def run_reporting(command: Callable[[], Any]) -> int:
    """Run a command; say what went wrong in one sentence and return the exit code."""
    _make_output_safe()
    try:
        command()
        _flush()
    except Ended as ended:
        return ended.code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except click.ClickException as error:
        error.show()
        return USAGE
    except Exception as error:
        return report(error)
    return OK


def report(error: Exception) -> int:
    """Say what went wrong, with a traceback only for `-vv`, and return the exit code."""
    from ..core.redaction import printable

    code = exit_code_of(error)
    if shows_tracebacks():
        traceback.print_exception(error)
    elif code is None:
        complain(f"Internal error: {type(error).__name__}: {printable(str(error))}")
        complain("Run it again with -vv and report what you see.")
    else:
        complain(printable(str(error), 1000))
    return SOME_FAILED if code is None else code


def exit_code_of(error: BaseException) -> int | None:
    """Return the code that stands for an error, None for one that nobody foresaw."""
    from ..errors import CFError, DiskError, ItemsFailedError

    if isinstance(error, CFError):
        if error.code in {"unauthorized", "forbidden"}:
            return AUTHENTICATION
        if isinstance(error, DiskError):
            return DISK
        return SOME_FAILED if isinstance(error, ItemsFailedError) else INCOMPLETE
    if isinstance(error, ValueError):
        return USAGE
    return DISK if isinstance(error, OSError) else None


def complain(message: str) -> None:
    """Write a line to standard error."""
    click.echo(message, err=True)


def shows_tracebacks() -> bool:
    """Tell whether the user asked for everything (`-vv`)."""
    return (
        any(
            argument.startswith("-v") and argument.count("v") >= 2 and set(argument[1:]) == {"v"}
            for argument in sys.argv
        )
        or sys.argv.count("-v") + sys.argv.count("--verbose") >= 2
    )


def _make_output_safe() -> None:
    """Let no terminal's encoding break a command: what it cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _flush() -> None:
    sys.stdout.flush()


def _reader_left() -> int:
    """End quietly when the reader of our output has seen enough (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK
