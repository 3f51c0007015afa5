"""What became of each work item: lets the listing in, counts, and makes the summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..core.arguments import ResultsKept
from ..errors import CFError, ErrorCode
from ..events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    Event,
    ItemFailed,
    ItemSkipped,
    ItemStored,
    ListingFinished,
)
from ..models import AssetSummary, DownloadSummary, WorkItem
from .calls import describe
from .job import AssetJob, Job
from .results import Results, Row, row_of

WINDOW = 1000
"""Work items between listing and end at any time: memory does not depend on the project's size."""

_NOT_ATTEMPTED = "Not attempted: the run ended before."


class Ledger:
    """Every listed item ends in exactly one of stored, skipped, failed and not attempted.

    Where assets are wanted, an item stays on its way until its asset has ended in one of these too, or is missing:
    `begin_asset` is called with its job once the document has ended.
    """

    def __init__(self, results: ResultsKept, emit: Callable[[Event], None]) -> None:
        self._results = Results(results)
        self._emit = emit
        self._room = asyncio.Event()
        self._room.set()
        self._listing = True
        self.done = asyncio.Event()
        self.on_failed: Callable[[Job, CFError], None] | None = None
        self.on_stop: Callable[[], None] | None = None
        self.begin_asset: Callable[[AssetJob], None] | None = None
        self.on_asset_ended: Callable[[AssetJob], None] | None = None
        self.unread: Callable[[], int] = int
        self.ended_by: CFError | None = None
        self.stopping = False
        self.complete = self.counted = self.fell_short = self.had_malformed = False
        self.listed = self.stored = self.skipped = self.failed = self.not_attempted = self.bytes = 0
        self.assets: AssetSummary | None = None
        self._on_their_way: dict[int, Job] = {}
        self._rows: dict[int, Row] = {}
        self.warnings: list[str] = []

    @property
    def in_flight(self) -> int:
        """How many items are between listing and end."""
        return len(self._on_their_way)

    @property
    def documents(self) -> int:
        """How many documents are."""
        return self.listed - self.stored - self.skipped - self.failed - self.not_attempted

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
        """A document or an asset is on disk."""
        if isinstance(job, AssetJob):
            counts = self._counts
            counts.successful += 1
            counts.bytes += size
            self._end_asset(job, AssetStored(job.item.id, path, size), path=path)
            return
        self.stored += 1
        self.bytes += size
        row = row_of(job, path=path, warnings=warnings) if self._keeps(job) else None
        self._end(job, row, ItemStored(job.item.id, path, size))

    def count_skipped(self, job: Job, path: str) -> None:
        """A document or an asset is on disk already."""
        if isinstance(job, AssetJob):
            self._counts.successful += 1
            self._counts.skipped += 1
            self._end_asset(job, AssetSkipped(job.item.id, path), path=path)
            return
        self.skipped += 1
        row = row_of(job, path=path, skipped=True) if self._keeps(job) else None
        self._end(job, row, ItemSkipped(job.item.id, path))

    def count_failed(self, job: Job, error: CFError) -> None:
        """A document or an asset failed for good."""
        said = describe(error)
        if self.on_failed is not None:
            self.on_failed(job, error)
        if isinstance(job, AssetJob):
            self._counts.failed += 1
            event = AssetFailed(job.item.id, error.code, said)
            self._end_asset(job, event, error=said, code=error.code)
            return
        self.failed += 1
        self._end(job, row_of(job, error=said, code=error.code), ItemFailed(job.item.id, error.code, said))

    def count_not_attempted(self, job: Job) -> None:
        """An item was listed when the run was already ending, or its asset was not begun then."""
        if isinstance(job, AssetJob):
            self._counts.not_attempted += 1
            self._end_asset(job, None, error=_NOT_ATTEMPTED, code="not_attempted")
            return
        self.not_attempted += 1
        self._end(job, row_of(job, error=_NOT_ATTEMPTED, code="not_attempted"), None)

    def count_missing(self, job: AssetJob) -> None:
        """A work item names no asset."""
        self._counts.missing += 1
        self._end_asset(job, AssetMissing(job.item.id))

    def summary(self, elapsed: float) -> DownloadSummary:
        """Say what was done; items still on their way count as not attempted."""
        self.begin_asset = self.count_not_attempted if self.begin_asset is not None else None
        for job in list(self._on_their_way.values()):
            self.count_not_attempted(job)
        return DownloadSummary(
            total_items=self.listed,
            successful=self.stored + self.skipped,
            failed=self.failed,
            results=self._results.in_order(),
            not_attempted=self.not_attempted,
            skipped=self.skipped,
            warnings=list(self.warnings),
            bytes=self.bytes,
            elapsed=elapsed,
            assets=self.assets,
        )

    def make_room(self) -> None:
        """Let the listing go on if there is room."""
        if self._has_room():
            self._room.set()

    @property
    def _counts(self) -> AssetSummary:
        if self.assets is None:
            self.assets = AssetSummary()
        return self.assets

    def _keeps(self, job: Job) -> bool:
        """Whether the result of a document that is here is asked for, or may be once its asset has ended."""
        return job.asset is not None or self._results.wants(failed=False)

    def _end(self, job: Job, row: Row | None, event: Event | None) -> None:
        """Keep the result of a document; its asset, where it is wanted, takes its place on the way."""
        begin, asset = self.begin_asset, None
        if job.asset is None or begin is None or row is None:
            del self._on_their_way[job.index]
            if row is not None:
                self._results.add(row)
        else:
            asset = self._on_their_way[job.index] = AssetJob.after(job, row.path)
            self._rows[job.index] = row
        if event is not None:
            self._emit(event)
        if asset is not None and begin is not None:
            begin(asset)
        self._settle()

    def _end_asset(
        self,
        job: AssetJob,
        event: Event | None,
        *,
        path: str | None = None,
        error: str | None = None,
        code: ErrorCode | None = None,
    ) -> None:
        del self._on_their_way[job.index]
        row = self._rows.pop(job.index)
        self._results.add(row._replace(asset_path=path, asset_error=error, asset_code=code))
        if self.on_asset_ended is not None:
            self.on_asset_ended(job)
        if event is not None:
            self._emit(event)
        self._settle()

    def _has_room(self) -> bool:
        return self.in_flight + self.unread() < WINDOW

    def _settle(self) -> None:
        self.make_room()
        if not self._listing and not self.in_flight:
            self.done.set()
