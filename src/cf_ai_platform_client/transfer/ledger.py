"""What became of each work item: lets the listing in, counts, and makes the summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..core.arguments import ResultsKept
from ..errors import CFError, ErrorCode
from ..events import Event, ItemFailed, ItemSkipped, ItemStored, ListingFinished
from ..models import DownloadResult, DownloadSummary, WorkItem
from .calls import describe
from .job import Job

WINDOW = 1000
"""Work items between listing and end at any time: memory does not depend on the project's size."""


class _Row(NamedTuple):
    """A result as a tuple of plain values, which the garbage collector need not look at."""

    order: int
    item_id: str
    batch_id: int | None
    success: bool
    skipped: bool
    path: str | None
    error: str | None
    code: ErrorCode | None
    warnings: tuple[str, ...]


class Ledger:
    """Every listed item ends in exactly one of stored, skipped, failed and not attempted."""

    def __init__(self, results: ResultsKept, emit: Callable[[Event], None]) -> None:
        self._keep = results
        self._emit = emit
        self._results: list[_Row] = []
        self._room = asyncio.Event()
        self._room.set()
        self._listing = True
        self.done = asyncio.Event()
        self.on_failed: Callable[[Job, CFError], None] | None = None
        self.on_stop: Callable[[], None] | None = None
        self.unread: Callable[[], int] = int
        self.ended_by: CFError | None = None
        self.stopping = False
        self.complete = self.counted = self.fell_short = self.had_malformed = False
        self.listed = self.stored = self.skipped = self.failed = self.not_attempted = self.bytes = 0
        self._on_their_way: dict[int, Job] = {}
        self.warnings: list[str] = []

    @property
    def in_flight(self) -> int:
        """How many items are between listing and end."""
        return len(self._on_their_way)

    @property
    def listing(self) -> bool:
        """Whether more items may come."""
        return self._listing

    async def admit(self, item: WorkItem) -> Job:
        """Count a listed item and let it in once there is room."""
        while not self._has_room():
            self._room.clear()
            await self._room.wait()
        job = self._on_their_way[self.listed] = Job(self.listed, item)
        self.listed += 1
        return job

    def listing_ended(self) -> None:
        """No more items come."""
        self._listing = False
        self._emit(ListingFinished(self.listed))
        self._settle()

    def end_with(self, error: CFError) -> None:
        """Finish what was listed, then raise this error."""
        self.ended_by = self.ended_by or error

    def stop(self, error: CFError) -> None:
        """Let the documents on their way arrive, start nothing new, then raise this error."""
        self.end_with(error)
        if not self.stopping:
            self.stopping = True
            if self.on_stop is not None:
                self.on_stop()

    def count_stored(self, job: Job, path: str, size: int, warnings: tuple[str, ...]) -> None:
        """An item is on disk."""
        del self._on_their_way[job.index]
        self.stored += 1
        self.bytes += size
        if self._keep == "all":
            self._record(job, path=path, warnings=warnings)
        self._emit(ItemStored(job.item.id, path, size))
        self._settle()

    def count_skipped(self, job: Job, path: str) -> None:
        """An item is on disk already."""
        del self._on_their_way[job.index]
        self.skipped += 1
        if self._keep == "all":
            self._record(job, path=path, skipped=True)
        self._emit(ItemSkipped(job.item.id, path))
        self._settle()

    def count_failed(self, job: Job, error: CFError) -> None:
        """An item failed for good."""
        del self._on_their_way[job.index]
        self.failed += 1
        if self._keep != "none":
            self._record(job, error=describe(error), code=error.code)
        if self.on_failed is not None:
            self.on_failed(job, error)
        self._emit(ItemFailed(job.item.id, error.code, describe(error)))
        self._settle()

    def count_not_attempted(self, job: Job) -> None:
        """An item was listed when the run was already ending."""
        del self._on_their_way[job.index]
        self.not_attempted += 1
        if self._keep != "none":
            self._record(job, error="Not attempted: the run ended before.", code="not_attempted")
        self._settle()

    def summary(self, elapsed: float) -> DownloadSummary:
        """Say what was done; items still on their way count as not attempted."""
        for job in list(self._on_their_way.values()):
            self.count_not_attempted(job)
        return DownloadSummary(
            total_items=self.listed,
            successful=self.stored + self.skipped,
            failed=self.failed,
            results=[_result(row) for row in sorted(self._results, key=_listed_as)],
            not_attempted=self.not_attempted,
            skipped=self.skipped,
            warnings=list(self.warnings),
            bytes=self.bytes,
            elapsed=elapsed,
        )

    def _record(
        self,
        job: Job,
        *,
        path: str | None = None,
        error: str | None = None,
        code: ErrorCode | None = None,
        warnings: tuple[str, ...] = (),
        skipped: bool = False,
    ) -> None:
        row = _Row(job.index, job.item.id, job.item.batch_id, error is None, skipped, path, error, code, warnings)
        self._results.append(row)

    def make_room(self) -> None:
        """Let the listing go on if there is room."""
        if self._has_room():
            self._room.set()

    def _has_room(self) -> bool:
        return self.in_flight + self.unread() < WINDOW

    def _settle(self) -> None:
        self.make_room()
        if not self._listing and not self.in_flight:
            self.done.set()


def _listed_as(row: _Row) -> int:
    return row.order


def _result(row: _Row) -> DownloadResult:
    fields: dict[str, Any] = {
        "item_id": row.item_id,
        "batch_id": row.batch_id,
        "success": row.success,
        "skipped": row.skipped,
        "file_path": row.path,
        "error": row.error,
        "error_code": row.code,
        "warnings": list(row.warnings),
    }
    try:
        return DownloadResult.model_validate(fields)  # twice as fast as what follows
    except ValidationError:  # a path that is no unicode
        return DownloadResult.model_construct(**fields)
