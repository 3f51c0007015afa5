"""The documents themselves, from the storage, without the key; verified before anybody sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

import anyio.to_thread

from ..core.coco_bytes import CocoDocument, add_asset_url
from ..core.planning import kept_etag
from ..core.requests import NOT_MODIFIED, Reply
from ..errors import CFError, DiskError, ResponseError
from .calls import Calls
from .job import Job
from .spool import Spool

_INLINE = 1 << 20
"""Bytes up to which a document is verified in the event loop: about a millisecond."""


class Files(Protocol):
    """What a sink that keeps files can do besides taking documents."""

    @property
    def spool_folder(self) -> str:
        """Where a big document may be kept while it arrives."""
        ...

    async def take_file(self, job: Job, file: BinaryIO) -> None:
        """Take a big document as it came, in a file that is closed afterwards."""
        ...

    async def disk_failed(self, job: Job, error: DiskError) -> None:
        """Learn that the disk did not take a document."""
        ...

    async def unchanged(self, job: Job) -> None:
        """Learn that what is here is still right."""
        ...


class Sink(Protocol):
    """Where documents go; `files` is None where they stay in memory."""

    @property
    def files(self) -> Files | None:
        """What keeps files here."""
        ...

    async def take(self, job: Job, document: CocoDocument) -> None:
        """Take a document, or make the stage before wait."""
        ...

    async def serve(self) -> None:
        """Work until cancelled."""
        ...


class Fetching:
    """Reads each job's signed URL and gives job and document to the sink, which may make it wait.

    A URL that the storage refuses is signed again, once.
    """

    def __init__(self, calls: Calls, sink: Sink, sign_again: Callable[[Job], None]) -> None:
        self._calls = calls
        self._sink = sink
        self._sign_again = sign_again

    async def attempt(self, job: Job) -> None:
        """Make one attempt for a job."""
        files = self._sink.files
        with Spool(files.spool_folder if files else None) as spool:
            try:
                reply = await self._calls.fetch_once(job.url, job.item.id, job.known_etag, spool.opener)
            except DiskError as error:
                if files is None:
                    raise
                await files.disk_failed(job, error)
            except CFError as error:
                if error.code != "expired_url":
                    raise
                self._refused(job, error)
            else:
                await self._deliver(job, reply, spool)

    async def _deliver(self, job: Job, reply: Reply, spool: Spool) -> None:
        files = self._sink.files
        if reply.status == NOT_MODIFIED and job.known_etag and files:
            await files.unchanged(job)
            return
        if reply.status == NOT_MODIFIED:
            raise ResponseError(
                "The storage answered 304 (not modified), though it was not asked whether the document changed.",
                code="rejected",
                status=NOT_MODIFIED,
                hint="A cache between here and the storage may be at fault.",
            )
        if reply.status == 206:
            raise ResponseError("The storage sent a part of the document unasked.", code="truncated", status=206)
        job.etag = kept_etag(reply.headers.get("etag"))
        if files and spool.file is not None and reply.spooled is not None:
            await files.take_file(job, spool.file)
            return
        body, asset_url = reply.body, job.item.asset_url or ""
        if len(body) <= _INLINE:
            document = add_asset_url(body, asset_url)
        else:
            document = await anyio.to_thread.run_sync(add_asset_url, body, asset_url)
        await self._sink.take(job, document)

    def _refused(self, job: Job, error: CFError) -> None:
        if job.signed_again:
            error.code = "forbidden"
            error.hint = "Its URL was signed again and refused again."
            raise error
        job.signed_again = True
        self._sign_again(job)
