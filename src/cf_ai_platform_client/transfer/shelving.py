"""What the journal is told of a group of files: of documents, and of assets."""

from __future__ import annotations

from collections.abc import Sequence

from ..adapters.journal import Journal, Run
from ..adapters.journal_assets import record_assets, record_assets_unchanged
from ..adapters.local_store import Staged
from ..core.planning import FileState, Version
from .delivery import Delivery, stored_file, version_of


def shelve(journal: Journal, run: Run, staged: Sequence[tuple[Delivery, Staged]], now: float) -> None:
    """Write down files that are about to get their names. Raises DiskError."""
    documents = [stored_file(delivery, file) for delivery, file in staged if delivery.job.kind == "document"]
    if documents or not staged:
        journal.record(run, documents, now)
    if len(documents) < len(staged):
        assets = [stored_file(delivery, file) for delivery, file in staged if delivery.job.kind == "asset"]
        record_assets(journal, run, assets, now)


def shelve_unchanged(journal: Journal, run: Run, deliveries: Sequence[Delivery], now: float) -> None:
    """Write down that the storage called files unchanged. Raises DiskError."""
    if documents := _versions(deliveries, "document"):
        journal.record_unchanged(run, documents, now)
    if assets := _versions(deliveries, "asset"):
        record_assets_unchanged(journal, run, assets, now)


def _versions(deliveries: Sequence[Delivery], kind: str) -> list[tuple[str, Version, FileState]]:
    known = [(delivery.job, delivery.job.entry) for delivery in deliveries if delivery.job.kind == kind]
    return [
        (job.item.id, version_of(job, entry.version.etag), entry.state) for job, entry in known if entry and entry.state
    ]
