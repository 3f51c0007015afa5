from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.paging import Cursors, Unique
from cf_ai_platform_client.core.retry import RetryBudget, RetryPolicy, wait_before_retry
from cf_ai_platform_client.errors import ERROR_CODES, RETRYABLE_CODES, CFError, ListingError
from cf_ai_platform_client.models import KeysetPaginationMeta

CURSORS = st.sampled_from("abcdef") | st.none() | st.just("")
POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 50),
    base=st.floats(0, 100),
    cap=st.floats(0, 100),
    total=st.floats(0, 1000),
    retry_after_cap=st.floats(0, 1000),
    budget=st.integers(0, 20),
    refill=st.floats(0, 3),
)
JITTER = st.floats(0, 1, exclude_max=True)
WISHES = st.none() | st.floats()


@given(st.dictionaries(CURSORS, CURSORS))
def test_whatever_page_leads_to_whatever_page_the_listing_ends(next_of: dict[str | None, str | None]) -> None:
    cursors, cursor, pages = Cursors("work items"), None, [None]
    try:
        while cursor := cursors.following(KeysetPaginationMeta(cursorNext=next_of.get(cursor))):
            pages.append(cursor)
        circle = False
    except ListingError:
        circle = True
    assert len(pages) == len(set(pages)) <= len(next_of) + 1
    assert circle == (next_of.get(pages[-1]) in set(pages) - {None})


@given(st.lists(st.integers(0, 5)))
def test_of_equal_keys_the_first_is_new(keys: list[int]) -> None:
    unique = Unique()
    assert [key for key in keys if unique.is_new(key)] == list(dict.fromkeys(keys))


@given(POLICIES, st.sampled_from(sorted(ERROR_CODES)), st.integers(1, 200), st.floats(0, 2000), JITTER, WISHES)
def test_no_retry_is_late_early_or_one_too_many(
    policy: RetryPolicy, code: str, attempt: int, elapsed: float, jitter: float, wish: float | None
) -> None:
    error = CFError("x", code=code, retry_after=wish)  # type: ignore[arg-type]
    wait = wait_before_retry(policy, error, attempt=attempt, elapsed=elapsed, jitter=jitter)
    if wait is None:
        return
    assert code in RETRYABLE_CODES
    assert attempt < policy.attempts
    assert elapsed + wait <= policy.total
    floor = min(max(wish or 0.0, 0.0), policy.retry_after_cap)
    ceiling = min(policy.cap, policy.base * 2.0 ** (attempt - 1))
    assert floor <= wait <= (floor + ceiling) * (1 + 1e-12)


@given(POLICIES, st.lists(st.tuples(JITTER, WISHES), min_size=60, max_size=60))
def test_a_call_that_never_succeeds_ends(policy: RetryPolicy, replies: list[tuple[float, float | None]]) -> None:
    elapsed, attempts = 0.0, 1
    for jitter, wish in replies:
        error = CFError("x", code="rate_limited", retry_after=wish)
        wait = wait_before_retry(policy, error, attempt=attempts, elapsed=elapsed, jitter=jitter)
        if wait is None:
            break
        elapsed, attempts = elapsed + wait, attempts + 1
    assert attempts <= policy.attempts
    assert elapsed <= policy.total


@given(POLICIES, st.lists(st.booleans(), max_size=80))
def test_retries_are_bounded_by_the_budget_and_the_successes(policy: RetryPolicy, calls: list[bool]) -> None:
    budget, spent, successes = RetryBudget(policy), 0, 0
    for succeeds in calls:
        if succeeds:
            budget.succeeded()
            successes += 1
        else:
            spent += budget.spend()
        assert spent <= policy.budget + math.ceil(successes * policy.refill)
        assert 0 <= budget.left <= policy.budget
