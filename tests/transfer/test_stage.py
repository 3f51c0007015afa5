from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from cf_ai_platform_client.core.arguments import MaxWorkers
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import ConcurrencyChanged, Event
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.transfer.job import Job
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.stage import Stage
from cf_ai_platform_client.transfer.waiting import WaitingRoom

from ..conftest import Clock
from .runs import bounded, client_of, download, make_calls

BUSY = CFError("429", code="rate_limited", status=429)


class Bench:
    """One stage with work that a test decides; counts how much of it is done at once."""

    def __init__(self, clock: Clock, work: Callable[[Job], Awaitable[None]], most: MaxWorkers, *, drains: bool = False):
        self.limits: list[int] = []
        self.now = self.at_once = 0
        self._work = work
        calls = make_calls("http://127.0.0.1:1", clock, self._saw)
        self.ledger, self.waiting = Ledger("all", calls.emit), WaitingRoom(clock.runtime)
        self.stage = Stage(
            "storage", self._attempt, most, calls=calls, ledger=self.ledger, waiting=self.waiting, drains=drains
        )

    def _saw(self, event: Event) -> None:
        if isinstance(event, ConcurrencyChanged):
            self.limits.append(event.limit)

    async def _attempt(self, job: Job) -> None:
        self.now += 1
        self.at_once = max(self.at_once, self.now)
        try:
            await self._work(job)
        finally:
            self.now -= 1
        self.ledger.count_stored(job, "", 0, ())

    async def feed(self, count: int) -> None:
        for _ in range(count):
            self.stage.add(await self.ledger.admit(WorkItem(id=str(self.ledger.listed))))

    async def idle(self) -> None:
        while self.ledger.in_flight:
            await asyncio.sleep(0)

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with anyio.create_task_group() as tasks:
                self.stage.start(tasks)
                tasks.start_soon(self.waiting.serve)
                await test()
                tasks.cancel_scope.cancel()

        bounded(whole())


async def a_while(job: Job) -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("most", [1, 3, 10])
def test_no_more_is_done_at_once_than_asked(most: int, clock: Clock) -> None:
    bench = Bench(clock, a_while, most)

    async def test() -> None:
        await bench.feed(200)
        await bench.idle()

    bench.run(test)
    assert (bench.at_once, bench.ledger.stored, bench.limits) == (most, 200, [])


def test_auto_grows_while_that_helps(clock: Clock) -> None:
    async def work(job: Job) -> None:
        await a_while(job)
        clock.now += 1.0 / bench.now

    bench = Bench(clock, work, "auto")

    async def test() -> None:
        await bench.feed(900)
        await bench.idle()

    bench.run(test)
    assert bench.limits[:3] == [20, 40, 80]
    assert bench.at_once >= 80


def test_a_busy_server_halves_what_is_done_at_once(clock: Clock) -> None:
    async def work(job: Job) -> None:
        await a_while(job)
        if job.index == 0 and job.tries.count == 1:
            raise BUSY

    bench = Bench(clock, work, 8)

    async def test() -> None:
        await a_while(Job(0, WorkItem(id="")))  # all eight wait for work
        await bench.feed(1)
        while not bench.limits:
            await asyncio.sleep(0)
        bench.at_once = 0
        await bench.feed(100)
        await bench.idle()

    bench.run(test)
    assert (bench.limits[0], bench.ledger.stored) == (4, 101)
    assert bench.at_once <= max(bench.limits)
    assert bench.at_once == 4 or len(bench.limits) > 1


def test_workers_that_left_come_back(clock: Clock) -> None:
    async def work(job: Job) -> None:
        await a_while(job)
        clock.now += 0.01
        if job.index < 3 and job.tries.count == 1:
            raise BUSY

    bench = Bench(clock, work, 4)

    async def test() -> None:
        await bench.feed(900)
        await bench.idle()
        bench.at_once = 0
        await bench.feed(900)
        await bench.idle()

    bench.run(test)
    assert bench.limits[0] == 2
    assert bench.limits[-1] == bench.at_once == 4
    assert bench.ledger.stored == 1800


@pytest.mark.parametrize(("drains", "done"), [(False, 0), (True, 4)])
def test_when_the_run_stops_only_what_may_drain_is_done(drains: bool, done: int, clock: Clock) -> None:
    async def work(job: Job) -> None:
        if job.index == 4:
            raise CFError("503", code="server_error", status=500)

    bench = Bench(clock, work, 2, drains=drains)

    async def test() -> None:
        bench.ledger.stop(CFError("401", code="unauthorized", status=401))
        await bench.feed(5)
        await bench.idle()

    bench.run(test)
    summary = bench.ledger.summary(0.0)
    assert (summary.successful, summary.failed, summary.not_attempted) == (done, int(drains), 0 if drains else 5)
    assert clock.slept == []


def test_requests_in_flight_are_bounded_on_the_wire(tmp_path: Path) -> None:
    with Sandbox(items=100, latency=0.002) as sandbox:
        download(client_of(sandbox), tmp_path, max_workers=3)
        assert sandbox.most_at_once["storage"] == 3
        assert sandbox.most_at_once["annotations"] == 3
