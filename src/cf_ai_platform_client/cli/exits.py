"""How every command ends: one sentence on standard error and one of a few exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import click

OK, SOME_FAILED, USAGE, AUTHENTICATION, DISK, INCOMPLETE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 130, 143

EXIT_CODES_HELP = """\b
Exit codes: 0 all well, 1 some items or the export failed, 2 usage,
3 authentication, 4 local disk, 5 the listing is incomplete or the platform
did not do it, 130 and 143 interrupted."""

_PLACES = {
    "project_id": "PROJECT",
    "space_id": "SPACE",
    "export_id": "EXPORT",
    "destination": "DEST",
    "path": "FILE",
}
_OPTIONS = {
    "project_ids": "--project-id",
    "batch_ids": "--batch-id",
    "work_item_ids": "--work-item-id",
    "export_format": "--format",
    "since": "--since-last",
}
_ARGUMENT = re.compile(
    r"(?<![\w'\"/-])(project_ids?|space_id|destination|batch_ids|work_item_ids|max_workers|limit|status|results|prune"
    r"|jwks_url|keys|tolerance"
    r"|since|export_id|export_format|poll_interval|timeout|max_(?:members|(?:total|member|record)_bytes|ratio)"
    r"|(?:created|updated)_at_(?:from|to)|^(?:name|content|path))(?:='last'|=True)?"
    r"(?= is | holds | needs | cannot |, | and |\.$)"
)


class Ended(Exception):
    """A command that ends with this code, everything having been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Interrupted(Exception):
    """A run that a signal ended, with the code that says which."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends what runs outside of an event loop as Ctrl-C does."""


def run_reporting(command: Callable[[], Any]) -> int:
    """Run a command; say what went wrong in one sentence and return the exit code."""
    _make_output_safe()
    try:
        code = command()
    except Ended as ended:
        return ended.code
    except Interrupted as interrupted:
        complain("Interrupted.")
        return interrupted.code
    except (click.Abort, KeyboardInterrupt) as error:
        complain("Interrupted.")
        return TERMINATED if isinstance(error.__cause__ or error, Terminated) else INTERRUPTED
    except click.ClickException as error:
        error.show()
        return USAGE
    except Exception as error:
        return report(error)
    return code if isinstance(code, int) else OK


def report(error: Exception, *, with_traceback: bool = False) -> int:
    """Say what went wrong and what to do next, and return the exit code."""
    from ..core.redaction import printable

    if with_traceback:
        _show_traceback(error)
    code = exit_code_of(error)
    complain(printable(sentence(error), 2000))
    if code is not None:
        return code
    if not with_traceback:
        complain("Run it again with -vv and report what you see.")
    return SOME_FAILED


def sentence(error: Exception) -> str:
    """Say what an error means to somebody at a command line."""
    if exit_code_of(error) is None:
        return f"Internal error: {type(error).__name__}: {error}"
    if is_usage(error):
        return _ARGUMENT.sub(_as_typed, str(error))
    reason = getattr(error, "strerror", None)
    if not reason or hasattr(error, "code"):
        return str(error)
    named = getattr(error, "filename", None)
    return f"{named}: {reason}." if named else f"The system says: {reason}."


def exit_code_of(error: BaseException) -> int | None:
    """Return the code that stands for an error, None for one that nobody foresaw."""
    from ..errors import ArchiveError, CFError, DiskError, ExportError, ExportTimeoutError, ItemsFailedError

    if isinstance(error, CFError):
        if error.code in {"unauthorized", "forbidden"}:
            return AUTHENTICATION
        if isinstance(error, DiskError):
            return DISK
        failed = isinstance(error, ItemsFailedError | ExportError | ExportTimeoutError | ArchiveError)
        return SOME_FAILED if failed else INCOMPLETE
    if is_usage(error):
        return USAGE
    if isinstance(error, ConnectionError | TimeoutError):
        return INCOMPLETE
    return DISK if isinstance(error, OSError) else None


def is_usage(error: BaseException) -> bool:
    """Tell whether an argument is at fault: a plain ValueError, since its kin (JSON, Unicode) speak of our own code."""
    return type(error) is ValueError


def complain(message: str) -> None:
    """Write a line to standard error."""
    if _is_open(sys.stderr):
        with contextlib.suppress(OSError):
            print(message, file=sys.stderr, flush=True)


def say(message: str = "") -> None:
    """Write a line to standard output; end the command when nobody takes it (`| head`, a full disk)."""
    try:
        print(message, flush=True)  # click.echo would write UTF-8 to a terminal that asks for ASCII
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno in {errno.EPIPE, errno.EINVAL}:  # EINVAL is what Windows calls a closed pipe
            raise Ended(OK) from None
        complain(f"Standard output cannot be written: {(error.strerror or str(error)).lower()}.")
        raise Ended(DISK) from None


def _is_open(stream: TextIO | None) -> bool:
    return stream is not None


def _as_typed(name: re.Match[str]) -> str:
    found = name.group(1)
    return _PLACES.get(found) or _OPTIONS.get(found) or f"--{found.replace('_', '-')}"


def _show_traceback(error: Exception) -> None:
    from ..core.redaction import printable

    for line in "".join(traceback.format_exception(error)).splitlines():
        complain(" " * (len(line) - len(line.lstrip())) + printable(line, 2000))


def _make_output_safe() -> None:
    """Let neither a terminal's encoding (what it cannot show is escaped) nor a closed stream break a command."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number; else a socket would, which aborts uvloop
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
