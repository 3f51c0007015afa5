"""The methods of the clients for space exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from .connection import Connection
from .core.arguments import Moment, StrPath, check_destination, check_handler, check_identifier
from .core.export_orders import check_export_id, check_format, check_limit, check_order, check_seconds
from .core.naming import item_file_name
from .events import EventHandler, ProgressHandler
from .log import log_event
from .models import ExportContent, ExportFormat, ExportListResponse, ExportResponse
from .progress import ExportProgress
from .transfer.calls import Calls, HandlerError
from .transfer.export_download import download_export, existing_export, refuse_bad_place
from .transfer.export_waiting import Waiting
from .transfer.exporting import (
    create_export,
    create_or_attach,
    delete_export,
    get_export,
    iterate_exports,
    list_exports,
)


class SpaceExports(Connection):
    """What a client can do with the exports of a space: zips of its annotations, made by the platform."""

    async def create_export(
        self,
        space_id: str,
        name: str,
        export_format: ExportFormat | str = ExportFormat.COCO_JSON,
        project_ids: Iterable[str | UUID] | None = None,
        batch_ids: Iterable[int] | None = None,
        content: ExportContent | str | None = None,
        created_at_from: Moment | None = None,
        created_at_to: Moment | None = None,
        updated_at_from: Moment | None = None,
        updated_at_to: Moment | None = None,
        *,
        format: ExportFormat | str | None = None,
    ) -> ExportResponse:
        """Ask the platform for a zip of a space, and return at once: it is PENDING.

        A space has one export on its way at a time. The call is made again only where it was certainly not carried out;
        where nobody knows, the error has the code `unknown_outcome`: look into `list_exports` before you repeat it.

        Args:
            space_id: the space to export.
            name: what the export shall be called.
            export_format: COCO_JSON, JSON or CSV.
            project_ids: only these projects, at most 50; None or nothing in it means all.
            batch_ids: only these batches, at most 100; None or nothing in it means all.
            content: ANNOTATION (the platform's default), INFERENCE or ASSET_METADATA; the latter two as JSON and CSV.
            created_at_from, created_at_to, updated_at_from, updated_at_to: inclusive bounds, ISO 8601 strings or
                datetimes; without an offset they are taken as UTC.
            format: the old name of `export_format`, which it replaces.

        Raises:
            ValueError: for an argument that cannot be right, before any request.
            ConflictError: while another export of the space is on its way.
            CFError: for what else the platform refuses.

        >>> from cf_ai_platform_client import SyncCFUserClient
        >>> from cf_ai_platform_client.sandbox import Sandbox
        >>> with Sandbox() as sandbox, SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
        ...     export = client.create_export(sandbox.space_id, "nightly", "CSV")
        >>> export.status.value
        'PENDING'
        """
        order = check_order(
            name,
            export_format if format is None else format,
            project_ids=project_ids,
            batch_ids=batch_ids,
            content=content,
            created_at_from=created_at_from,
            created_at_to=created_at_to,
            updated_at_from=updated_at_from,
            updated_at_to=updated_at_to,
        )
        space = check_identifier("space_id", space_id)
        async with self._http.connected():
            export = await create_export(self._calls(log_event), space, order)
        self._created.add(space, export.export_id, order)
        return export

    async def get_export(self, space_id: str, export_id: str | UUID) -> ExportResponse:
        """Get one export as it is now; its `download_url` is good for 7 days.

        Raises ValueError, NotFoundError for an unknown one, and other CFErrors.
        """
        checked = check_identifier("space_id", space_id), check_export_id(export_id)
        async with self._http.connected():
            return await get_export(self._calls(log_event), *checked)

    async def list_exports(
        self,
        space_id: str,
        export_format: ExportFormat | str | None = None,
        limit: int | None = None,
        *,
        format: ExportFormat | str | None = None,
    ) -> ExportListResponse:
        """List the newest exports of a space, one page of them: `limit` (1 to 100), or what the platform takes for one.

        `iter_exports` yields them all. Entries without an id or a status are left out, with a warning in the log.
        `format` is the old name of `export_format`. Raises ValueError and CFError.
        """
        checked = check_identifier("space_id", space_id), _format(format or export_format), check_limit(limit)
        async with self._http.connected():
            return await list_exports(self._calls(log_event), *checked)

    def iter_exports(
        self, space_id: str, export_format: ExportFormat | str | None = None
    ) -> AsyncGenerator[ExportResponse, None]:
        """Yield all exports of a space, each once, newest first, page by page, as `list_exports` reads them.

        Raises ValueError and CFError.
        """
        return iterate_exports(self._calls(log_event), check_identifier("space_id", space_id), _format(export_format))

    async def delete_export(self, space_id: str, export_id: str | UUID) -> None:
        """Delete an export, whatever its status.

        The call is made again only where it was certainly not carried out; where nobody knows, the error has the code
        `unknown_outcome`. Raises ValueError, NotFoundError for an unknown export, and other CFErrors.
        """
        checked = check_identifier("space_id", space_id), check_export_id(export_id)
        async with self._http.connected():
            await delete_export(self._calls(log_event), *checked)

    async def wait_for_export(
        self,
        space_id: str,
        export_id: str | UUID,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        *,
        progress: bool | ProgressHandler | None = None,
        on_event: EventHandler | None = None,
    ) -> ExportResponse:
        """Wait until an export is COMPLETED or FAILED, and return it either way.

        The platform is asked at once, and then every `poll_interval` seconds (at least half a second), each pause a
        quarter longer than the one before, up to six times the first. A status that is unknown here means that it goes
        on. Once the platform has answered, questions that fail in a way that can pass are asked again until the time
        is over.

        Args:
            space_id: the space that was exported.
            export_id: the export.
            poll_interval: seconds between the first questions.
            timeout: seconds after which the last question is asked; its answer may take as long as any request
                (`connect_timeout` and `read_timeout` of `Limits`), and comes late by that.
            progress: None draws a bar on a terminal or in a notebook, True always, False never; a function is called
                with each `Progress`, an export being one item.
            on_event: called with each event of `cf_ai_platform_client.events`, in the event loop's thread.

        Raises:
            ValueError: for an argument that cannot be right, before any request.
            ExportTimeoutError: a TimeoutError; the export goes on and can be waited for again.
            CFError: for what the platform refuses, NotFoundError for an unknown export.
        """
        checked = check_identifier("space_id", space_id), check_export_id(export_id)
        times = check_seconds("poll_interval", poll_interval), check_seconds("timeout", timeout)
        async with self._reporting(progress, on_event) as calls:
            return await Waiting(calls, *checked, *times).done()

    async def download_export_file(
        self,
        space_id: str,
        export_id: str | UUID,
        destination: StrPath,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        *,
        overwrite: bool = False,
        progress: bool | ProgressHandler | None = None,
        on_event: EventHandler | None = None,
    ) -> str:
        """Wait for an export, download its zip to `DESTINATION/EXPORT_ID.zip`, and return that path.

        A whole zip that is there already is kept, and its path returned without any request, unless `overwrite` is
        set. The file gets its name once its length, its checksums and its list of members were found right. What a
        broken download or a killed process leaves in `DESTINATION/.cf-ai/exports` is continued by the next call, where
        the storage says by its ETag that it is still the same file.

        Args:
            space_id: the space that was exported.
            export_id: the export.
            destination: a folder, made where it is missing.
            poll_interval, timeout: as in `wait_for_export`; the download itself takes as long as it makes progress.
            overwrite: replace what is there.
            progress, on_event: as in `wait_for_export`.

        Raises:
            ValueError: for an argument that cannot be right, before any request.
            ExportError: a ValueError; the export failed, for the reason that the platform names, or has no file.
            ExportTimeoutError: a TimeoutError; the export is not done.
            DiskError: the destination cannot be written, or what is there is no whole zip.
            CFError: for what else fails.
        """
        checked = check_identifier("space_id", space_id), check_export_id(export_id)
        times = check_seconds("poll_interval", poll_interval), check_seconds("timeout", timeout)
        folder = check_destination(destination)
        async with self._reporting(progress, on_event) as calls:
            name = item_file_name(checked[1], ".zip")
            if path := await existing_export(calls, checked[1], folder, name, overwrite=overwrite):
                return path
            export = await Waiting(calls, *checked, *times).done()
            return await download_export(calls, checked[0], export, folder, name)

    async def export(
        self,
        space_id: str,
        name: str,
        destination: StrPath,
        *,
        export_format: ExportFormat | str = ExportFormat.COCO_JSON,
        project_ids: Iterable[str | UUID] | None = None,
        batch_ids: Iterable[int] | None = None,
        content: ExportContent | str | None = None,
        created_at_from: Moment | None = None,
        created_at_to: Moment | None = None,
        updated_at_from: Moment | None = None,
        updated_at_to: Moment | None = None,
        attach: bool = False,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        progress: bool | ProgressHandler | None = None,
        on_event: EventHandler | None = None,
    ) -> str:
        """Create an export, wait for it, download it to `DESTINATION/EXPORT_ID.zip`, and return that path.

        Where another export of the space is on its way, it is taken instead if this client object created it with equal
        arguments, or if `attach` is set: then it may hold something else, since an export does not say what it was
        made from. A destination that cannot be written to is refused before anything is created. The other arguments
        are those of `create_export` and `download_export_file`.

        Raises:
            ConflictError: another export is on its way; the message names it, and `.item_id` is its id.
            ValueError, ExportError, ExportTimeoutError, DiskError, CFError: as `create_export` and
                `download_export_file` do.
        """
        order = check_order(
            name,
            export_format,
            project_ids=project_ids,
            batch_ids=batch_ids,
            content=content,
            created_at_from=created_at_from,
            created_at_to=created_at_to,
            updated_at_from=updated_at_from,
            updated_at_to=updated_at_to,
        )
        space, folder = check_identifier("space_id", space_id), check_destination(destination)
        times = check_seconds("poll_interval", poll_interval), check_seconds("timeout", timeout)
        await refuse_bad_place(folder)
        async with self._reporting(progress, on_event) as calls:
            export = await create_or_attach(calls, space, order, self._created, attach=attach)
            done = await Waiting(calls, space, str(export.export_id), *times).done()
            return await download_export(calls, space, done, folder, item_file_name(str(export.export_id), ".zip"))

    @asynccontextmanager
    async def _reporting(
        self, progress: bool | ProgressHandler | None, on_event: EventHandler | None
    ) -> AsyncGenerator[Calls, None]:
        handler = check_handler("on_event", on_event)
        with ExportProgress(progress) as report:
            async with self._http.connected():
                try:
                    yield self._calls(log_event, report.handle if report.wanted else None, handler)
                except HandlerError as error:
                    raise error.error from error


def _format(value: ExportFormat | str | None) -> ExportFormat | None:
    return None if value is None else check_format("export_format", value)
