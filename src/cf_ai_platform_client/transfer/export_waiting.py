"""Waiting until an export is done."""

from __future__ import annotations

from ..core.exports import is_finished, poll_pause
from ..core.redaction import printable
from ..errors import CFError, ExportTimeoutError
from ..events import ExportStatusChanged, RetryScheduled
from ..models import ExportResponse
from .calls import ATTEMPTS_TO_REACH, Calls, describe
from .exporting import get_export_once


class Waiting:
    """Asks how an export is until it is done, or until `timeout` seconds have passed and one more question was asked.

    Questions that fail in a way that can pass are tolerated once the platform has answered at all.
    """

    def __init__(self, calls: Calls, space_id: str, export_id: str, poll_interval: float, timeout: float) -> None:
        self._calls, self._space_id, self._export_id = calls, space_id, export_id
        self._poll_interval, self._timeout = poll_interval, timeout
        self._started, self._polls = 0.0, 0
        self._status: str | None = None
        self._failure: CFError | None = None

    async def done(self) -> ExportResponse:
        """Return the export, COMPLETED or FAILED. Raises ExportTimeoutError and what cannot pass."""
        self._started = self._calls.runtime.monotonic()
        while True:
            self._polls += 1
            export = await self._ask()
            if export is not None and is_finished(export):
                return export
            await self._pause()

    async def _ask(self) -> ExportResponse | None:
        try:
            export = await get_export_once(self._calls, self._space_id, self._export_id)
        except CFError as error:
            self._tolerate(error)
            return None
        self._failure = None
        if export.status.value != self._status:
            self._status = export.status.value
            self._calls.emit(ExportStatusChanged(self._export_id, export.status.value, self._elapsed()))
        return export

    def _tolerate(self, error: CFError) -> None:
        answered = self._status is not None or error.status is not None
        if not error.retryable or not (answered or self._polls < ATTEMPTS_TO_REACH):
            raise error
        self._failure = error

    async def _pause(self) -> None:
        left = self._timeout - self._elapsed()
        closed = self._calls.closed_for()
        pause = max(poll_pause(self._poll_interval, self._polls), closed)
        if left > 0:
            pause = min(pause, left)
            if self._failure is not None:
                attempt = self._polls + 1
                self._calls.emit(RetryScheduled("export", attempt, pause, self._failure.code, self._export_id))
            await self._calls.runtime.sleep(pause)
        if left <= 0 or closed > left:
            raise self._too_late() from self._failure

    def _elapsed(self) -> float:
        return self._calls.runtime.monotonic() - self._started

    def _too_late(self) -> ExportTimeoutError:
        status, failure = self._status, self._failure
        how = f"is still {printable(status)}" if status else "has an unknown status"
        then = f"; the last question failed: {describe(failure)}" if failure else "."
        return ExportTimeoutError(
            f"The export {self._export_id} {how} after {self._elapsed():.0f} seconds{then}",
            code="timeout",
            item_id=self._export_id,
            hint="It goes on without you: wait for it again, with a longer timeout.",
        )
