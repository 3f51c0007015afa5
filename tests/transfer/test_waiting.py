from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from cf_ai_platform_client.transfer.waiting import WaitingRoom

from ..conftest import Clock


async def served(room: WaitingRoom, until: asyncio.Event) -> None:
    """Serve until the event, or until a callback raises."""
    serving, waiting = asyncio.ensure_future(room.serve()), asyncio.ensure_future(until.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=10)
    serving.cancel()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def test_callbacks_run_when_they_are_due_and_equals_in_order(clock: Clock) -> None:
    async def run() -> None:
        room, done, calls = WaitingRoom(clock.runtime), asyncio.Event(), list[tuple[str, float]]()

        def note(name: str) -> None:
            calls.append((name, clock.now))
            if name == "last":
                done.set()

        for delay, name in ((5.0, "last"), (1.0, "b"), (1.0, "c"), (0.0, "a"), (-1.0, "overdue")):
            room.add(delay, partial(note, name))
        assert len(room) == 5
        await served(room, done)
        assert calls == [("overdue", 1000.0), ("a", 1000.0), ("b", 1001.0), ("c", 1001.0), ("last", 1005.0)]
        assert len(room) == 0

    asyncio.run(run())


def test_what_is_due_sooner_is_not_held_up_by_what_was_there_before() -> None:
    from cf_ai_platform_client.adapters.runtime import Runtime

    async def run() -> None:
        room, done, never = WaitingRoom(Runtime()), asyncio.Event(), list[int]()
        room.add(3600.0, lambda: never.append(1))
        asyncio.get_running_loop().call_soon(room.add, 0.0, lambda: room.add(0.0, done.set))
        await served(room, done)
        assert done.is_set()
        assert (never, len(room)) == ([], 1)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_an_empty_room_waits_for_the_first(clock: Clock) -> None:
    async def run() -> None:
        room, done = WaitingRoom(clock.runtime), asyncio.Event()
        asyncio.get_running_loop().call_later(0, room.add, 7.0, done.set)
        await served(room, done)
        assert clock.now == 1007.0

    asyncio.run(run())


def test_what_a_callback_raises_comes_out(clock: Clock) -> None:
    def fail() -> None:
        raise KeyError("callback")

    async def run() -> None:
        room = WaitingRoom(clock.runtime)
        room.add(0.0, fail)
        with pytest.raises(KeyError, match="callback"):
            await served(room, asyncio.Event())

    asyncio.run(run())


def test_all_can_be_ended_at_once(clock: Clock) -> None:
    room, calls = WaitingRoom(clock.runtime), list[str]()
    room.add(100.0, lambda: calls.append("later"))
    room.add(1.0, lambda: room.add(5.0, lambda: calls.append("never")))
    room.add(2.0, lambda: calls.append("sooner"))
    room.end_all()
    assert (calls, len(room), clock.now) == (["sooner", "later"], 1, 1000.0)
