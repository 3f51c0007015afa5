"""The async client: thin methods over the transfer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Literal
from uuid import UUID

import anyio.to_thread

from .core.arguments import (
    Filters,
    MaxWorkers,
    Moment,
    ResultsKept,
    StrPath,
    check_destination,
    check_filters,
    check_handler,
    check_identifier,
    check_max_workers,
    check_prune,
    check_results,
    check_since,
)
from .core.planning import Rerun
from .destination import what_failed
from .events import EventHandler, ProgressHandler
from .exports import SpaceExports
from .log import log_event
from .models import AnnotatedItem, Annotation, Batch, DownloadSummary, WorkItem
from .progress import ProgressReport
from .transfer.annotating import get_annotation
from .transfer.download import download
from .transfer.iterate import iterate
from .transfer.listing import iterate_items, list_batches
from .transfer.order import Order
from .transfer.retrying import retry


class CFUserClient(SpaceExports):
    """Reads projects, work items and annotations of the CloudFactory AI Platform.

    `base_url` defaults to production. `retry` says how often failed calls are made again, `limits` bounds times and
    sizes, `allowed_hosts` names storage hosts inside your own network that signed URLs may lead to.

    Use it as an async context manager to keep its connections between calls; outside of one, each call opens and
    closes its own. One client may be used by several event loops, one after another or at once.
    Raises ValueError for an empty or malformed key or base URL.

    >>> CFUserClient("your-api-key")
    CFUserClient(base_url='https://api.ai.cloudfactory.app/api/v1')
    """

    async def download_project(
        self,
        project_id: str,
        space_id: str,
        destination: StrPath,
        batch_ids: Iterable[int] | None = None,
        work_item_ids: Iterable[str | UUID] | None = None,
        created_at_from: Moment | None = None,
        created_at_to: Moment | None = None,
        updated_at_from: Moment | None = None,
        updated_at_to: Moment | None = None,
        max_workers: MaxWorkers = 10,
        limit: int | None = None,
        *,
        status: str = "COMPLETED",
        progress: bool | ProgressHandler | None = None,
        on_event: EventHandler | None = None,
        results: ResultsKept = "all",
        overwrite: bool = False,
        verify: bool = False,
        recheck: bool = False,
        since: Literal["last"] | None = None,
        prune: bool = False,
        durable: bool = False,
        assets: bool = False,
    ) -> DownloadSummary:
        """Download the annotations of a project as COCO files: `DESTINATION/BATCH NAME/WORK_ITEM_ID.json`.

        Each file is verified as one whole JSON document before it gets its name; `info.asset_url` is added, every
        other byte is the platform's. An item that fails is a value in the summary and does not stop the others.

        The journal `DESTINATION/.cf-ai/journal.sqlite3` knows what was written and from what: a rerun fetches what is
        new, changed, failed before, missing or altered on disk, and skips the rest. A run that was killed goes on where
        it stopped. One process at a time writes to a destination; runs of the same process share it.

        Args:
            project_id: the project to download.
            space_id: the space that its results are in.
            destination: a folder, made where it is missing.
            batch_ids: only these batches, at most 100.
            work_item_ids: only these work items, at most 100.
            created_at_from, created_at_to, updated_at_from, updated_at_to: inclusive bounds, ISO 8601 strings or
                datetimes; without an offset they are taken as UTC.
            max_workers: 1 to 100 documents in flight, and as many annotation calls; "auto" finds the number.
            limit: work items a manifest page, 1 to 100 (default 100).
            status: the status of the work items to list.
            progress: None draws a bar on a terminal or in a notebook, True always, False never; a function is called
                with each `Progress`.
            on_event: called with each event of `cf_ai_platform_client.events`, in the event loop's thread.
            results: "all", "failed" or "none" of the results are kept in the summary; the memory for a million items
                is flat with the latter two.
            overwrite: fetch everything again.
            verify: compare the bytes of every file with the journal, not only size and time of change.
            recheck: ask the storage about every item, with a conditional GET, whatever its `updated_at` says.
            since: "last" lists only what was updated since the last complete run (less an hour), and what failed.
            prune: delete the files of work items that left the project; needs a complete listing without filters.
            durable: wait for the disk before and after each file gets its name. Without, files are whole after any
                end of the process; with it, after a power loss too.
            assets: fetch the asset (the image) of each work item too, to `DESTINATION/BATCH NAME/WORK_ITEM_ID.EXT`,
                beside its document; `max_workers` of them are in flight besides the documents. Each is verified by
                length, digest and what its first bytes tell. It is skipped on a rerun, and fails, on its own. Without,
                the assets that are here are left as they are.

        Raises:
            ValueError: for an argument that cannot be right, before any request.
            CFError: what ends the run, with `.summary` of what was done: AuthenticationError, NotFoundError,
                ListingError, DiskError and the others of `cf_ai_platform_client.errors`; all of them are also
                httpx's HTTPStatusError, HTTPError or TimeoutException, or OSError.
        """
        filters = check_filters(
            status=status,
            batch_ids=batch_ids,
            work_item_ids=work_item_ids,
            created_at_from=created_at_from,
            created_at_to=created_at_to,
            updated_at_from=updated_at_from,
            updated_at_to=updated_at_to,
            limit=limit,
        )
        order = Order(
            check_identifier("project_id", project_id),
            check_identifier("space_id", space_id),
            filters,
            check_max_workers(max_workers),
            check_results(results),
            Rerun(overwrite, verify, recheck),
            since_last=check_since(since, filters) is not None,
            prune=check_prune(prune, filters, since),
            durable=durable,
            base_url=self.base_url,
            assets=assets,
        )
        return await self._download(order, destination, progress, on_event)

    async def retry_failed(
        self,
        destination: StrPath,
        *,
        project_id: str | None = None,
        max_workers: MaxWorkers = 10,
        progress: bool | ProgressHandler | None = None,
        on_event: EventHandler | None = None,
        results: ResultsKept = "all",
    ) -> DownloadSummary:
        """Download again what failed in earlier runs, as the journal of a destination has it: each work item from the
        space, and with the status, of the run in which it failed, or only its asset, where that failed. What failed
        with another base URL is left out, with a warning.

        `project_id` is needed where several projects were downloaded to it; the other arguments are those of
        `download_project`. Raises ValueError where no run is known, and what `download_project` raises.
        """
        folder = check_destination(destination)
        project = None if project_id is None else check_identifier("project_id", project_id)
        found = await anyio.to_thread.run_sync(what_failed, folder, project, self.base_url)
        orders = [
            Order(
                run.project_id,
                run.space_id,
                Filters(status=run.status),
                check_max_workers(max_workers),
                check_results(results),
                only_failed=True,
                base_url=self.base_url,
                assets=True,
            )
            for run in found.runs
        ]
        with ProgressReport(progress) as report:
            calls = self._calls(
                log_event, report.handle if report.wanted else None, check_handler("on_event", on_event)
            )
            return await retry(calls, orders, folder, found.warning)

    async def list_batches(self, project_id: str) -> list[Batch]:
        """List all batches of a project, in the platform's order. Raises CFError."""
        checked = check_identifier("project_id", project_id)
        async with self._http.connected():
            return await list_batches(self._calls(log_event), checked)

    async def get_annotation(self, project_id: str, work_item_id: str | UUID) -> Annotation:
        """Get the annotation of one work item; its metadata says where the COCO document is. Raises CFError."""
        checked = check_identifier("project_id", project_id), check_identifier("work_item_id", work_item_id)
        async with self._http.connected():
            return await get_annotation(self._calls(log_event), *checked)

    def iter_work_items(
        self,
        project_id: str,
        *,
        batch_ids: Iterable[int] | None = None,
        work_item_ids: Iterable[str | UUID] | None = None,
        created_at_from: Moment | None = None,
        created_at_to: Moment | None = None,
        updated_at_from: Moment | None = None,
        updated_at_to: Moment | None = None,
        limit: int | None = None,
        status: str = "COMPLETED",
    ) -> AsyncGenerator[WorkItem, None]:
        """Yield the work items of a project, each once, page by page; filters as in `download_project`.

        Entries without an id are left out, with a warning in the log. Raises ValueError and CFError.
        """
        checked = check_identifier("project_id", project_id)
        filters = check_filters(
            status=status,
            batch_ids=batch_ids,
            work_item_ids=work_item_ids,
            created_at_from=created_at_from,
            created_at_to=created_at_to,
            updated_at_from=updated_at_from,
            updated_at_to=updated_at_to,
            limit=limit,
        )
        return iterate_items(self._calls(log_event), checked, filters)

    def iter_annotations(
        self,
        project_id: str,
        space_id: str,
        *,
        batch_ids: Iterable[int] | None = None,
        work_item_ids: Iterable[str | UUID] | None = None,
        created_at_from: Moment | None = None,
        created_at_to: Moment | None = None,
        updated_at_from: Moment | None = None,
        updated_at_to: Moment | None = None,
        max_workers: MaxWorkers = 10,
        limit: int | None = None,
        status: str = "COMPLETED",
        on_event: EventHandler | None = None,
    ) -> AsyncGenerator[AnnotatedItem, None]:
        """Yield each work item with the bytes of its COCO document, or with the error that kept it away.

        Items come as they arrive, not in listing order, and nothing is written to the disk; filters as in
        `download_project`. Leaving the loop early cancels the rest. Raises ValueError and, for what ends the run,
        CFError.
        """
        order = Order(
            check_identifier("project_id", project_id),
            check_identifier("space_id", space_id),
            check_filters(
                status=status,
                batch_ids=batch_ids,
                work_item_ids=work_item_ids,
                created_at_from=created_at_from,
                created_at_to=created_at_to,
                updated_at_from=updated_at_from,
                updated_at_to=updated_at_to,
                limit=limit,
            ),
            check_max_workers(max_workers),
        )
        return iterate(self._calls(log_event, check_handler("on_event", on_event)), order)

    async def _download(
        self,
        order: Order,
        destination: StrPath,
        progress: bool | ProgressHandler | None,
        on_event: EventHandler | None,
    ) -> DownloadSummary:
        folder, handler = check_destination(destination), check_handler("on_event", on_event)
        with ProgressReport(progress, assets=order.assets) as report:
            calls = self._calls(log_event, report.handle if report.wanted else None, handler)
            return await download(calls, order, folder)
