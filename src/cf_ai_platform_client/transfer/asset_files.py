"""The partial files of big assets: each in the folder where it will stay, and none left behind."""

from __future__ import annotations

import threading
from functools import partial

from ..adapters.asset_part import AssetPart
from ..adapters.local_store import LocalStore, Staged
from ..core.naming import FolderNames, asset_file_name
from .delivery import place_of
from .job import AssetJob

_WAITING = 64
"""How many may wait, open, for another attempt: beyond, they begin anew."""


class AssetFiles:
    """Has a store of its own, which several threads use, one at a time."""

    def __init__(self, destination: str, *, durable: bool) -> None:
        self._store = LocalStore(destination, durable=durable)
        self._lock = threading.Lock()
        self._waiting: dict[int, AssetPart] = {}

    def part(self, job: AssetJob, folders: FolderNames, most: int, what: str) -> AssetPart:
        """Return what came of an asset so far, or nothing yet."""
        waiting = self._waiting.pop(job.index, None)
        return waiting or AssetPart(partial(self._start, job, folders), most, what)

    def wait(self, job: AssetJob, part: AssetPart) -> None:
        """Keep what came for another attempt, where that helps."""
        if part.can_go_on and len(self._waiting) < _WAITING:
            self._waiting[job.index] = part
        else:
            self.discard(part)

    def complete(self, job: AssetJob, part: AssetPart, folders: FolderNames) -> Staged | None:
        """Close the file of an asset that is whole, under its name to be; None where it is in memory."""
        staged = part.staged
        if staged is not None:
            folder, staged.name = place_of(job, folders)
            with self._lock:
                staged.path = self._store.full_path(f"{folder}/{staged.name}")
                self._store.complete(staged)
        return staged

    def forget(self, job: AssetJob) -> None:
        """Remove what waits for an attempt that does not come."""
        part = self._waiting.pop(job.index, None)
        if part is not None:
            self.discard(part)

    def discard(self, part: AssetPart) -> None:
        """Remove the file of an asset, if there is one."""
        staged, part.staged = part.staged, None
        if staged is not None:
            self.remove(staged)

    def remove(self, staged: Staged) -> None:
        """Remove a file that gets no name."""
        with self._lock:
            self._store.discard(staged)

    def close(self) -> None:
        """Remove what waits, and let go of the folders."""
        for part in self._waiting.values():
            self.discard(part)
        self._waiting.clear()
        self._store.close()

    def _start(self, job: AssetJob, folders: FolderNames, extension: str) -> Staged:
        name = asset_file_name(job.item.id, job.extension or extension, job.beside)
        with self._lock:
            self._store.look_again()
            return self._store.start(folders.folder(job.item.batch_id), name)
