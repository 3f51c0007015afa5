"""One timer a request: it ends what takes too long, and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cf_ai_platform_client.adapters.patience import Patience, Watch


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves by hand; a timer is due once the clock was moved past it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.timers: list[asyncio.TimerHandle] = []
        self.watch = Watch()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self.timers.append(timer)
        return timer

    async def move(self, seconds: float) -> None:
        """Let time pass, from timer to timer, and let whatever is due happen."""
        end = self.now + seconds
        while due := [
            timer.when() for timer in self.timers if not timer.cancelled() and self.now < timer.when() <= end
        ]:
            self.now = min(due)
            await _settle()
        self.now = end
        await _settle()

    @property
    def left(self) -> list[asyncio.TimerHandle]:
        """The timers that would still go off."""
        return [timer for timer in self.timers if not timer.cancelled() and timer.when() > self.now]


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def stepped(run: Callable[[SteppedLoop], Awaitable[None]]) -> None:
    loop = SteppedLoop()
    try:
        loop.run_until_complete(run(loop))
        loop.watch.close()
        assert loop.left == [], "a timer is left"
    finally:
        loop.close()


async def waiting(patience: Patience, hold: bool = False) -> str:
    with patience:
        if hold:
            patience.hold()
        await asyncio.Event().wait()
    return "never"


@pytest.mark.parametrize(("first", "each"), [(10.0, 3.0), (3.0, 10.0), (5.0, 5.0)])
def test_what_takes_longer_than_it_may_is_a_timeout(first: float, each: float) -> None:
    async def run(loop: SteppedLoop) -> None:
        task = asyncio.ensure_future(waiting(Patience(loop.watch, first, each)))
        await _settle()
        await loop.move(first - 0.1)
        assert not task.done()
        await loop.move(0.2)
        assert isinstance(task.exception(), asyncio.TimeoutError)
        assert isinstance(task.exception().__cause__, asyncio.CancelledError)  # type: ignore[union-attr]

    stepped(run)


def test_renewing_gives_it_more_time_from_then_on_with_one_timer() -> None:
    async def run(loop: SteppedLoop) -> None:
        patience = Patience(loop.watch, 10.0, 4.0)
        task = asyncio.ensure_future(waiting(patience))
        await _settle()
        await loop.move(9.0)
        for _ in range(5):
            patience.renew()
            await loop.move(3.9)
            assert not task.done()
            assert len(loop.left) == 1
        await loop.move(0.2)
        assert isinstance(task.exception(), asyncio.TimeoutError)

    stepped(run)


def test_renewing_may_leave_less_time_than_there_was() -> None:
    async def run(loop: SteppedLoop) -> None:
        patience = Patience(loop.watch, 100.0, 4.0)
        task = asyncio.ensure_future(waiting(patience))
        await _settle()
        await loop.move(1.0)
        patience.renew()
        await loop.move(8.0)  # the timer looks again after 4 seconds at the latest
        assert isinstance(task.exception(), asyncio.TimeoutError)

    stepped(run)


def test_what_is_held_takes_as_long_as_it_takes_and_goes_on_by_renewing() -> None:
    async def run(loop: SteppedLoop) -> None:
        patience = Patience(loop.watch, 2.0, 2.0)
        task = asyncio.ensure_future(waiting(patience, hold=True))
        await _settle()
        await loop.move(1000.0)
        assert not task.done()
        patience.renew()
        await loop.move(4.1)
        assert isinstance(task.exception(), asyncio.TimeoutError)

    stepped(run)


def test_what_ends_in_time_leaves_no_timer_for_long_and_no_cancellation() -> None:
    async def run(loop: SteppedLoop) -> None:
        async def soon() -> str:
            with Patience(loop.watch, 5.0, 5.0):
                await asyncio.sleep(0)
            await loop.move(5.0)
            assert loop.left == []
            await loop.move(20.0)
            return "done"

        assert await asyncio.ensure_future(soon()) == "done"

    stepped(run)


def test_its_own_errors_pass_even_after_the_time_is_over() -> None:
    async def run(loop: SteppedLoop) -> None:
        async def fail() -> None:
            with Patience(loop.watch, 5.0, 5.0):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise ValueError("of its own") from None

        task = asyncio.ensure_future(fail())
        await _settle()
        await loop.move(5.1)
        assert isinstance(task.exception(), ValueError)

    stepped(run)


def test_a_cancellation_from_outside_is_one() -> None:
    async def run(loop: SteppedLoop) -> None:
        task = asyncio.ensure_future(waiting(Patience(loop.watch, 5.0, 5.0)))
        await _settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    stepped(run)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks do not count their cancellations")
@pytest.mark.parametrize("first_the_timer", [True, False])
def test_a_cancellation_from_outside_wins_over_the_timer(first_the_timer: bool) -> None:
    async def run(loop: SteppedLoop) -> None:
        task = asyncio.ensure_future(waiting(Patience(loop.watch, 5.0, 5.0)))
        await _settle()
        loop.now += 5.1
        if first_the_timer:
            loop.call_at(loop.now, task.cancel)  # due in the same round, after the timer
        else:
            task.cancel()
        await _settle()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    stepped(run)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks do not count their cancellations")
def test_after_a_timeout_the_task_is_not_cancelled_any_more() -> None:
    async def run(loop: SteppedLoop) -> None:
        async def twice() -> int:
            for _ in range(2):
                with pytest.raises(asyncio.TimeoutError):
                    await waiting(Patience(loop.watch, 1.0, 1.0))
            return asyncio.current_task().cancelling()  # type: ignore[union-attr]

        task = asyncio.ensure_future(twice())
        for _ in range(2):
            await _settle()
            await loop.move(1.1)
        assert await task == 0

    stepped(run)


def test_outside_of_a_task_it_ends_nothing() -> None:
    async def run(loop: SteppedLoop) -> None:
        patience = Patience(loop.watch, 1.0, 1.0)
        loop.call_soon(patience.__enter__)
        await _settle()
        await loop.move(1.1)
        patience.__exit__(None, None, None)

    stepped(run)


def test_one_timer_looks_after_many() -> None:
    async def run(loop: SteppedLoop) -> None:
        tasks = [asyncio.ensure_future(waiting(Patience(loop.watch, first, 50.0))) for first in (30.0, 10.0, 20.0)]
        await _settle()
        for passed, over in ((9.9, 0), (0.2, 1), (10.0, 2), (10.0, 3)):
            await loop.move(passed)
            assert sum(task.done() for task in tasks) == over
            assert len(loop.left) == (1 if over < 3 else 0)
        assert all(isinstance(task.exception(), asyncio.TimeoutError) for task in tasks)

    stepped(run)
