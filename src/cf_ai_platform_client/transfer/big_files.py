"""Big documents from the file they arrived in to one that waits for its name, without passing through memory."""

from __future__ import annotations

from typing import BinaryIO

import anyio
import anyio.to_thread

from ..adapters.big_documents import add_asset_url_to_file
from ..adapters.disk_errors import disk_error
from ..adapters.local_store import LocalStore, Staged
from ..core.naming import FolderNames
from ..errors import DiskError
from .delivery import Delivery, place_of
from .job import Job


class BigFiles:
    """Has a store of its own: one store is for one thread at a time."""

    def __init__(self, destination: str, *, durable: bool) -> None:
        self._store = LocalStore(destination, durable=durable)
        self._one = anyio.Lock()

    async def stage(self, job: Job, file: BinaryIO, folders: FolderNames) -> Delivery:
        """Check a document and write it with its `asset_url`.

        Raises ResponseError where it is none; what the disk refuses is the delivery's outcome.
        """
        try:
            async with self._one:
                self._store.look_again()
                staged = await anyio.to_thread.run_sync(self._store.start, *place_of(job, folders))
        except DiskError as error:
            return Delivery(job, outcome=error)
        try:
            finished = await add_asset_url_to_file(file.fileno(), staged.descriptor, job.item.asset_url or "")
            await self._complete(staged)
        except BaseException as error:
            self._store.discard(staged)
            if isinstance(error, OSError):
                failure = error if isinstance(error, DiskError) else disk_error(error, staged.path)
                return Delivery(job, outcome=failure)
            raise
        return Delivery(job, None, finished.warnings, staged, finished.sha256)

    def discard(self, staged: Staged) -> None:
        """Remove a file that gets no name."""
        self._store.discard(staged)

    def close(self) -> None:
        """Let go of the folders."""
        self._store.close()

    async def _complete(self, staged: Staged) -> None:
        async with self._one:
            await anyio.to_thread.run_sync(self._store.complete, staged)
