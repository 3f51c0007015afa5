"""What to do about an error of an export, in the words of the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import CFError, ConflictError, DiskError, ExportTimeoutError
from ..invocation import program

_LIMIT = re.compile(r"\bRaise (max_\w+) of ExtractLimits\b")
_SAID = {"export_failed", "no_result", "timeout", "conflict", "unauthorized"}
"""Codes of errors that end an export, or whose hint says how to go on."""


@dataclass(frozen=True)
class Advisor:
    """Knows what the user typed, and so what to type next."""

    space: str
    export_id: str | None = None
    destination: str | None = None

    def line(self, command: str, export_id: str | None = None, *more: str) -> str:
        """Return the line of a command of exports for this space."""
        destination = [self.destination or "DEST"] if command == "download" else []
        words = [self.space, *([export_id] if export_id else []), *destination, *more]
        return f"{program()} exports {command} {shlex.join(words)}"

    def advise(self, error: CFError) -> None:
        """Replace the hint of an error where it speaks of Python."""
        if error.code == "unknown_outcome":
            error.hint = self._after_unknown_outcome()
        elif isinstance(error, ExportTimeoutError):
            line = self.line("download" if self.destination else "wait", error.item_id, "--timeout", "3600")
            error.hint = f"It goes on without you: {line} waits longer."
        elif isinstance(error, ConflictError):
            error.hint = self._after_conflict(error.item_id)
        elif isinstance(error, DiskError):
            error.hint = as_typed(error.hint)

    def go_on(self, error: CFError, export_id: str | None) -> None:
        """Add to the hint how the download of an export that was just made goes on, where it can."""
        if self.export_id is None and export_id is not None and error.code not in _SAID:
            error.hint = f"{error.hint or ''} {self.line('download', export_id)} goes on with this export.".lstrip()

    def _after_unknown_outcome(self) -> str:
        if self.export_id is None:
            return f"Nobody knows whether the export was created: see {self.line('list')} before you create it again."
        return f"Nobody knows whether the export was deleted: {self.line('get', self.export_id)} tells."

    def _after_conflict(self, running: str | None) -> str:
        if running is None:
            return f"A space has one export on its way at a time, and {self.line('list')} shows it."
        attach = " --attach waits for it and takes its file, whatever is in it." if self.destination else ""
        return f"{self.line('wait', running)} waits for it, {self.line('delete', running)} deletes it.{attach}"


@contextmanager
def hints_as_typed() -> Generator[None, None, None]:
    """Put the hint of an error that passes in the words of the command line."""
    try:
        yield
    except CFError as error:
        error.hint = as_typed(error.hint)
        raise


def as_typed(hint: str | None) -> str | None:
    """Put a hint of the library in the words of the command line."""
    if hint is None:
        return None
    hint = hint.replace("overwrite what is there (overwrite=True)", "replace what is there with --overwrite")
    hint = hint.replace("have it replaced with overwrite=True", "have it replaced with --overwrite")
    return _LIMIT.sub(lambda found: f"Raise --{found[1].replace('_', '-')} of cf-ai exports extract", hint)
