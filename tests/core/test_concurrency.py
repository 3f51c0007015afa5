from __future__ import annotations

from collections.abc import Callable

from cf_ai_platform_client.core.concurrency import START, ConcurrencyLimit

Rate = Callable[[int], float]


def drive(limit: ConcurrencyLimit, rate: Rate, calls: int, now: float = 0.0, busy: bool = True) -> float:
    """Finish calls on a clock, as many a second as `rate` says for the limit."""
    limit.started(now)
    for _ in range(calls):
        now += 1 / rate(limit.limit)
        limit.finished(now, busy=busy)
    return now


def test_a_fixed_limit_stays() -> None:
    limit = ConcurrencyLimit.of(7)
    drive(limit, lambda n: n * 10.0, 1000)
    assert limit.limit == 7


def test_it_grows_while_throughput_grows() -> None:
    limit = ConcurrencyLimit.of("auto")
    drive(limit, lambda n: n * 25.0, 2000)
    assert limit.limit == 100


def test_it_stays_near_what_the_server_can_do() -> None:
    seen: list[int] = []
    limit = ConcurrencyLimit.of("auto", seen.append)
    drive(limit, lambda n: min(n, 20) * 25.0, 3000)
    assert limit.limit in {20, 40}
    assert seen[0] == 20


def test_windows_without_waiting_calls_say_nothing() -> None:
    limit = ConcurrencyLimit.of("auto")
    drive(limit, lambda n: n * 25.0, 1000, busy=False)
    assert limit.limit == START


def test_an_overload_halves_once_a_window_and_growth_comes_back() -> None:
    limit = ConcurrencyLimit.of(64)
    for _ in range(5):
        limit.overloaded()
    assert limit.limit == 32
    drive(limit, lambda n: n * 10.0, 2 * 64 * 8)
    assert limit.limit == 64


def test_refusals_that_go_on_shrink_it_further() -> None:
    seen: list[int] = []
    limit = ConcurrencyLimit.of(64, seen.append)
    limit.overloaded()
    for _ in range(2 * 32):
        limit.overloaded()
    assert seen == [32, 26]


def test_refusals_that_have_nothing_to_do_with_the_number_leave_it_alone() -> None:
    limit = ConcurrencyLimit.of(64)
    for _ in range(2000):
        for _ in range(7):
            limit.finished(0.0, busy=True)
        for _ in range(3):
            limit.overloaded()
    assert limit.limit >= 16


def test_it_never_falls_below_one() -> None:
    limit = ConcurrencyLimit.of(1)
    limit.overloaded()
    assert limit.limit == 1


def test_tries_in_vain_become_rarer() -> None:
    seen: list[int] = []
    limit = ConcurrencyLimit.of("auto", seen.append)
    drive(limit, lambda _: 1000.0, 20_000)
    assert set(seen) == {START, 2 * START}
    assert len(seen) < 30


def test_a_clock_that_stands_still_does_no_harm() -> None:
    limit = ConcurrencyLimit.of("auto")
    for _ in range(100):
        limit.finished(0.0, busy=True)
    assert 1 <= limit.limit <= 100


def test_after_a_refusal_it_grows_only_where_it_is_needed() -> None:
    limit = ConcurrencyLimit.of(64)
    limit.overloaded()
    drive(limit, lambda n: n * 10.0, 2000, busy=False)
    assert limit.limit == 32
