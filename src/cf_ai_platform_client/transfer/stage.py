"""Workers that take jobs from a channel, as many as the limit of their stage allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from anyio.abc import TaskGroup

from ..core.arguments import MaxWorkers
from ..core.concurrency import ConcurrencyLimit
from ..core.requests import Endpoint
from ..core.retry import RetryBudget
from ..errors import CFError
from ..events import ConcurrencyChanged
from .calls import Calls
from .channel import Channel
from .job import Job
from .later import Later
from .ledger import Ledger
from .waiting import WaitingRoom

OVERLOADED = frozenset({429, 503})


class Stage:
    """One stage: `attempt` does its work for a job and hands the job on.

    A failed attempt is repeated through the waiting room or ends in the ledger; the worker goes on at once.
    `drains` tells whether jobs that came this far get their attempt, the first and only, when the run is stopping.
    `name` is the stage's where two call the same endpoint; `budget` holds its own retries, if any.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        attempt: Callable[[Job], Awaitable[None]],
        max_workers: MaxWorkers,
        *,
        calls: Calls,
        ledger: Ledger,
        waiting: WaitingRoom,
        drains: bool = False,
        name: str | None = None,
        budget: RetryBudget | None = None,
    ) -> None:
        self.inbox: Channel[Job] = Channel()
        self.busy = 0
        self._endpoint: Endpoint = endpoint
        self._attempt = attempt
        self._limit = ConcurrencyLimit.of(max_workers, self._limit_changed)
        self._calls, self._ledger, self._waiting = calls, ledger, waiting
        self._drains, self._name, self._budget = drains, name or endpoint, budget
        self._workers: set[int] = set()
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Let the workers begin."""
        self._tasks = tasks
        self._hire()

    def add(self, job: Job) -> None:
        """Take a job in, to be counted anew."""
        job.enter_stage()
        self.inbox.put_now(job)

    def _hire(self) -> None:
        for number in range(self._limit.limit):
            if number not in self._workers and self._tasks is not None:
                self._workers.add(number)
                self._tasks.start_soon(Later, partial(self._work, number))

    async def _work(self, number: int) -> None:
        try:
            while number < self._limit.limit:
                job = await self.inbox.get()
                if number >= self._limit.limit:
                    self.inbox.put_now(job)  # the limit shrank while this one waited
                    break
                self.busy += 1
                try:
                    await self._one(job)
                finally:
                    self.busy -= 1
        finally:
            self._workers.discard(number)

    async def _one(self, job: Job) -> None:
        if self._ledger.stopping and (job.tries.count or not self._drains):
            self._ledger.count_not_attempted(job)
            return
        job.tries.begin(self._calls.runtime.monotonic())
        self._limit.started(job.tries.since)
        try:
            await self._attempt(job)
        except CFError as error:
            self._after_failure(job, error)
        else:
            self._limit.finished(self._calls.runtime.monotonic(), busy=len(self.inbox) > 0)

    def _after_failure(self, job: Job, error: CFError) -> None:
        if error.code == "unauthorized":
            self._ledger.stop(error)
            self._ledger.count_not_attempted(job)
            return
        if error.status in OVERLOADED:
            self._limit.overloaded()
        wait = self._calls.wait_after(error, self._endpoint, job.tries, job.item.id, budget=self._budget)
        if wait is None or self._ledger.stopping:
            self._ledger.count_failed(job, error)
        else:
            self._waiting.add(wait, partial(self.inbox.put_now, job))

    def _limit_changed(self, limit: int) -> None:
        self._calls.emit(ConcurrencyChanged(self._name, limit))
        self._hire()
