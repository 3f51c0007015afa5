"""Signed URLs, many paths a call: a call leaves when it is full, after a moment, or when no more paths come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from anyio.abc import TaskGroup

from ..core.manifest import read_signed_urls
from ..core.requests import json_of, signed_urls_call
from ..core.storage_paths import match_signed_urls, only_signed_url
from ..errors import CFError
from ..models import SignedURLObject
from .calls import Calls
from .job import Job
from .later import Later
from .ledger import Ledger
from .waiting import WaitingRoom

PATHS_A_CALL = 100
LINGER = 0.05
_TOO_MANY = frozenset({400, 413, 422})
_MAY_CONCERN_ONE = frozenset({"not_found", "conflict", "rejected", "invalid_json"})


class Signing:
    """Collects jobs into calls; `more_may_come` tells whether waiting for further paths is worth it."""

    def __init__(
        self,
        calls: Calls,
        space_id: str,
        *,
        ledger: Ledger,
        waiting: WaitingRoom,
        hand_on: Callable[[Job], None],
        more_may_come: Callable[[], bool],
    ) -> None:
        self._calls, self._space_id = calls, space_id
        self._ledger, self._waiting = ledger, waiting
        self._hand_on, self._more_may_come = hand_on, more_may_come
        self._most = PATHS_A_CALL
        self._took = 0
        self._pending: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Let calls be made in this group."""
        self._tasks = tasks

    def add(self, job: Job) -> None:
        """Take a job in; its call leaves soon."""
        job.enter_stage()
        if job.sign_alone or self._most == 1:
            self._leave([job])
            return
        self._pending.append(job)
        more_may_come = self._more_may_come() or job.signed_again  # URLs expire together
        if len(self._pending) >= self._most or not more_may_come:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self.flush)

    def upstream_idle(self) -> None:
        """Send what is here if nothing more comes."""
        if self._pending and not self._more_may_come():
            self.flush()

    def flush(self) -> None:
        """Send what is here."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        jobs, self._pending = self._pending, []
        for start in range(0, len(jobs), self._most):
            self._leave(jobs[start : start + self._most])

    def close(self) -> None:
        """Send nothing more."""
        self._pending.clear()
        self.flush()

    def _leave(self, jobs: list[Job]) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(Later, partial(self._sign, jobs))

    async def _sign(self, jobs: list[Job]) -> None:
        if self._ledger.stopping:
            for job in jobs:
                self._ledger.count_not_attempted(job)
            return
        lead = jobs[0]
        lead.tries.begin(self._calls.runtime.monotonic())
        try:
            reply = await self._calls.once(signed_urls_call(self._space_id, list({job.path for job in jobs})))
            self._took = max(self._took, len(jobs))
            self._distribute(jobs, read_signed_urls(json_of(reply, "signed_urls")))
        except CFError as error:
            self._after_failure(jobs, error)

    def _distribute(self, jobs: list[Job], answers: list[SignedURLObject]) -> None:
        if len(jobs) == 1:
            (job,) = jobs
            job.url = only_signed_url(job.path, answers, self._space_id, job.item.id)
            self._hand_on(job)
            return
        urls = match_signed_urls([job.path for job in jobs], answers, self._space_id)
        for job in jobs:
            if url := urls.get(job.path):
                job.url = url
                self._hand_on(job)
            else:
                job.sign_alone = True
                self.add(job)

    def _after_failure(self, jobs: list[Job], error: CFError) -> None:
        lead = jobs[0]
        if error.status in _TOO_MANY and len(jobs) == 1:
            self._most = max(self._most, self._took)  # it is this path that is refused, not their number
        if error.code == "unauthorized":
            self._ledger.stop(error)
            for job in jobs:
                self._ledger.count_not_attempted(job)
        elif error.status in _TOO_MANY and len(jobs) > 1:
            self._split(jobs)
        elif (wait := self._calls.wait_after(error, "signed_urls", lead.tries, None)) is not None:
            self._waiting.add(wait, partial(self._leave, jobs))
        elif len(jobs) > 1 and error.code in _MAY_CONCERN_ONE:
            for job in jobs:
                job.sign_alone = True
                self.add(job)
        else:
            for job in jobs:
                self._ledger.count_failed(job, error)

    def _split(self, jobs: list[Job]) -> None:
        """Halve a call that the server refuses, and remember that it takes fewer paths."""
        half = (len(jobs) + 1) // 2
        self._most = min(self._most, half)
        for part in (jobs[:half], jobs[half:]):
            part[0].enter_stage()
            self._leave(part)
