from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest

from cf_ai_platform_client.loop_thread import ClientClosed
from cf_ai_platform_client.portal import Portal

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to one thread")


class Place:
    """What the portal runs in, and a diary of what happened there."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.portal = Portal(self.within)

    @asynccontextmanager
    async def within(self) -> AsyncGenerator[None, None]:
        self.diary.append("enter")
        try:
            yield
        finally:
            await asyncio.sleep(0)
            self.diary.append("exit")

    async def count(self, most: int = 1000) -> AsyncGenerator[int, None]:
        try:
            for number in range(most):
                yield number
        finally:
            await asyncio.sleep(0)
            self.diary.append("closed")


@pytest.fixture(params=["uvloop", "asyncio"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)  # as where it is not installed
    place = Place()
    yield place
    place.portal.close()
    assert place.diary.count("enter") == place.diary.count("exit")
    assert not portal_threads()


def portal_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "cf-ai-portal"]


async def where() -> tuple[str, threading.Thread]:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0], threading.current_thread()


def interrupt_main() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_calls_share_one_loop_in_one_thread(place: Place, request: pytest.FixtureRequest) -> None:
    kind, thread = place.portal.run(where)
    assert kind == request.node.callspec.params["place"]
    assert place.portal.run(where) == (kind, thread)
    assert thread.daemon
    assert thread is not threading.current_thread()
    assert place.diary == ["enter"]


def test_nothing_starts_before_the_first_call(place: Place) -> None:
    place.portal.close()
    assert place.diary == []


def test_closing_ends_the_thread_and_a_later_call_starts_another(place: Place) -> None:
    _, first = place.portal.run(where)
    place.portal.close()
    place.portal.close()
    assert not first.is_alive()
    assert place.portal.run(where)[1] is not first
    assert place.diary == ["enter", "exit", "enter"]


def test_a_portal_that_nobody_holds_ends(place: Place) -> None:
    portal = Portal(place.within)
    portal.run(where)
    del portal
    gc.collect()
    assert place.diary == ["enter", "exit"]


def test_it_works_in_a_running_loop(place: Place) -> None:
    async def main() -> str:
        return place.portal.run(where)[0]

    assert asyncio.run(main())


def test_it_works_from_several_threads_at_once(place: Place) -> None:
    together, met, seen = 8, 0, list[threading.Thread]()

    async def meet() -> threading.Thread:
        nonlocal met
        met += 1
        while met < together:
            await asyncio.sleep(0)
        return threading.current_thread()

    threads = [threading.Thread(target=lambda: seen.append(place.portal.run(meet))) for _ in range(together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == together
    assert len(set(seen)) == 1


def test_an_error_comes_out_as_it_is_with_both_threads_in_its_traceback(place: Place) -> None:
    error, cause = KeyError("here"), ValueError("there")

    async def fail() -> NoReturn:
        raise error from cause

    with pytest.raises(KeyError) as caught:
        place.portal.run(fail)
    assert caught.value is error
    assert error.__cause__ is cause
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[0] == test_an_error_comes_out_as_it_is_with_both_threads_in_its_traceback.__name__
    assert names[-1] == "fail"


@pytest.mark.parametrize("kind", [RuntimeError, OSError])
def test_what_cannot_be_entered_is_the_callers_error_each_time(kind: type[Exception]) -> None:
    error = kind("no entry")

    @asynccontextmanager
    async def within() -> AsyncGenerator[None, None]:
        raise error
        yield

    portal = Portal(within)
    for _ in range(2):
        with pytest.raises(kind, match="no entry"):
            portal.run(where)
    portal.close()


@pytest.mark.parametrize("exit_error", [SystemExit(7), KeyboardInterrupt("mine")], ids=repr)
@pytest.mark.parametrize("nested", [False, True], ids=["itself", "in a task"])
def test_an_exit_reaches_the_caller_and_the_next_call_works(
    place: Place, exit_error: BaseException, nested: bool
) -> None:
    async def leave() -> NoReturn:
        raise exit_error

    async def leave_in_a_task() -> None:
        await asyncio.ensure_future(leave())

    with pytest.raises(type(exit_error)) as caught:
        place.portal.run(leave_in_a_task if nested else leave)
    assert caught.value is exit_error
    assert place.portal.run(where)


def test_a_handler_may_not_wait_for_its_own_loop(place: Place) -> None:
    async def again() -> object:
        return place.portal.run(where)

    with pytest.raises(RuntimeError, match="handler of the client's own events"):
        place.portal.run(again)


@pytest.mark.parametrize("from_within", [False, True], ids=["from another thread", "from within"])
def test_closing_ends_a_call_that_is_under_way(place: Place, from_within: bool) -> None:
    closers: list[threading.Thread] = []

    async def close_and_wait() -> None:
        closers.append(threading.Thread(target=place.portal.close))
        closers[0].run() if from_within else closers[0].start()
        try:
            await asyncio.Event().wait()
        finally:
            place.diary.append("cleaned up")

    with pytest.raises(ClientClosed):
        place.portal.run(close_and_wait)
    if not from_within:
        closers[0].join()
    place.portal.run(where)
    assert place.diary[:2] == ["enter", "cleaned up"]


@posix
def test_an_interrupt_cancels_and_waits_for_the_cleaning_up(place: Place) -> None:
    async def interrupted() -> None:
        interrupt_main()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(100):
                await asyncio.sleep(0)
            place.diary.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        place.portal.run(interrupted)
    assert place.diary == ["enter", "cleaned up"]
    assert place.portal.run(where)


@posix
def test_a_second_interrupt_does_not_wait(place: Place) -> None:
    async def stubborn() -> None:
        interrupt_main()
        try:
            await asyncio.Event().wait()
        finally:
            interrupt_main()
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        place.portal.run(stubborn)


@posix
def test_what_is_interrupted_before_it_starts_never_starts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    held, released = threading.Event(), threading.Event()

    async def hold_the_loop() -> None:
        held.set()
        released.wait()

    async def begin() -> None:
        place.diary.append("started")

    def release(*_: object) -> NoReturn:
        released.set()
        raise KeyboardInterrupt

    holder = threading.Thread(target=lambda: place.portal.run(hold_the_loop))
    before = signal.signal(signal.SIGINT, release)
    try:
        holder.start()
        held.wait()
        with pytest.raises(KeyboardInterrupt):
            threading.Thread(target=interrupt_main).start() or place.portal.run(begin)
    finally:
        signal.signal(signal.SIGINT, before)
        holder.join()
    assert place.diary == ["enter"]


def test_an_iteration_ends_with_its_source(place: Place) -> None:
    assert list(place.portal.iterate(place.count(3))) == [0, 1, 2]
    assert place.diary == ["enter", "closed"]


def test_an_error_of_the_source_ends_the_iteration(place: Place) -> None:
    async def source() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("two")

    numbers = place.portal.iterate(source())
    assert next(numbers) == 1
    with pytest.raises(KeyError, match="two"):
        next(numbers)
    assert list(numbers) == []


def leave_by_close(place: Place) -> None:
    numbers = place.portal.iterate(place.count())
    next(numbers)
    numbers.close()


def leave_by_break(place: Place) -> None:
    for _ in place.portal.iterate(place.count()):
        break


def leave_by_error(place: Place) -> None:
    with pytest.raises(KeyError):
        for _ in place.portal.iterate(place.count()):
            raise KeyError


def in_a_cycle(place: Place) -> None:
    numbers = place.portal.iterate(place.count())
    next(numbers)
    cycle: list[Any] = [numbers]
    cycle.append(cycle)


def leave_to_the_collector(place: Place) -> None:
    in_a_cycle(place)
    gc.collect()


def leave_to_the_collector_in_the_loops_thread(place: Place) -> None:
    async def collect() -> None:
        gc.collect()
        while "closed" not in place.diary:
            await asyncio.sleep(0)

    in_a_cycle(place)
    place.portal.run(collect)


def leave_to_the_end(place: Place) -> None:
    numbers = place.portal.iterate(place.count())
    next(numbers)
    place.portal.close()


LEAVINGS: list[Callable[[Place], None]] = [
    leave_by_close,
    leave_by_break,
    leave_by_error,
    leave_to_the_collector,
    leave_to_the_collector_in_the_loops_thread,
    leave_to_the_end,
]


@pytest.mark.parametrize("leave", LEAVINGS, ids=[leave.__name__ for leave in LEAVINGS])
def test_an_iteration_left_early_is_closed_within_its_place(place: Place, leave: Callable[[Place], None]) -> None:
    leave(place)
    place.portal.close()
    assert place.diary == ["enter", "closed", "exit"]


def test_closing_the_portal_does_not_make_an_iteration_look_complete(place: Place) -> None:
    numbers = place.portal.iterate(place.count())
    assert next(numbers) == 0
    place.portal.close()
    with pytest.raises(ClientClosed):
        next(numbers)
    assert list(place.portal.iterate(place.count(2))) == [0, 1]


def test_an_iteration_holds_its_portal(place: Place) -> None:
    numbers = Portal(place.within).iterate(place.count(2))
    gc.collect()
    assert list(numbers) == [0, 1]
    del numbers
    gc.collect()
    assert place.diary == ["enter", "closed", "exit"]


def test_an_iteration_that_never_began_needs_nothing(place: Place) -> None:
    numbers = place.portal.iterate(place.count())
    del numbers
    gc.collect()
    assert place.diary == []


def test_any_awaitable_is_run(place: Place) -> None:
    def call() -> Awaitable[str]:
        return asyncio.sleep(0, "slept")

    assert place.portal.run(call) == "slept"
