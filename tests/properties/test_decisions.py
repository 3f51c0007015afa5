from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.concurrency import ConcurrencyLimit
from cf_ai_platform_client.core.paging import Cursors
from cf_ai_platform_client.core.retry import RetryPolicy, wait_before_retry
from cf_ai_platform_client.errors import CFError, ListingError
from cf_ai_platform_client.models import KeysetPaginationMeta


@given(st.lists(st.sampled_from("abcdef") | st.none() | st.just(""), max_size=40))
def test_any_sequence_of_pages_ends(names: list[str | None]) -> None:
    cursors = Cursors("work items")
    followed = 0
    try:
        for name in names:
            if cursors.following(KeysetPaginationMeta(cursorNext=name)) is None:
                break
            followed += 1
    except ListingError:
        pass
    assert followed <= len({name for name in names if name})


@given(
    st.builds(
        RetryPolicy,
        attempts=st.integers(1, 50),
        base=st.floats(0, 100),
        cap=st.floats(0, 100),
        total=st.floats(0, 1000),
        retry_after_cap=st.floats(0, 1000),
    ),
    st.integers(1, 200),
    st.floats(0, 2000),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.floats(allow_nan=False),
)
def test_no_retry_is_late_or_one_too_many(
    policy: RetryPolicy, attempt: int, elapsed: float, jitter: float, retry_after: float | None
) -> None:
    error = CFError("x", code="server_error", retry_after=retry_after)
    wait = wait_before_retry(policy, error, attempt=attempt, elapsed=elapsed, jitter=jitter)
    if wait is not None:
        assert 0 <= wait <= policy.cap + policy.retry_after_cap
        assert elapsed + wait <= policy.total
        assert attempt < policy.attempts


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 0.1)), max_size=600), st.sampled_from(["auto", 1, 10, 100]))
def test_the_limit_stays_within_its_bounds(calls: list[tuple[bool, float]], workers: int) -> None:
    limit = ConcurrencyLimit.of(workers)
    now = 0.0
    for good, step in calls:
        now += step
        if good:
            limit.finished(now, busy=True)
        else:
            limit.overloaded()
        assert 1 <= limit.limit <= limit.most
