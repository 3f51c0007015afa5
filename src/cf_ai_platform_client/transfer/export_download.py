"""An export's file from the storage to its place: streamed, resumed, checked, and only then named."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..adapters.bodies import SpoolFile
from ..adapters.partial_export import PartialExport, refuse_place
from ..adapters.threads import to_the_end
from ..core.exports import download_url
from ..core.naming import SafeName
from ..core.resuming import Known, Progress, check_size, is_complete, range_headers, start_of
from ..core.retry import Tries
from ..errors import CFError, ResponseError
from ..events import ExportBytes, ExportStored
from ..models import ExportResponse
from .calls import Calls
from .exporting import get_export

_RANGE_REFUSED = 416
_WITH_BYTES = frozenset({200, 206})
_WRONG_ONCE = 1


async def download_export(calls: Calls, space_id: str, export: ExportResponse, destination: str, name: SafeName) -> str:
    """Download a finished export below `destination` as `name`, replacing what has it, and return its path."""
    url = download_url(export)
    with PartialExport(destination, name, calls.http.export_bytes) as part:
        await to_the_end(part.open)
        download = _Download(calls, space_id, str(export.export_id), url, part)
        await download.run()
        await to_the_end(part.publish)
        calls.emit(ExportStored(str(export.export_id), part.path, part.size))
        return part.path


async def refuse_bad_place(destination: str) -> None:
    """Raise DiskError where no export could be written, before one is made and waited for."""
    await to_the_end(partial(refuse_place, destination))


async def existing_export(
    calls: Calls, export_id: str, destination: str, name: SafeName, *, overwrite: bool = False
) -> str | None:
    """Return the path of an export's file that is here already, whole; None where none is, or is to stay.

    Raises DiskError where the file that is to come would have no place.
    """
    with PartialExport(destination, name) as part:
        if overwrite:
            await to_the_end(part.refuse_folder)
            return None
        size = await to_the_end(part.existing)
        if size is None:
            return None
        calls.emit(ExportStored(export_id, part.path, size, fetched=False))
        return part.path


class _Download:
    """The attempts to complete one part."""

    def __init__(self, calls: Calls, space_id: str, export_id: str, url: str, part: PartialExport) -> None:
        self._calls, self._space_id, self._export_id = calls, space_id, export_id
        self._url, self._part = url, part
        self._tries = Tries()
        self._progress = Progress(part.size)
        self._signed_again, self._wrong = False, 0

    async def run(self) -> None:
        """Complete the part and check it, as often as the policy allows."""
        while True:
            try:
                await self._fetch()
                await self._verify()
                return
            except CFError as error:
                if self._wrong > _WRONG_ONCE:
                    raise
                await self._after(error)

    async def _fetch(self) -> None:
        part = self._part
        self._tries.begin(self._calls.runtime.monotonic())
        part.check_room(part.known, part.size)
        if is_complete(part.known, part.size):
            return
        headers = range_headers(part.known, part.size)
        reply = await self._calls.stream_once(self._url, self._export_id, headers, self._begin, self._written)
        if reply.status not in _WITH_BYTES:
            raise ResponseError(f"The storage answered with {reply.status} and no file.", code="truncated")
        check_size(part.known, part.size)

    async def _begin(self, status: int, headers: Mapping[str, str]) -> SpoolFile:
        """Say where the bytes go that come now; what cannot be continued is dropped."""
        part = self._part
        try:
            start = start_of(status, headers, part.known, part.size)
        except ResponseError:
            await self._drop()
            raise
        part.check_room(start.known, start.offset)
        if start.offset:
            part.known = start.known
        else:
            await self._drop(start.known)
        return part

    def _written(self) -> None:
        self._calls.emit(ExportBytes(self._export_id, self._part.size, self._part.known.total))

    async def _verify(self) -> None:
        """Look at the whole file; one that is wrong is dropped, and fetched once more where that may help."""
        try:
            await to_the_end(self._part.check, stop=self._part.stop)
        except ResponseError as error:
            await self._drop()
            self._wrong += 1
            error.hint = error.hint or "If it stays so, create the export again."
            raise

    async def _after(self, error: CFError) -> None:
        """Wait until a failed attempt is worth another one, else raise what it failed with."""
        if self._progress.made(self._part.known, self._part.size):
            self._tries, self._signed_again = Tries(), False
            self._tries.begin(self._calls.runtime.monotonic())
        if error.code == "mismatch":
            await self._drop()
        if error.status == _RANGE_REFUSED and self._part.size:
            await self._drop()
            error.code = "truncated"
        if error.code == "expired_url":
            await self._ask_for_url(error)
            return
        if error.code == "unauthorized":
            error.code = "rejected"  # the storage is shown no key: none can be wrong
        wait = self._calls.wait_after(error, "storage", self._tries, self._export_id)
        if wait is None:
            raise error
        await self._calls.sleep(wait)

    async def _ask_for_url(self, error: CFError) -> None:
        if self._signed_again:
            error.code, error.hint = (
                "rejected",
                "A new URL for it was refused too: create the export again.",
            )
            raise error
        self._signed_again = True
        self._url = download_url(await get_export(self._calls, self._space_id, self._export_id, refill=False))

    async def _drop(self, known: Known | None = None) -> None:
        self._progress.starts_anew()
        await to_the_end(partial(self._part.start_anew, known or Known()))
