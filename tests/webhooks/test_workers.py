"""Threads that end with the process."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from cf_ai_platform_client.webhooks.workers import Workers


def test_what_waited_too_long_is_not_begun() -> None:
    end, begun, done = threading.Event(), threading.Event(), list[str]()

    def hang() -> str:
        begun.set()
        end.wait(10)
        return "ended"

    async def main() -> None:
        workers = Workers(1)
        first = asyncio.ensure_future(workers.run(hang))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.ensure_future(workers.run(lambda: done.append("second"), patience=-1))
        third = asyncio.ensure_future(workers.run(lambda: done.append("third"), patience=60))
        await asyncio.sleep(0)
        end.set()
        with pytest.raises(TimeoutError, match="did not begin"):
            await second
        await third
        assert await first == "ended"
        workers.close(10)

    asyncio.run(main())
    assert done == ["third"]


def test_after_the_end_there_are_new_threads_though_an_old_one_hangs() -> None:
    end, begun, done = threading.Event(), threading.Event(), threading.Semaphore(0)
    workers = Workers(1)
    workers.submit(lambda: (begun.set(), end.wait(10)))
    assert begun.wait(10)
    workers.close(0)
    for _ in range(3):
        workers.submit(done.release)
    for _ in range(3):
        assert done.acquire(timeout=10)
    end.set()
    workers.close(10)


def test_a_loop_that_is_gone_is_told_nothing() -> None:
    end, begun, workers = threading.Event(), threading.Event(), Workers(1)

    async def main() -> None:
        task = asyncio.ensure_future(workers.run(lambda: (begun.set(), end.wait(10))))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()

    asyncio.run(main())
    end.set()
    workers.close(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_has_threads_of_its_own() -> None:
    here, workers = threading.Event(), Workers(1)
    workers.submit(here.set)
    assert here.wait(10)
    child = os.fork()
    if not child:
        signal.alarm(20)
        there = threading.Event()
        workers.submit(there.set)
        os._exit(0 if there.wait(10) else 1)
    assert os.waitpid(child, 0)[1] == 0
    workers.close(10)
