"""A document or an asset on its way to the disk, and what the journal is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..adapters.journal import StoredFile
from ..adapters.local_store import Staged
from ..core.naming import FolderNames, SafeName, batch_key
from ..core.planning import Entry, Version, asset_mark, kept
from ..errors import DiskError
from .job import Job


@dataclass(slots=True)
class Delivery:
    """A file: its `content`, or, when it was written already, as `staged`; or, with neither, the news that what is
    on disk is still right. `outcome` is the path in the end, or what went wrong.
    """

    job: Job
    content: bytes | None = None
    warnings: tuple[str, ...] = ()
    staged: Staged | None = None
    sha256: bytes = b""
    outcome: str | DiskError | None = None

    @property
    def is_news(self) -> bool:
        """Whether nothing is to be written."""
        return self.content is None and self.staged is None and self.outcome is None

    @property
    def weight(self) -> int:
        """The bytes that it holds in memory."""
        return len(self.content or b"")


def place_of(job: Job, folders: FolderNames) -> tuple[SafeName, SafeName]:
    """Return folder and name of the file of a job whose URL is known."""
    return folders.folder(job.item.batch_id), job.file_name


def stored_file(delivery: Delivery, staged: Staged) -> StoredFile:
    """Return what the journal is told of a file before it gets its name."""
    job = delivery.job
    path = f"{staged.folder}/{staged.name}"
    entry = Entry(batch_key(job.item.batch_id), path, version_of(job, job.etag), staged.state, delivery.sha256)
    return StoredFile(job.item.id, entry, job.entry)


def version_of(job: Job, etag: str | None) -> Version:
    """Return the version of the document, or of the asset, that a job brought or asked about."""
    return Version(kept(job.item.updated_at), job.result, etag, asset_mark(job.item))
