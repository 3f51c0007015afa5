"""Documents to files, several at a time in one thread, so that a slow disk does not hold the event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio.to_thread

from ..adapters.local_store import LocalStore, concerns_one_file
from ..core.coco_bytes import CocoDocument
from ..core.naming import FolderNames, extension_of, item_file_name
from ..errors import DiskError
from .channel import Channel
from .job import Job
from .ledger import Ledger

_QUEUED_BYTES = 64 << 20
_FILES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Delivery:
    job: Job
    document: CocoDocument


def _size(delivery: _Delivery) -> int:
    return len(delivery.document.content)


class Storing:
    """The sink of a download: one file a work item, below the destination, in the folders that `list_folders` names."""

    def __init__(self, store: LocalStore, ledger: Ledger, list_folders: Callable[[], Awaitable[FolderNames]]) -> None:
        self._store = store
        self._ledger = ledger
        self._list_folders = list_folders
        self._inbox: Channel[_Delivery] = Channel(_QUEUED_BYTES, _size)

    async def take(self, job: Job, document: CocoDocument) -> None:
        """Queue a document to be written; waits while too many bytes are queued."""
        await self._inbox.put(_Delivery(job, document))

    async def serve(self) -> None:
        """Write what is queued, until cancelled; what is being written then is finished."""
        folders = await self._list_folders()
        while True:
            deliveries = [await self._inbox.get()]
            while len(deliveries) < _FILES_AT_ONCE and (more := self._inbox.get_now()):
                deliveries.append(more)
            outcomes = await anyio.to_thread.run_sync(self._write_all, deliveries, folders)
            self._count(deliveries, outcomes)

    def _write_all(self, deliveries: list[_Delivery], folders: FolderNames) -> list[str | DiskError]:
        self._store.open()
        outcomes: list[str | DiskError] = []
        for delivery in deliveries:
            item = delivery.job.item
            name = item_file_name(item.id, extension_of(delivery.job.url))
            try:
                outcomes.append(self._store.write(folders.folder(item.batch_id), name, delivery.document.content))
            except DiskError as error:
                outcomes.append(error)
                if not concerns_one_file(error):
                    break
        return outcomes

    def _count(self, deliveries: list[_Delivery], outcomes: list[str | DiskError]) -> None:
        for delivery, outcome in zip(deliveries, outcomes, strict=False):
            if isinstance(outcome, str):
                self._ledger.count_stored(delivery.job, outcome, _size(delivery), delivery.document.warnings)
            else:
                self._ledger.count_failed(delivery.job, outcome)
        last = outcomes[-1]
        if isinstance(last, DiskError) and not concerns_one_file(last):
            raise last
