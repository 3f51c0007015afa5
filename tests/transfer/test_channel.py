from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cf_ai_platform_client.transfer.channel import Channel, EndOfChannel


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def bounded(capacity: int = 3) -> Channel[int]:
    """Return a channel of numbers that weigh what they are."""
    return Channel(capacity, lambda number: number)


def runs(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def in_a_loop() -> None:
        async def whole() -> None:
            await asyncio.wait_for(test(), 10)

        asyncio.run(whole())

    in_a_loop.__name__ = test.__name__  # type: ignore[attr-defined]
    return in_a_loop


@runs
async def test_what_goes_in_comes_out_in_order() -> None:
    channel: Channel[str] = Channel()
    assert channel.get_now() is None
    for letter in "abc":
        await channel.put(letter)
    assert len(channel) == 3
    assert [await channel.get(), channel.get_now(), await channel.get()] == ["a", "b", "c"]


@runs
async def test_a_giver_waits_while_it_is_full() -> None:
    channel = bounded()
    await channel.put(2)
    await channel.put(2)  # below the capacity before, so it is let in
    giver = asyncio.ensure_future(channel.put(1))
    await settle()
    assert (giver.done(), len(channel)) == (False, 2)
    assert await channel.get() == 2
    await giver
    assert [channel.get_now(), channel.get_now()] == [2, 1]


@runs
async def test_there_is_always_room_for_one_however_heavy() -> None:
    channel = bounded()
    await channel.put(10**9)
    giver = asyncio.ensure_future(channel.put(10**9))
    await settle()
    assert not giver.done()
    await channel.get()
    await giver


@runs
async def test_put_now_does_not_wait() -> None:
    channel = bounded()
    for _ in range(10):
        channel.put_now(3)
    assert len(channel) == 10


@runs
async def test_the_end_comes_after_what_is_left() -> None:
    channel: Channel[int] = Channel()
    takers = [asyncio.ensure_future(channel.get()) for _ in range(3)]
    await settle()
    channel.put_now(1)
    channel.close()
    results = await asyncio.gather(*takers, return_exceptions=True)
    assert [type(result) for result in results] == [int, EndOfChannel, EndOfChannel]
    channel.put_now(2)
    assert await channel.get() == 2
    with pytest.raises(EndOfChannel):
        await channel.get()


@runs
async def test_a_cancelled_taker_takes_nothing_and_passes_its_turn_on() -> None:
    channel: Channel[int] = Channel()
    first, second, third = (asyncio.ensure_future(channel.get()) for _ in range(3))
    await settle()
    third.cancel()
    channel.put_now(1)  # wakes the first
    first.cancel()
    assert await second == 1
    assert len(channel) == 0
    await asyncio.gather(first, third, return_exceptions=True)
    channel.put_now(2)
    assert await channel.get() == 2


@runs
async def test_a_cancelled_giver_gives_nothing_and_passes_its_turn_on() -> None:
    channel = bounded()
    await channel.put(3)
    first, second = (asyncio.ensure_future(channel.put(number)) for number in (1, 2))
    await settle()
    assert await channel.get() == 3  # wakes the first giver
    first.cancel()
    await second
    assert (channel.get_now(), channel.get_now()) == (2, None)
    assert first.cancelled()


@runs
async def test_one_heavy_item_that_leaves_lets_all_light_ones_in_in_time() -> None:
    channel = bounded()
    await channel.put(3)
    givers = [asyncio.ensure_future(channel.put(1)) for _ in range(20)]
    await settle()
    taken = [await channel.get() for _ in range(21)]
    await asyncio.gather(*givers)
    assert taken == [3] + [1] * 20


@pytest.mark.parametrize("takers", [1, 3])
@pytest.mark.parametrize("givers", [1, 3])
def test_nothing_is_lost_between_many(givers: int, takers: int) -> None:
    async def run() -> list[int]:
        channel, found = bounded(5), list[int]()

        async def give(start: int) -> None:
            for number in range(start, 300, givers):
                await channel.put(number % 7)
                if number % 5 == 0:
                    await asyncio.sleep(0)

        async def take() -> None:
            try:
                while True:
                    found.append(await channel.get())
                    await asyncio.sleep(0)
            except EndOfChannel:
                pass

        taking = [asyncio.ensure_future(take()) for _ in range(takers)]
        await asyncio.gather(*(give(start) for start in range(givers)))
        channel.close()
        await asyncio.gather(*taking)
        return found

    found = asyncio.run(asyncio.wait_for(run(), 10))
    assert sorted(found) == sorted(number % 7 for number in range(300))
