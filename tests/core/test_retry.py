from __future__ import annotations

import pytest

from cf_ai_platform_client.core.retry import RetryBudget, RetryPolicy, Tries, wait_before_retry
from cf_ai_platform_client.errors import ERROR_CODES, CFError, ErrorCode

ONCE_MORE: tuple[ErrorCode, ...] = ("checksum", "invalid_json")
PASSING = {"rate_limited", "server_error", "timeout", "network", "too_slow", "expired_url", "truncated", *ONCE_MORE}
POLICY = RetryPolicy(attempts=5, base=1.0, cap=4.0, total=100.0, retry_after_cap=50.0)


def wait(code: ErrorCode, attempt: int = 1, elapsed: float = 0.0, retry_after: float | None = None) -> float | None:
    error = CFError("x", code=code, retry_after=retry_after)
    return wait_before_retry(POLICY, error, attempt=attempt, elapsed=elapsed, jitter=0.5)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 2.0), (5, None)])
def test_waits_grow_to_the_cap_and_end(attempt: int, seconds: float | None) -> None:
    assert wait("server_error", attempt) == seconds


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_only_what_can_pass_is_tried_again(code: ErrorCode) -> None:
    assert (wait(code) is None) == (code not in PASSING)


@pytest.mark.parametrize("code", ONCE_MORE)
def test_broken_documents_are_fetched_once_more_whatever_failed_before(code: ErrorCode) -> None:
    tries, broken, other = Tries(), CFError("x", code=code), CFError("x", code="server_error")
    outcomes: list[bool] = []
    for error in (other, broken, other, broken):
        tries.begin(7.0)
        again = wait_before_retry(POLICY, error, attempt=tries.count, elapsed=0.0, jitter=0.5, spoiled=tries.spoiled)
        tries.failed(error)
        outcomes.append(again is not None)
    assert outcomes == [True, True, True, False]


def test_tries_are_counted_from_the_first() -> None:
    tries = Tries()
    for now in (5.0, 6.0, 7.0):
        tries.begin(now)
    assert tries == Tries(count=3, since=5.0)


@pytest.mark.parametrize(("asked", "seconds"), [(10.0, 10.5), (1e9, 50.5), (-5.0, 0.5)])
def test_retry_after_is_a_floor_with_a_cap(asked: float, seconds: float) -> None:
    assert wait("rate_limited", retry_after=asked) == seconds


def test_one_attempt_means_no_retry() -> None:
    error = CFError("x", code="checksum")
    assert wait_before_retry(RetryPolicy(attempts=1), error, attempt=1, elapsed=0.0, jitter=0.0) is None


def test_waits_do_not_overflow() -> None:
    patient = RetryPolicy(attempts=10**6, cap=1e300, total=1e300)
    error = CFError("x", code="network")
    assert wait_before_retry(patient, error, attempt=10**5, elapsed=0.0, jitter=0.5) == 2**29


def test_the_deadline_holds() -> None:
    assert wait("server_error", elapsed=99.5) == 0.5
    assert wait("server_error", elapsed=99.6) is None


def test_the_budget_is_shared_and_refilled_by_successes() -> None:
    budget = RetryBudget(RetryPolicy(budget=2, refill=0.5))
    budget.succeeded()
    assert [budget.spend(), budget.spend(), budget.spend()] == [True, True, False]
    budget.succeeded()
    assert not budget.spend()
    budget.succeeded()
    assert budget.spend()


def test_the_budget_never_grows_beyond_its_start() -> None:
    budget = RetryBudget(RetryPolicy(budget=3, refill=2))
    budget.spend()
    budget.succeeded()
    assert budget.left == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"base": -1},
        {"cap": -0.1},
        {"total": float("nan")},
        {"retry_after_cap": -1},
        {"budget": -1},
        {"refill": -1},
    ],
    ids=str,
)
def test_policies_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"^{name} is {value}: it must"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def test_a_policy_of_zeros_is_one() -> None:
    policy = RetryPolicy(attempts=1, base=0, cap=0, total=0, retry_after_cap=0, budget=0, refill=0)
    assert not RetryBudget(policy).spend()
