from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from cf_ai_platform_client.adapters.threads import to_the_end


def test_results_and_errors_come_back() -> None:
    async def run() -> None:
        assert await to_the_end(lambda: 7) == 7
        assert await to_the_end(threading.current_thread) is not threading.current_thread()
        with pytest.raises(KeyError):
            await to_the_end(lambda: {}["x"])

    asyncio.run(run())


@pytest.mark.parametrize("fails", [False, True])
def test_one_who_is_cancelled_waits_for_the_end(fails: bool) -> None:
    entered, let_go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        let_go.wait()
        ended.set()
        if fails:
            raise OSError("closed meanwhile")

    async def run() -> None:
        task = asyncio.ensure_future(to_the_end(work, stop=let_go.set))
        while not entered.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(run())


def test_a_group_that_cancels_again_and_again_waits_too() -> None:
    entered, let_go = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        let_go.wait()

    async def run() -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(to_the_end, work)
                while not entered.is_set():
                    await asyncio.sleep(0)
                scope.cancel()
                asyncio.get_running_loop().call_later(0.01, let_go.set)
        assert let_go.is_set()

    asyncio.run(run())
