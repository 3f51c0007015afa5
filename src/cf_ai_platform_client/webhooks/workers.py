"""Threads that end with the process, whatever they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Workers:
    """At most `most` daemon threads, started when there is work: an executor's would hold up the end of the process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._waiting = 0

    def submit(self, job: Job) -> None:
        """Do this, which raises nothing, when a thread is free."""
        with self._lock:
            self._waiting += 1
            if self._waiting > len(self._threads) and len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name="cf-ai-webhooks", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._jobs.put(job)

    def close(self, patience: float) -> None:
        """End the threads once they have done what was submitted, waiting that many seconds at the most."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        end = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._waiting -= 1
