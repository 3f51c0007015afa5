"""Runs what waits for an export or downloads it: watched, and ended with what to type next."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ...core.redaction import printable
from ...errors import CFError
from ...events import Event, ExportBytes, ExportStatusChanged, ExportStored
from ..exits import Interrupted
from ..logs import above_the_bar
from ..tables import size_text

if TYPE_CHECKING:
    from .advice import Advisor

T = TypeVar("T")


class Watch:
    """How far an export is, as its events tell."""

    def __init__(self, advisor: Advisor) -> None:
        self.advisor = advisor
        self.export_id = advisor.export_id
        self.status: str | None = None
        self.stored: ExportStored | None = None
        self._bytes: ExportBytes | None = None

    def run(self, call: Callable[..., Coroutine[Any, Any, T]], progress: bool | None) -> T:
        """Run a call of the client that reports; what ends it says what to type next.

        Raises Stopped for a signal.
        """
        from ..running import run

        try:
            with above_the_bar(progress):
                return run(lambda: call(progress=progress, on_event=self._handle))
        except Interrupted as stop:
            raise Stopped(stop.code, self._interruption()) from None
        except CFError as error:
            self.advisor.advise(error)
            self.advisor.go_on(error, self.export_id)
            raise

    def _handle(self, event: Event) -> None:
        match event:
            case ExportStatusChanged(export_id=export_id, status=status):
                self.export_id, self.status = export_id, status
            case ExportBytes():
                self._bytes = event
            case ExportStored():
                self.stored = event
            case _:
                pass

    def _interruption(self) -> CFError:
        known, line = self.export_id, self.advisor.line
        if known is None:
            said = "the export may have been created."
            hint = f"{line('list')} shows it."
        elif self.status == "COMPLETED" and self._bytes is None:
            said = f"the export {known} was not downloaded whole."
            hint = f"{line('download', known)} goes on from there."
        elif self._bytes is None:
            said = f"the export {known} is {printable(self.status or 'unchanged', 40)} and goes on without you."
            command = "download" if self.advisor.destination else "wait"
            hint = f"{line(command, known)} takes it up again."
        else:
            of = f" of {size_text(self._bytes.total)}" if self._bytes.total else ""
            said = f"{size_text(self._bytes.bytes)}{of} of the export {known} are here."
            hint = f"{line('download', known)} goes on from there."
        return CFError(f"Interrupted: {said}", code="cancelled", item_id=known, hint=hint)


class Stopped(Exception):
    """A signal ended it: the exit code, and what to say."""

    def __init__(self, code: int, error: CFError) -> None:
        super().__init__(code)
        self.code, self.error = code, error
