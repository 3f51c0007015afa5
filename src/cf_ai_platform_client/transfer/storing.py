"""Documents to files, several at a time in one thread, so that a slow disk does not hold the event loop.

The journal is told of a group of files after they are written and before they get their names.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import anyio.to_thread

from ..adapters.disk_errors import concerns_one_file
from ..adapters.journal import Journal, Run, StoredFile
from ..adapters.local_store import LocalStore, Staged
from ..core.coco_bytes import CocoDocument
from ..core.naming import FolderNames, batch_key, extension_of, item_file_name
from ..core.planning import Entry, Version, asset_mark, kept
from ..errors import DiskError
from .books import Books
from .channel import Channel
from .job import Job
from .ledger import Ledger

_QUEUED_BYTES = 64 << 20
_FILES_AT_ONCE = 64
_LINGER = 0.01
"""Seconds in which a group of files gathers: handing each over to the thread alone costs more than writing it."""


@dataclass(slots=True)
class _Delivery:
    """A document to be stored, None where what is on disk is still right; `outcome` is the path or what went wrong."""

    job: Job
    document: CocoDocument | None
    staged: Staged | None = None
    sha256: bytes = b""
    outcome: str | DiskError | None = None


def _size(delivery: _Delivery) -> int:
    return len(delivery.document.content) if delivery.document else 0


class Storing:
    """The sink of a download: one file a work item, below the destination, in the folders that the books name."""

    def __init__(self, store: LocalStore, ledger: Ledger, books: Books) -> None:
        self._store = store
        self._ledger = ledger
        self._books = books
        self._inbox: Channel[_Delivery] = Channel(_QUEUED_BYTES, _size)

    async def take(self, job: Job, document: CocoDocument) -> None:
        """Queue a document to be written; waits while too many bytes are queued."""
        await self._inbox.put(_Delivery(job, document))

    async def unchanged(self, job: Job) -> None:
        """Queue the news that what is on disk is still right."""
        await self._inbox.put(_Delivery(job, None))

    async def serve(self) -> None:
        """Write what is queued, until cancelled; what is being written then is finished."""
        folders = await self._books.list_folders()
        journal, run = await self._books.open()
        while True:
            deliveries = [await self._inbox.get()]
            if len(self._inbox) < _FILES_AT_ONCE and self._ledger.in_flight > len(self._inbox) + 1:
                await asyncio.sleep(_LINGER)
            while len(deliveries) < _FILES_AT_ONCE and (more := self._inbox.get_now()):
                deliveries.append(more)
            await anyio.to_thread.run_sync(self._store_all, deliveries, folders, journal, run)
            self._count(deliveries)

    def _store_all(self, deliveries: list[_Delivery], folders: FolderNames, journal: Journal, run: Run) -> None:
        """Set the outcome of each delivery, up to the first error that concerns them all."""
        changed = [delivery for delivery in deliveries if delivery.document]
        self._note_unchanged([delivery for delivery in deliveries if not delivery.document], journal, run)
        for delivery in changed:
            self._stage(delivery, folders)
            if _ends_all(delivery):
                break
        self._name(_staged(changed), journal, run)

    def _stage(self, delivery: _Delivery, folders: FolderNames) -> None:
        item, content = delivery.job.item, delivery.document.content if delivery.document else b""
        name = item_file_name(item.id, extension_of(delivery.job.url))
        try:
            delivery.staged = self._store.stage(folders.folder(item.batch_id), name, content)
            delivery.sha256 = hashlib.sha256(content).digest()
        except DiskError as error:
            delivery.outcome = error

    def _name(self, staged: Sequence[tuple[_Delivery, Staged]], journal: Journal, run: Run) -> None:
        try:
            journal.record(run, [_stored_file(delivery, file) for delivery, file in staged], self._books.now)
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

    def _note_unchanged(self, deliveries: Sequence[_Delivery], journal: Journal, run: Run) -> None:
        known = [(delivery, delivery.job.entry) for delivery in deliveries]
        rows = [
            (delivery.job.item.id, _version(delivery.job, entry.version.etag), entry.state)
            for delivery, entry in known
            if entry and entry.state
        ]
        if rows:
            journal.record_unchanged(run, rows, self._books.now)
        for delivery, entry in known:
            delivery.outcome = self._store.full_path(entry.path) if entry and entry.path else None

    def _count(self, deliveries: Sequence[_Delivery]) -> None:
        fatal: DiskError | None = None
        for delivery in deliveries:
            outcome = delivery.outcome
            if isinstance(outcome, DiskError):
                self._ledger.count_failed(delivery.job, outcome)
                fatal = fatal or (None if concerns_one_file(outcome) else outcome)
            elif outcome is not None and delivery.document is None:
                self._ledger.count_skipped(delivery.job, outcome)
            elif outcome is not None and delivery.document is not None:
                self._ledger.count_stored(delivery.job, outcome, _size(delivery), delivery.document.warnings)
        if fatal is not None:
            raise fatal


def _ends_all(delivery: _Delivery) -> bool:
    return isinstance(delivery.outcome, DiskError) and not concerns_one_file(delivery.outcome)


def _staged(deliveries: Sequence[_Delivery]) -> list[tuple[_Delivery, Staged]]:
    return [(delivery, delivery.staged) for delivery in deliveries if delivery.staged]


def _stored_file(delivery: _Delivery, staged: Staged) -> StoredFile:
    item = delivery.job.item
    entry = Entry(
        batch_key(item.batch_id),
        f"{staged.folder}/{staged.name}",
        _version(delivery.job, delivery.job.etag),
        staged.state,
        delivery.sha256,
    )
    return StoredFile(item.id, entry, delivery.job.entry)


def _version(job: Job, etag: str | None) -> Version:
    return Version(kept(job.item.updated_at), kept(job.path), etag, asset_mark(job.item))
