"""Threads that end with the process, whatever they do."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from queue import SimpleQueue
from typing import TypeVar

Job = Callable[[], object]
T = TypeVar("T")


@dataclass
class _Crew:
    """Threads of one process, what they have to do, and how much of it is not done."""

    jobs: SimpleQueue[Job | None] = field(default_factory=SimpleQueue["Job | None"])
    threads: list[threading.Thread] = field(default_factory=list[threading.Thread])
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: int = field(default_factory=os.getpid)
    waiting: int = 0

    def dismiss(self) -> None:
        for _ in self.threads:
            self.jobs.put(None)

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                job()
            finally:
                with self.lock:
                    self.waiting -= 1


class Workers:
    """At most `most` daemon threads, started when there is work: an executor's would hold up the end of the process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._crew = self._hire()

    def submit(self, job: Job) -> None:
        """Do this, which raises nothing, when a thread is free."""
        if self._crew.process != os.getpid():  # a fork has none of the threads
            self._crew = self._hire()
        crew = self._crew
        with crew.lock:
            crew.waiting += 1
            if crew.waiting > len(crew.threads) and len(crew.threads) < self._most:
                thread = threading.Thread(target=crew.work, name="cf-ai-webhooks", daemon=True)
                crew.threads.append(thread)
                thread.start()
        crew.jobs.put(job)

    async def run(self, job: Callable[[], T], patience: float = inf) -> T:
        """Do this in a thread; return what it returns, raise what it raises. Where this is cancelled it goes on.

        Raises TimeoutError where no thread could begin in so many seconds; it is not done then.
        """
        begin_by = time.monotonic() + patience
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Callable[[], T]] = loop.create_future()

        def tell(outcome: Callable[[], T]) -> None:
            if not done.done():
                done.set_result(outcome)

        def begin() -> T:
            if time.monotonic() > begin_by:
                raise TimeoutError(f"it did not begin in {patience:g} s")
            return job()

        def work() -> None:
            outcome = outcome_of(begin)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(tell, outcome)

        self.submit(work)
        return (await done)()

    def close(self, patience: float) -> None:
        """End the threads once they have done what was submitted, waiting that many seconds at the most."""
        crew, self._crew = self._crew, self._hire()
        if crew.process != os.getpid():
            return
        crew.dismiss()
        end = time.monotonic() + patience
        for thread in crew.threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _hire(self) -> _Crew:
        crew = _Crew()
        weakref.finalize(self, crew.dismiss).atexit = False
        return crew


def outcome_of(job: Callable[[], T]) -> Callable[[], T]:
    """Do something, and return what then returns the same or raises the same, whatever it is."""
    try:
        value = job()
    except BaseException as error:
        raised = error

        def throw() -> T:
            raise raised

        return throw
    return lambda: value
