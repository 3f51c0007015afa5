"""Documents and assets to files, several at a time in one thread, so that a slow disk does not hold the event loop.

The journal is told of a group of files after they are written and before they get their names.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

import anyio.to_thread

from ..adapters.asset_part import AssetPart
from ..adapters.disk_errors import concerns_one_file
from ..adapters.journal import Journal, Run
from ..adapters.local_store import LocalStore, Staged
from ..adapters.threads import to_the_end
from ..core.coco_bytes import CocoDocument
from ..core.naming import FolderNames
from ..errors import DiskError
from .asset_files import AssetFiles
from .big_files import BigFiles
from .books import Books
from .channel import Channel
from .delivery import Delivery, place_of
from .job import AssetJob, Job
from .ledger import Ledger
from .shelving import make_way, shelve, shelve_unchanged

_QUEUED_BYTES = 64 << 20
_FILES_AT_ONCE = 32
_INLINE_BYTES = 2 << 20
_FAST_GROUP = 0.02
"""Seconds below which a group was written fast: a good disk takes a tenth of it."""
_LINGER = 0.01
"""Seconds in which a group of files gathers: handing each over to the thread alone costs more than writing it."""


def _weight(delivery: Delivery) -> int:
    return delivery.weight


class _Pace:
    """Runs the work of a group in the event loop while the disk is fast, else in a thread.

    The thread fights with the event loop over the interpreter's lock, which costs a seventh of all throughput.
    """

    def __init__(self, monotonic: Callable[[], float], *, durable: bool) -> None:
        self._monotonic = monotonic
        self._durable = durable
        self._is_fast = False

    async def run(self, deliveries: Sequence[Delivery], work: Callable[[], None]) -> None:
        start = self._monotonic()
        if self._is_fast and sum(map(_weight, deliveries)) <= _INLINE_BYTES:
            work()
        else:
            await anyio.to_thread.run_sync(work)
        self._is_fast = not self._durable and self._monotonic() - start < _FAST_GROUP


class Storing:
    """The sink of a download: a file each document and asset, below the destination, in the folders of the books."""

    def __init__(self, ledger: Ledger, books: Books) -> None:
        durable = books.order.durable
        self._store = LocalStore(books.destination, durable=durable)
        self._big = BigFiles(books.destination, durable=durable)
        self._assets = AssetFiles(books.destination, durable=durable)
        self._ledger = ledger
        self._books = books
        self._inbox: Channel[Delivery] = Channel(_QUEUED_BYTES, _weight)
        self._pace = _Pace(books.monotonic, durable=durable)
        ledger.on_asset_ended = self._assets.forget

    @property
    def files(self) -> Storing:
        """What keeps files here."""
        return self

    @property
    def spool_folder(self) -> str:
        """Where a big document may be kept while it arrives."""
        return self._books.folder

    async def take(self, job: Job, document: CocoDocument) -> None:
        """Queue a document to be written; waits while too many bytes are queued."""
        await self._inbox.put(Delivery(job, document.content, document.warnings))

    async def take_file(self, job: Job, file: BinaryIO) -> None:
        """Check and write a big document, and queue it to get its name."""
        self._inbox.put_now(await self._big.stage(job, file, await self._books.folders()))

    async def part(self, job: AssetJob, most: int, what: str) -> AssetPart:
        """Return what came of an asset so far, or nothing yet."""
        return self._assets.part(job, await self._books.folders(), most, what)

    async def take_asset(self, job: AssetJob, part: AssetPart, sha256: bytes) -> None:
        """Queue an asset to be written, or to get its name; waits while too many bytes are queued."""
        if part.content is not None:
            await self._inbox.put(Delivery(job, part.content))
            return
        complete = partial(self._assets.complete, job, part, await self._books.folders())
        staged = await to_the_end(complete)
        part.staged = None
        self._inbox.put_now(Delivery(job, staged=staged, sha256=sha256))

    def keep_part(self, job: AssetJob, part: AssetPart) -> None:
        """Keep what came of an asset for another attempt, where that helps."""
        self._assets.wait(job, part)

    def drop_part(self, part: AssetPart) -> None:
        """Remove what came of an asset."""
        self._assets.discard(part)

    async def disk_failed(self, job: Job, error: DiskError) -> None:
        """Queue the news that the disk did not take a file."""
        self._inbox.put_now(Delivery(job, outcome=error))

    async def unchanged(self, job: Job) -> None:
        """Queue the news that what is on disk is still right."""
        await self._inbox.put(Delivery(job))

    async def serve(self) -> None:
        """Write what is queued, until cancelled; what is being written then is finished."""
        await self._books.list_batches()
        await self._books.is_open.wait()
        folders = await self._books.folders()
        journal, run = await self._books.open()
        while True:
            deliveries = [await self._inbox.get()]
            if len(self._inbox) < _FILES_AT_ONCE and self._ledger.in_flight > len(self._inbox) + 1:
                await self._linger(deliveries)
            while len(deliveries) < _FILES_AT_ONCE and (more := self._inbox.get_now()):
                deliveries.append(more)
            await self._pace.run(deliveries, partial(self._store_all, deliveries, folders, journal, run))
            self._count(deliveries)

    def close(self) -> None:
        """Remove what waits for its name, and let go of the folders."""
        while delivery := self._inbox.get_now():
            if delivery.staged:
                self._big.discard(delivery.staged)
        self._big.close()
        self._assets.close()
        self._store.close()

    async def _linger(self, deliveries: Sequence[Delivery]) -> None:
        try:
            await asyncio.sleep(_LINGER)
        except BaseException:
            for delivery in deliveries:
                self._inbox.put_now(delivery)
            raise

    def _store_all(self, deliveries: Sequence[Delivery], folders: FolderNames, journal: Journal, run: Run) -> None:
        """Set the outcome of each delivery, up to the first error that concerns them all."""
        self._store.look_again()
        self._note_unchanged([delivery for delivery in deliveries if delivery.is_news], journal, run)
        for delivery in deliveries:
            self._stage(delivery, folders)
            if isinstance(delivery.outcome, DiskError) and not concerns_one_file(delivery.outcome):
                break
        self._name([(delivery, delivery.staged) for delivery in deliveries if delivery.staged], journal, run)

    def _stage(self, delivery: Delivery, folders: FolderNames) -> None:
        if delivery.content is None:
            return
        try:
            delivery.staged = self._store.stage(*place_of(delivery.job, folders), delivery.content)
            delivery.sha256 = hashlib.sha256(delivery.content).digest()
        except DiskError as error:
            delivery.outcome = error

    def _name(self, staged: Sequence[tuple[Delivery, Staged]], journal: Journal, run: Run) -> None:
        try:
            make_way(journal, run, self._store, staged)
            shelve(journal, run, staged, self._books.now)
        except DiskError as error:
            for _, file in staged:
                self._store.discard(file)
            for delivery, _ in staged[:1]:
                delivery.outcome = error  # the others are as good as not attempted
            return
        for delivery, file in staged:
            try:
                self._store.publish(file)
                delivery.outcome = file.path
            except DiskError as error:
                delivery.outcome = error
        self._store.sync()

    def _note_unchanged(self, deliveries: Sequence[Delivery], journal: Journal, run: Run) -> None:
        shelve_unchanged(journal, run, deliveries, self._books.now)
        for delivery in deliveries:
            entry = delivery.job.entry
            delivery.outcome = self._store.full_path(entry.path) if entry and entry.path else None

    def _count(self, deliveries: Sequence[Delivery]) -> None:
        fatal: DiskError | None = None
        for delivery in deliveries:
            outcome, staged = delivery.outcome, delivery.staged
            if isinstance(outcome, DiskError):
                self._ledger.count_failed(delivery.job, outcome)
                fatal = fatal or (None if concerns_one_file(outcome) else outcome)
            elif outcome is not None and staged is None:
                self._ledger.count_skipped(delivery.job, outcome)
            elif outcome is not None and staged is not None:
                self._ledger.count_stored(delivery.job, outcome, staged.state.size, delivery.warnings)
        if fatal is not None:
            raise fatal
