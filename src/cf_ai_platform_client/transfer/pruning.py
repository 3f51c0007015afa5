"""After a complete listing: which files belong to no work item any more, and their removal where it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread

from ..adapters.journal import Journal, Run, StaleFile
from ..adapters.journal_queries import count_stale, forget, forget_fileless, stale_files
from ..adapters.local_store import LocalStore
from ..events import Event, ItemPruned
from ..models import DownloadSummary
from .books import Books
from .ledger import Ledger


async def settle_stale(books: Books, ledger: Ledger, summary: DownloadSummary, emit: Callable[[Event], None]) -> None:
    """Count the stale files into the summary, and delete them where `prune` was asked for.

    Both need a listing that was complete and without filters.
    """
    if books.order.filters.narrows or books.order.since_last or books.order.only_failed or not ledger.complete:
        return
    journal, run = await books.open()
    summary.stale = await anyio.to_thread.run_sync(count_stale, journal, run)
    reason = _why_not_sure(ledger)
    if books.order.prune and summary.stale and reason:
        books.warn(f"Nothing was pruned: {reason}")
    elif books.order.prune and summary.stale:
        pruning = _Pruning(journal, run, books.destination)
        await anyio.to_thread.run_sync(pruning.prune)
        summary.pruned = len(pruning.deleted)
        for item_id, path in pruning.deleted:
            emit(ItemPruned(item_id, path))
        if pruning.altered:
            books.warn(f"{pruning.altered:,} stale files were altered by somebody and are kept.")
    if not reason:
        await anyio.to_thread.run_sync(forget_fileless, journal, run)
    summary.warnings = list(ledger.warnings)


def _why_not_sure(ledger: Ledger) -> str | None:
    if not ledger.listed:
        return "the platform listed no work item at all, which may be a mistake."
    if ledger.fell_short:
        return "the platform listed fewer work items than it counted, or some without an id."
    return None


class _Pruning:
    """Deletes what is still as it was written, in a thread."""

    def __init__(self, journal: Journal, run: Run, destination: str) -> None:
        self._journal, self._run = journal, run
        self._store = LocalStore(destination)
        self.deleted: list[tuple[str, str]] = []
        self.altered = 0

    def prune(self) -> None:
        """Go through all stale files."""
        try:
            for file in stale_files(self._journal, self._run):
                self._prune_one(file)
        finally:
            self._store.close()

    def _prune_one(self, file: StaleFile) -> None:
        found = self._store.state(file.path)
        if found is not None and found != file.state and self._store.sha256(file.path) != file.sha256:
            self.altered += 1
            return
        if found is not None:
            self._store.remove(file.path)
            self.deleted.append((file.item_id, self._store.full_path(file.path)))
        forget(self._journal, self._run, [file])
