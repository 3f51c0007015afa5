"""After a complete listing: which files belong to no work item any more, and their removal where it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import anyio.to_thread

from ..adapters.journal import Journal, Run, StaleFile
from ..adapters.journal_stale import (
    forget,
    forget_fileless,
    is_anothers,
    note_gone,
    note_gone_failures,
    paths_indexed,
    stale_files,
    unnoted_failures,
    unnoted_files,
    was_alone,
)
from ..adapters.local_store import LocalStore
from ..core.planning import FileState
from ..events import Event, ItemPruned
from ..models import DownloadSummary
from .books import Books
from .ledger import Ledger

_UNNOTED = "from a platform that an older version did not note"


async def settle_stale(books: Books, ledger: Ledger, summary: DownloadSummary, emit: Callable[[Event], None]) -> None:
    """Note what left the project, count the stale files into the summary, and delete them where `prune` was asked for.

    Stale files are known after a listing that was complete and without filters only.
    """
    order = books.order
    if set(order.filters.named) - {"status"} or not ledger.complete:
        return
    if not books.is_there:  # an empty project, and nothing here before
        return
    journal, run = await books.open()
    if await anyio.to_thread.run_sync(was_alone, journal, run):
        asked_for_some = order.only_failed or order.since_last
        if not ledger.fell_short and (ledger.listed or asked_for_some):
            await _settle_failures(books, journal, run)
        if not asked_for_some and not order.filters.narrows:
            await _settle_files(books, ledger, summary, emit)
    elif order.prune:
        books.warn("Nothing was pruned: another run of the project was active on this destination.")
    summary.warnings = list(ledger.warnings)


async def _settle_failures(books: Books, journal: Journal, run: Run) -> None:
    gone = await anyio.to_thread.run_sync(partial(note_gone_failures, journal, run, assets=books.order.assets))
    if gone:
        books.warn(f"{gone:,} work items that failed before are not in the project any more, or have another status.")
    unnoted = await anyio.to_thread.run_sync(unnoted_failures, journal, run)
    if unnoted:
        books.warn(
            f"{unnoted:,} work items that failed before came {_UNNOTED} and are not listed here:"
            " they still count as failed."
        )


async def _settle_files(books: Books, ledger: Ledger, summary: DownloadSummary, emit: Callable[[Event], None]) -> None:
    journal, run = await books.open()
    reason = _why_not_sure(ledger)
    stale = _StaleFiles(journal, run, books.destination, prune=books.order.prune, sure=not reason)
    try:
        await anyio.to_thread.run_sync(stale.go_through)
    finally:
        summary.stale, summary.pruned = stale.count, len(stale.deleted)
        for item_id, path in stale.deleted:
            emit(ItemPruned(item_id, path))
    if books.order.prune and summary.stale and reason:
        books.warn(f"Nothing was pruned: {reason}")
    if stale.altered:
        books.warn(f"{stale.altered:,} stale files were altered by somebody and are kept.")
    if stale.unnoted and not reason:
        books.warn(
            f"{stale.unnoted:,} files that are here came {_UNNOTED}, and their work items are not listed here:"
            " kept; delete what you do not need yourself."
        )
    if not reason:
        await anyio.to_thread.run_sync(forget_fileless, journal, run)
    if ledger.listed and not ledger.fell_short:
        await anyio.to_thread.run_sync(note_gone, journal, run)


def _why_not_sure(ledger: Ledger) -> str | None:
    if not ledger.listed:
        return "the platform listed no work item at all, which may be a mistake."
    if ledger.fell_short:
        return "the platform listed fewer work items than it counted, or some without an id."
    if not ledger.counted:
        return "the platform did not say how many work items there are, so nobody knows whether these were all."
    return None


class _StaleFiles:
    """Counts those that are on the disk, and with `prune` deletes what is still as it was written; for a thread.

    Where that is `sure`: else nothing is deleted, nor forgotten.
    """

    def __init__(self, journal: Journal, run: Run, destination: str, *, prune: bool, sure: bool) -> None:
        self._journal, self._run, self._prune, self._sure = journal, run, prune and sure, sure
        self._store = LocalStore(destination)
        self.deleted: list[tuple[str, str]] = []
        self.count = self.altered = self.unnoted = 0

    def go_through(self) -> None:
        """Go through all of them."""
        try:
            with paths_indexed(self._journal) if self._prune else nullcontext():
                for file in stale_files(self._journal, self._run):
                    found = self._store.state(file.path)
                    self.count += found is not None
                    if self._prune:
                        self._prune_one(file, found)
                    elif self._sure and found is None:
                        forget(self._journal, self._run, [file])
            if self._sure:
                self._count_unnoted()
        finally:
            self._store.close()

    def _count_unnoted(self) -> None:
        for file in unnoted_files(self._journal, self._run):
            if self._store.state(file.path) is not None:
                self.unnoted += 1
            else:
                forget(self._journal, self._run, [file])

    def _prune_one(self, file: StaleFile, found: FileState | None) -> None:
        if found is not None and found != file.state and self._store.sha256(file.path) != file.sha256:
            self.altered += 1
            return
        if found is not None and not is_anothers(self._journal, file):
            self._store.remove(file.path)
            self.deleted.append((file.item_id, self._store.full_path(file.path)))
        forget(self._journal, self._run, [file])
