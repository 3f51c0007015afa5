"""The assets themselves, without the key: streamed, gone on with where they broke off, looked at before they stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ..adapters.asset_part import AssetPart
from ..adapters.bodies import SpoolFile
from ..core.redaction import printable
from ..core.requests import NOT_MODIFIED, Reply
from ..core.resuming import PARTIAL_CONTENT, PROGRESS
from ..core.retry import RetryBudget
from ..errors import CFError, DiskError, ResponseError
from .calls import Calls
from .job import AssetJob, Job
from .ledger import Ledger

_RANGE_REFUSED = 416
_WRONG_ONCE = 1
_NOT_OURS = "The platform names this URL for it; whoever runs that host must let it be read without the API key."
_WITH_BYTES = frozenset({200, PARTIAL_CONTENT})


class AssetSink(Protocol):
    """Where assets go."""

    async def part(self, job: AssetJob, most: int, what: str) -> AssetPart:
        """Return what came of an asset so far, or nothing yet."""
        ...

    async def take_asset(self, job: AssetJob, part: AssetPart, sha256: bytes) -> None:
        """Take an asset that is whole, or make the stage before wait."""
        ...

    def keep_part(self, job: AssetJob, part: AssetPart) -> None:
        """Keep what came for another attempt, where that helps."""
        ...

    def drop_part(self, part: AssetPart) -> None:
        """Remove what came."""
        ...

    async def disk_failed(self, job: Job, error: DiskError) -> None:
        """Learn that the disk did not take an asset."""
        ...

    async def unchanged(self, job: Job) -> None:
        """Learn that what is here is still right."""
        ...


class AssetFetching:
    """Reads the URL of each asset and gives it to the sink, which may make it wait.

    A URL that the storage refuses is signed again, once; one that was not signed here is not.
    """

    def __init__(
        self, calls: Calls, sink: AssetSink, ledger: Ledger, budget: RetryBudget, sign_again: Callable[[Job], None]
    ) -> None:
        self._calls, self._sink, self._ledger = calls, sink, ledger
        self._budget = budget
        self._sign_again = sign_again

    async def attempt(self, job: Job) -> None:
        """Make one attempt for the job of an asset."""
        assert isinstance(job, AssetJob)
        what = f"the asset of {printable(job.item.id)}"
        part = await self._sink.part(job, self._calls.http.asset_bytes, what)
        try:
            reply = await self._fetch(job, part, what)
            await self._deliver(job, reply, part)
        except DiskError as error:
            self._sink.drop_part(part)
            await self._sink.disk_failed(job, error)
        except CFError as error:
            self._after(job, part, error)
        except BaseException:
            self._sink.drop_part(part)
            raise

    async def _fetch(self, job: AssetJob, part: AssetPart, what: str) -> Reply:
        async def begin(status: int, headers: Mapping[str, str]) -> SpoolFile:
            part.start(status, headers)
            return part

        headers = part.headers(job.known_etag)
        return await self._calls.stream_once(job.url, job.item.id, headers, begin, int, what=what, budget=self._budget)

    async def _deliver(self, job: AssetJob, reply: Reply, part: AssetPart) -> None:
        """Give what came to the sink."""
        if reply.status == NOT_MODIFIED and job.known_etag:
            await self._sink.unchanged(job)
            return
        if reply.status not in _WITH_BYTES:
            raise ResponseError(
                f"The storage answered with {reply.status} and no file.", code="truncated", status=reply.status
            )
        sha256 = part.finish()
        try:
            part.bytes.check(job.item.asset_type, job.extension)
        except ResponseError:
            job.wrong += 1
            raise
        job.extension = job.extension or part.bytes.extension
        job.etag = part.etag
        await self._sink.take_asset(job, part, sha256)

    def _after(self, job: AssetJob, part: AssetPart, error: CFError) -> None:
        """Say what a failed attempt means for the next one; raise the error where that is for others to decide."""
        if part.can_go_on and part.size - job.furthest >= PROGRESS:
            job.furthest, job.signed_again = part.size, False
            job.enter_stage()
            job.tries.begin(self._calls.runtime.monotonic())
        if error.status == _RANGE_REFUSED and part.size:
            self._sink.drop_part(part)
            error.code = "truncated"
        else:
            self._sink.keep_part(job, part)
        if error.code == "unauthorized":
            error.code = "rejected"  # the storage is shown no key: none can be wrong
        elif error.code == "expired_url" and job.path and not job.signed_again:
            job.signed_again = True
            self._sign_again(job)
            return
        elif error.code == "expired_url":
            error.code = "forbidden"
            error.hint = "Its URL was signed again and refused again." if job.path else _NOT_OURS
        if job.wrong > _WRONG_ONCE:
            self._ledger.count_failed(job, error)
            return
        raise error
