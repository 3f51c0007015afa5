"""The plan of a download: each listed item against the journal and the disk, a page at a time, in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import anyio.to_thread
from msgspec.structs import replace

from ..adapters.journal import Journal, Run
from ..adapters.journal_assets import forget_failures, known_assets, record_assets_unchanged
from ..adapters.local_store import LocalStore
from ..core.arguments import Filters
from ..core.manifest import ManifestPage
from ..core.naming import batch_key
from ..core.planning import Entry, FileState, Place, Verdict, Version, kept, newest, plan, plan_asset
from ..errors import ItemError
from ..models import WorkItem
from .books import Books
from .job import AssetPlan
from .planning import Planned, PlannedPage

_AT_ONCE = 500


class Comparing:
    """Plans against the books."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._store = LocalStore(books.destination)
        self._touched: list[tuple[str, Version, FileState]] = []
        self._touched_assets: list[tuple[str, Version, FileState]] = []
        self._nameless: list[str] = []
        self._origin: Place | None = None

    def listings(self) -> AsyncIterator[Filters]:
        """Yield the filters of each listing that is to be made."""
        return self._books.listings()

    async def plan(self, page: ManifestPage) -> PlannedPage:
        """Leave out what was listed before in this run and say what to do with the rest."""
        if not page.items and not self._books.is_there:
            return PlannedPage([], page.total, page.meta)
        journal, run = await self._books.open()
        items = await anyio.to_thread.run_sync(self._plan_all, page.items, journal, run)
        if self._origin is not None:
            self._books.warn_of_origin(self._origin)
        return PlannedPage(items, page.total, page.meta)

    def close(self) -> None:
        """Let go of the folders."""
        self._store.close()

    def _plan_all(self, items: Sequence[WorkItem | ItemError], journal: Journal, run: Run) -> list[Planned]:
        self._store.look_again()
        planned: list[Planned] = []
        for start in range(0, len(items), _AT_ONCE):
            planned += self._plan_some(items[start : start + _AT_ONCE], journal, run)
        if self._touched:
            journal.record_unchanged(run, self._touched, self._books.now, as_asked=False)
            self._touched.clear()
        if self._touched_assets:
            record_assets_unchanged(journal, run, self._touched_assets, self._books.now, as_asked=False)
            self._touched_assets.clear()
        if self._nameless:
            forget_failures(journal, run, self._nameless)
            self._nameless.clear()
        return planned

    def _plan_some(self, items: Sequence[WorkItem | ItemError], journal: Journal, run: Run) -> list[Planned]:
        well_formed = [item for item in items if not isinstance(item, ItemError)]
        batches = {item.id: batch_key(item.batch_id) for item in well_formed}
        known = journal.list_items(run, batches, self._books.now)
        self._books.newest = newest([kept(item.updated_at) for item in well_formed], self._books.newest)
        order = self._books.order
        assets = known_assets(journal, run, list(known)) if order.assets else None
        planned: list[Planned] = []
        for item in items:
            if isinstance(item, ItemError):
                planned.append(Planned(item))
            elif item.id in known:
                verdict, entry, path = self._compared(item, known.pop(item.id), plan, self._touched)
                asset = None if assets is None else self._plan_asset(item, assets.get(item.id))
                planned.append(Planned(item, verdict, entry, path, asset))
        return planned

    def _plan_asset(self, item: WorkItem, entry: Entry | None) -> AssetPlan | None:
        if self._books.order.only_failed and not (entry and entry.failed):
            return None
        if not item.asset_url:
            if entry is not None and entry.failed:
                self._nameless.append(item.id)
            return AssetPlan("none", entry)
        return AssetPlan(*self._compared(item, entry, plan_asset, self._touched_assets))

    def _compared(
        self,
        item: WorkItem,
        entry: Entry | None,
        plan: Callable[..., Verdict],
        touched: list[tuple[str, Version, FileState]],
    ) -> tuple[Verdict, Entry | None, str]:
        """Return what is to become of a file, what is known of it, and, where it is to stay, its path."""
        path = entry.path if entry else None
        if entry is None or path is None:
            return "fetch", entry, ""
        if entry.origin is not None:
            self._origin = entry.origin
        how = self._books.rerun
        found = self._store.state(path)
        verdict = plan(item, entry, found, how)
        if verdict == "hash" and found is not None:
            same_bytes = self._store.sha256(path) == entry.sha256
            verdict = plan(item, entry, found, how, same_bytes=same_bytes)
            if same_bytes:
                entry = replace(entry, state=found)
                touched.append((item.id, entry.version, found))
        return verdict, entry, self._store.full_path(path) if verdict == "skip" else ""
