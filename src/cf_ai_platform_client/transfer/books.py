"""The journal of one download: opened with the platform's first good answer, closed with how the run ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

import anyio
import anyio.to_thread

from ..adapters.journal import Journal, Outcome, Run
from ..adapters.journal_asset_queries import failed_assets
from ..adapters.journal_assets import note_asset_failed
from ..adapters.journal_file import JournalBusy, journal_path
from ..adapters.journal_queries import failures, last_complete
from ..core.arguments import MAX_IDS, Filters
from ..core.naming import FolderNames, batch_key, name_folders
from ..core.planning import Place, since
from ..core.redaction import printable
from ..errors import CFError, DiskError
from ..events import Warned
from ..models import Batch
from .calls import Calls, describe
from .job import Job
from .ledger import Ledger
from .listing import as_listing_failure, list_batches
from .order import Order

_PATIENCE = 10.0
_POLL = 0.25


class Books:
    """Opens the journal when it is needed first; `journal` and `run` are there from then on."""

    def __init__(self, calls: Calls, order: Order, ledger: Ledger, destination: str) -> None:
        self.destination = destination
        self.folder = str(journal_path(destination).parent)
        self.order = order
        self.rerun = order.rerun
        self.newest: str | None = None
        self._calls = calls
        self._ledger = ledger
        self._opening, self._naming = asyncio.Lock(), asyncio.Lock()
        self._folders: FolderNames | None = None
        self._batches: Sequence[Batch] | None = None
        self.is_open = asyncio.Event()
        self._opened: tuple[Journal, Run] | None = None
        self._beginning: asyncio.Future[tuple[Journal, Run]] | None = None
        self._give_up: float | None = None
        self._told_of_origin = False
        ledger.on_failed = self._failed

    @property
    def now(self) -> float:
        """The Unix time in seconds."""
        return self._calls.runtime.wall()

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set."""
        return self._calls.runtime.monotonic()

    @property
    def is_there(self) -> bool:
        """Whether there is a journal already: for an empty project none is made, nor its destination."""
        return self._opened is not None or os.path.lexists(journal_path(self.destination))

    async def open(self) -> tuple[Journal, Run]:
        """Open the journal, once. Raises DiskError, also where another process keeps it."""
        async with self._opening:
            if self._opened is None:
                self._opened = await self._wait_for_journal()
                self.is_open.set()
                journal, _ = self._opened
                if journal.damaged:
                    self.warn(
                        "The journal of the destination was damaged and is made anew, so every work item is fetched"
                        f" again; the damaged one is {journal.damaged}."
                    )
            return self._opened

    async def listings(self) -> AsyncIterator[Filters]:
        """Yield the filters of each listing: those of the order, or what a rerun needs."""
        order = self.order
        if not order.only_failed and not order.since_last:
            yield order.filters
            return
        journal, run = await self.open()
        if order.since_last:
            whose = order.project_id, order.space_id, order.filters.status, order.base_url
            last = last_complete(journal, *whose, assets=order.assets)
            self.newest = last[1] if last else None
            yield replace(order.filters, updated_at_from=since(*last)) if last else order.filters
            if last is None:
                return
        some: list[str] = []
        for item_id in self._failed_before(journal, run):
            some.append(item_id)
            if len(some) == MAX_IDS:
                yield replace(order.filters, work_item_ids=tuple(some))
                some = []
        if some:
            yield replace(order.filters, work_item_ids=tuple(some))

    def _failed_before(self, journal: Journal, run: Run) -> Iterator[str]:
        failed = (failure.item_id for failure in failures(journal, self.order.project_id, like=run))
        if not self.order.assets:
            return failed
        assets = (failure.item_id for failure in failed_assets(journal, self.order.project_id, like=run))
        return chain(failed, assets)

    async def folders(self) -> FolderNames:
        """List the batches, once, and name the folder of each; those of earlier runs stay."""
        await self.list_batches()
        async with self._naming:
            if self._folders is None:
                self._folders = await self._name_folders(self._batches or [])
            return self._folders

    async def list_batches(self) -> None:
        """List the batches, once; nothing is made on the disk for it."""
        async with self._naming:
            if self._batches is None:
                try:
                    self._batches = await list_batches(self._calls, self.order.project_id)
                except CFError as error:
                    as_listing_failure(error)
                    raise

    @property
    def destination_is_lost(self) -> bool:
        """Whether the destination was moved or removed since the journal was opened."""
        return self._opened is not None and not self._opened[0].is_destination_there

    def check_in_place(self) -> None:
        """Raise DiskError where the journal, which may be open, was moved or removed."""
        if self._opened is not None:
            self._opened[0].check_in_place()

    def warn(self, message: str) -> None:
        """Say in the summary and as an event what the user should know."""
        self._ledger.warnings.append(message)
        self._calls.emit(Warned(message))

    def warn_of_origin(self, origin: Place) -> None:
        """Say, once, that files came from elsewhere and are fetched again."""
        if self._told_of_origin or origin.base_url is None:
            return
        self._told_of_origin = True
        before, here = origin.base_url, self.order.base_url or ""
        if before == here:
            before, here = f"the space {origin.space_id}", self.order.space_id
        self.warn(
            f"Files that are here came from {printable(before)}, this run is for {printable(here)}:"
            " they are fetched again."
        )

    async def settle(self) -> None:
        """Wait for a journal that a cancelled run was about to open: it is to be closed, too."""
        if self._opened is None and self._beginning is not None:
            with suppress(JournalBusy, DiskError), anyio.CancelScope(shield=True):
                self._opened = await self._beginning

    def close(self, outcome: str) -> None:
        """Note how the run ended, and let go of the journal."""
        if self._opened is None:
            return
        journal, run = self._opened
        ledger, filters = self._ledger, self.order.filters
        left = ledger.not_attempted + (ledger.assets.not_attempted if ledger.assets else 0)
        complete = ledger.complete and not left and outcome == "finished" and not self.order.only_failed
        whole = not set(filters.named) - {"status"} and not ledger.had_malformed  # of those no journal knows
        end = Outcome(
            outcome,
            complete and whole,
            self.newest,
            ledger.listed,
            ledger.stored,
            ledger.skipped,
            ledger.failed,
            ledger.not_attempted,
            ledger.bytes,
        )
        with suppress(DiskError):  # what is on disk is right without it
            journal.end_run(run, end, self.now)
        journal.close()

    async def _name_folders(self, batches: Sequence[Batch]) -> FolderNames:
        journal, run = await self.open()
        pinned = journal.folders(run)
        folders = name_folders(
            ((batch.id, batch.name) for batch in batches), {batch: folder for batch, (folder, _) in pinned.items()}
        )
        self._warn_of_renamed({batch_key(batch.id): batch.name for batch in batches}, pinned)
        rows = [(batch_key(batch.id), folders.folder(batch.id), batch.name) for batch in batches]
        journal.pin_folders(run, [*rows, (batch_key(None), folders.folder(None), "")])
        return folders

    def _failed(self, job: Job, error: CFError) -> None:
        if self._opened is not None and job.item.id:
            journal, run = self._opened
            if job.kind == "asset":
                batch = batch_key(job.item.batch_id)
                note_asset_failed(journal, run, job.item.id, batch, error.code, describe(error), self.now)
            else:
                journal.note_failed(run, job.item.id, error.code, describe(error), self.now)

    def _begin(self) -> tuple[Journal, Run]:
        journal, order = Journal.open(self.destination, durable=self.order.durable), self.order
        try:
            whose = order.project_id, order.space_id, order.filters.status
            run = journal.begin_run(*whose, self.now, base_url=order.base_url, assets=order.assets)
            return journal, run
        except BaseException:
            journal.close()
            raise

    async def _wait_for_journal(self) -> tuple[Journal, Run]:
        runtime = self._calls.runtime
        while True:
            try:
                self._beginning = asyncio.ensure_future(anyio.to_thread.run_sync(self._begin))
                return await asyncio.shield(self._beginning)
            except JournalBusy as error:
                what = "process is reading the journal of" if error.only_read else "run is writing to"
                busy = f"Another {what} {self.destination}"
                if self._give_up is None:
                    self._give_up = runtime.monotonic() + _PATIENCE
                    self._calls.emit(Warned(f"{busy}: waiting for it to end.", passing=True))
                elif runtime.monotonic() >= self._give_up:
                    raise DiskError(
                        f"{busy}.",
                        code="disk_error",
                        hint="Wait until it has ended, or choose another destination.",
                    ) from error
            await runtime.sleep(_POLL)

    def _warn_of_renamed(self, names: dict[str, str], pinned: dict[str, tuple[str, str]]) -> None:
        renamed = [batch for batch, name in names.items() if batch in pinned and pinned[batch][1] not in {name, ""}]
        if renamed:
            folder, old = pinned[renamed[0]]
            more = f", and {len(renamed) - 1} more likewise" if len(renamed) > 1 else ""
            self.warn(
                f'Batch {renamed[0]} is called "{printable(names[renamed[0]])}" here and was'
                f' "{printable(old)}" in an earlier run: its files stay in the folder {folder}{more}.'
            )
