from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.concurrency import START, ConcurrencyLimit


class Server:
    """A simulated server: it does `capacity` calls at once, shares itself among more, refuses beyond `most`.

    A `strict` one counts the calls that it refuses too.
    """

    def __init__(self, capacity: float, most: float = float("inf"), *, strict: bool = False) -> None:
        self.capacity, self.most, self.strict, self.latency = capacity, most, strict, 0.1
        self.now, self.done, self.refused = 0.0, 0, 0
        self._running: list[tuple[float, bool]] = []

    def serve(self, limit: ConcurrencyLimit, seconds: float, queue: Callable[[float], bool] = lambda _: True) -> None:
        """Keep as many calls running as the limit says for some time."""
        end = self.now + seconds
        while self.now < end:
            while len(self._running) < limit.limit:
                self._start(limit)
            self.now, good = heapq.heappop(self._running)
            if good:
                self.done += 1
                limit.finished(self.now, busy=queue(self.now))
            else:
                self.refused += 1
                limit.overloaded()

    def _start(self, limit: ConcurrencyLimit) -> None:
        limit.started(self.now)
        load = 1 + sum(served or self.strict for _, served in self._running)
        takes = self.latency * max(1.0, load / self.capacity)
        good = load <= self.most
        heapq.heappush(self._running, (self.now + (takes if good else self.latency / 10), good))


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 0.1)), max_size=600), st.integers(0, 100))
def test_the_limit_stays_within_its_bounds(calls: list[tuple[bool, bool, float]], workers: int) -> None:
    changes: list[int] = []
    limit = ConcurrencyLimit.of(workers or "auto", changes.append)
    most, now, seen = workers or 100, 0.0, [limit.limit]
    for good, busy, step in calls:
        now += step
        if good:
            limit.finished(now, busy=busy)
        else:
            limit.overloaded()
        seen.append(limit.limit)
    assert 1 <= min(seen) <= max(seen) <= most
    assert changes == [after for before, after in pairwise(seen) if before != after]


@pytest.mark.parametrize("capacity", [40, 80, 200])
def test_it_grows_to_what_the_server_can_do(capacity: int) -> None:
    server, limit = Server(capacity), ConcurrencyLimit.of("auto")
    server.serve(limit, 60)
    assert min(capacity, 100) * 0.8 <= limit.limit <= 100
    assert server.done / server.now > 0.8 * min(capacity, 100) / server.latency


def test_it_does_not_grow_where_more_calls_bring_nothing() -> None:
    seen: list[int] = []
    server, limit = Server(capacity=10), ConcurrencyLimit.of("auto", seen.append)
    server.serve(limit, 600)
    assert set(seen) <= {START, 2 * START}
    assert server.done / server.now == pytest.approx(100, rel=0.05)


def test_it_finds_the_room_that_opens_later() -> None:
    server, limit = Server(capacity=10), ConcurrencyLimit.of("auto")
    server.serve(limit, 60)
    before, server.capacity = limit.limit, 100
    server.serve(limit, 300)
    assert before <= 20 < 80 <= limit.limit


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize("workers", ["auto", 64])
def test_a_server_that_refuses_is_left_alone_and_comes_back(workers: int, strict: bool) -> None:
    server, limit = Server(capacity=1000, most=16, strict=strict), ConcurrencyLimit.of(workers)
    server.serve(limit, 60)
    assert limit.limit <= 32
    assert server.refused < server.done / 4
    server.most = 1000
    server.serve(limit, 120)
    assert limit.limit >= 64


def test_a_fixed_limit_is_never_exceeded_however_fast_the_server() -> None:
    seen: list[int] = []
    limit = ConcurrencyLimit.of(7, seen.append)
    Server(capacity=1000).serve(limit, 60)
    assert (limit.limit, seen) == (7, [])


def test_what_is_not_busy_says_nothing() -> None:
    limit = ConcurrencyLimit.of("auto")
    Server(capacity=1000).serve(limit, 60, queue=lambda _: False)
    assert limit.limit == START
