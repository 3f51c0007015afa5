"""Joins the stages: listing → annotating → signing → fetching → a sink, in one task group.

An asset follows its document: signing → fetching in a stage of its own → the same sink.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import anyio

from ..core.arguments import Filters
from ..core.filter_checks import IgnoredFilters
from ..core.paging import total_warning
from ..core.requests import Endpoint
from ..core.retry import RetryBudget
from ..errors import CFError, DiskError, ItemError
from ..events import PageListed, Warned
from ..models import AssetSummary, DownloadSummary, WorkItem
from .annotating import Annotating
from .asset_fetching import AssetFetching, AssetSink
from .assets import Assets
from .calls import Calls, HandlerError
from .fetching import Fetching, Sink
from .job import Job
from .later import Later
from .ledger import Ledger
from .listing import as_listing_failure, manifest_pages
from .order import Order
from .planning import Planned, Planner
from .signing import Signing
from .stage import Stage
from .waiting import WaitingRoom


class Pipeline:
    """One transfer; of assets too, where there is an `asset_sink`."""

    def __init__(
        self,
        calls: Calls,
        order: Order,
        ledger: Ledger,
        planner: Planner,
        sink: Sink,
        asset_sink: AssetSink | None = None,
    ) -> None:
        self._calls, self._order, self._ledger, self._planner = calls, order, ledger, planner
        self._waiting = WaitingRoom(calls.runtime)
        self._sink = sink
        self._until_stopped = anyio.CancelScope()
        ledger.on_stop = self._stop
        self._signing = self._signing_for(self._signed, self._more_paths_may_come)
        annotating = Annotating(calls, order.project_id, order.space_id, self._signing.add)
        fetching = Fetching(calls, self._sink, self._signing.add)
        self._annotating = self._stage("annotations", annotating.attempt)
        self._fetching = self._stage("storage", fetching.attempt, drains=True)
        self._assets = None if asset_sink is None else self._asset_stages(asset_sink)

    async def run(self) -> DownloadSummary:
        """Transfer everything; an error that ends the run carries `.summary`."""
        start = self._calls.runtime.monotonic()
        try:
            async with self._calls.http.connected():
                await self._run()
        except CFError as error:
            error.summary = self._summary(start)
            raise
        if self._ledger.ended_by is not None:
            self._ledger.ended_by.summary = self._summary(start)
            raise self._ledger.ended_by
        return self._summary(start)

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                self._signing.start(tasks)
                self._annotating.start(tasks)
                self._fetching.start(tasks)
                for stage in self._assets or ():
                    stage.start(tasks)
                for task in (self._waiting.serve, self._sink.serve, self._list):
                    tasks.start_soon(Later, task)
                await self._ledger.done.wait()
                tasks.cancel_scope.cancel()
        except BaseException as error:
            alone = _alone(error)
            if alone is error:
                raise
            raise alone from alone.__cause__
        finally:
            self._signing.close()
            if self._assets is not None:
                self._assets[0].close()

    async def _list(self) -> None:
        with self._until_stopped:
            await self._list_all()
        self._ledger.listing_ended()
        self._signing.upstream_idle()

    async def _list_all(self) -> None:
        try:
            async for filters in self._planner.listings():
                await self._list_these(filters)
            self._ledger.complete = True
        except CFError as error:
            self._listing_failed(error)

    async def _list_these(self, filters: Filters) -> None:
        before, total, ignored = self._ledger.listed, None, IgnoredFilters(filters)
        async with manifest_pages(self._calls, self._order.project_id, filters, self._planner) as pages:
            async for page in pages:
                total = page.total if page.total is not None else total
                await self._admit(page.items, total if total is None else before + total)
                ignored.look_at(planned.item for planned in page.items if not isinstance(planned.item, ItemError))
        self._ledger.counted = total is not None
        self._ledger.fell_short |= total is not None and total > self._ledger.listed - before
        missing = (
            None if before else total_warning(total, self._ledger.listed)
        )  # a later listing has some for a second time
        for message in (missing, *ignored.warnings()):
            self.warn(message)

    async def _admit(self, items: Sequence[Planned], total: int | None) -> None:
        self._calls.emit(PageListed(len(items), total))
        for planned in items:
            if isinstance(planned.item, ItemError):
                self._ledger.fell_short = self._ledger.had_malformed = True
                self._ledger.count_failed(await self._ledger.admit(WorkItem(id="")), planned.item)
                continue
            job = await self._ledger.admit(planned.item)
            job.entry, job.ask, job.asset = planned.entry, planned.verdict == "ask", planned.asset
            if planned.verdict == "skip":
                self._ledger.count_skipped(job, planned.path)
            else:
                self._annotating.add(job)

    def _listing_failed(self, error: CFError) -> None:
        if isinstance(error, DiskError):
            raise error
        if error.code == "unauthorized":
            self._ledger.stop(error)
            return
        if self._ledger.listed:
            self.warn(f"The listing broke off after {self._ledger.listed} work items: {error.message}")
        self._ledger.end_with(as_listing_failure(error))

    def _stop(self) -> None:
        self._until_stopped.cancel()
        self._waiting.end_all()

    def warn(self, message: str | None) -> None:
        """Say in the summary and as an event what the user should know."""
        if message:
            self._ledger.warnings.append(message)
            self._calls.emit(Warned(message))

    def _signed(self, job: Job) -> None:
        self._fetching.add(job)

    def _more_paths_may_come(self) -> bool:
        return self._ledger.listing or self._annotating.busy > 1 or len(self._annotating.inbox) > 0

    def _more_assets_may_come(self) -> bool:
        return self._ledger.listing or self._ledger.documents > 0

    def _asset_stages(self, sink: AssetSink) -> tuple[Signing, Stage]:
        """Make stages that assets have for themselves, and retries too: what is wrong with them costs no document."""

        def signed(job: Job) -> None:
            stage.add(job)

        budget = self._calls.new_budget()
        signing = self._signing_for(signed, self._more_assets_may_come)
        fetching = AssetFetching(self._calls, sink, self._ledger, budget, signing.add)
        stage = self._stage("storage", fetching.attempt, name="assets", budget=budget)
        self._ledger.begin_asset = Assets(self._order.space_id, self._ledger, sign=signing.add, fetch=stage.add).begin
        self._ledger.assets = AssetSummary()
        return signing, stage

    def _signing_for(self, hand_on: Callable[[Job], None], more_may_come: Callable[[], bool]) -> Signing:
        return Signing(
            self._calls,
            self._order.space_id,
            ledger=self._ledger,
            waiting=self._waiting,
            hand_on=hand_on,
            more_may_come=more_may_come,
        )

    def _stage(
        self,
        endpoint: Endpoint,
        attempt: Callable[[Job], Awaitable[None]],
        *,
        drains: bool = False,
        name: str | None = None,
        budget: RetryBudget | None = None,
    ) -> Stage:
        return Stage(
            endpoint,
            attempt,
            self._order.max_workers,
            calls=self._calls,
            ledger=self._ledger,
            waiting=self._waiting,
            drains=drains,
            name=name,
            budget=budget,
        )

    def _summary(self, start: float) -> DownloadSummary:
        summary = self._ledger.summary(self._calls.runtime.monotonic() - start)
        summary.retries = self._calls.retries
        return summary


def _alone(error: BaseException) -> BaseException:
    """Return the one error of a group that users shall see: their own or the system's before ours."""
    leaves = [leaf.error if isinstance(leaf, HandlerError) else leaf for leaf in _leaves(error)]
    others = [leaf for leaf in leaves if not isinstance(leaf, CFError | asyncio.CancelledError)]
    return (others or leaves)[0]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    parts: Sequence[BaseException] = getattr(error, "exceptions", ())  # BaseExceptionGroup is no builtin in 3.10
    if not parts:
        yield error
    for part in parts:
        yield from _leaves(part)
