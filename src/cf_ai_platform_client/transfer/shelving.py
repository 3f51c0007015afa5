"""What the journal is told of a group of files: of documents, and of assets."""

from __future__ import annotations

from collections.abc import Sequence

from ..adapters.journal import Journal, Run
from ..adapters.journal_assets import known_assets, record_assets, record_assets_unchanged, rename_asset
from ..adapters.local_store import LocalStore, Staged
from ..core.naming import asset_file_name
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


def make_way(journal: Journal, run: Run, store: LocalStore, staged: Sequence[tuple[Delivery, Staged]]) -> None:
    """Give assets other names whose own go to documents that were of another kind before. Raises DiskError."""
    for delivery, file in staged:
        if delivery.job.kind == "asset" or file.name.endswith(".json"):  # which no asset is called
            continue
        item_id, path = delivery.job.item.id, f"{file.folder}/{file.name}"
        asset = known_assets(journal, run, [item_id]).get(item_id)
        if asset is not None and asset.path == path and store.state(path) == asset.state:
            dot_extension = file.name[file.name.rindex(".") :]
            name = asset_file_name(item_id, dot_extension, dot_extension)
            store.rename(path, name)
            rename_asset(journal, run, item_id, f"{file.folder}/{name}")


def _versions(deliveries: Sequence[Delivery], kind: str) -> list[tuple[str, Version, FileState]]:
    known = [(delivery.job, delivery.job.entry) for delivery in deliveries if delivery.job.kind == kind]
    return [
        (job.item.id, version_of(job, entry.version.etag), entry.state) for job, entry in known if entry and entry.state
    ]
