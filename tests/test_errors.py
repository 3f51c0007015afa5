from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cf_ai_platform_client import errors
from cf_ai_platform_client.errors import ERROR_CODES, RETRYABLE_CODES, STATUS_ERRORS, CFError, DiskError, StatusError
from cf_ai_platform_client.models import DownloadSummary

FIELDS = {"code": "timeout", "status": 418, "request_id": "r", "item_id": "i", "hint": "Wait.", "retry_after": 2.5}
REQUEST = httpx.Request("GET", "https://x.example/a")
RESPONSE = httpx.Response(418, headers={"etag": "1"}, content=b"tea", request=REQUEST)

STATUS_KINDS = [
    "AuthenticationError",
    "ForbiddenError",
    "NotFoundError",
    "ConflictError",
    "RateLimitError",
    "ServerError",
    "RejectedError",
    "StatusError",
]
PARENTS: dict[str, type[Exception]] = {
    **dict.fromkeys(STATUS_KINDS, httpx.HTTPStatusError),
    "RequestTimeoutError": httpx.TimeoutException,
    "ExportTimeoutError": TimeoutError,
    "NetworkError": httpx.NetworkError,
    "NoConnectionError": httpx.ConnectError,
    "ResponseError": httpx.HTTPError,
    "ListingError": errors.ResponseError,
    "ItemError": ValueError,
    "ExportError": ValueError,
    "ArchiveError": ValueError,
    "ItemsFailedError": CFError,
    "UnsafeURLError": httpx.HTTPError,
    "DiskError": OSError,
    "CFError": Exception,
}


def make(name: str) -> CFError:
    kind: type[CFError] = getattr(errors, name)
    parent: dict[str, Any] = {"request": REQUEST, "response": RESPONSE} if issubclass(kind, StatusError) else {}
    error = kind("It failed.", **FIELDS, **parent)  # type: ignore[arg-type]
    error.summary = DownloadSummary(total_items=1, successful=0, failed=1)
    return error


def pickled(error: CFError) -> Any:
    return pickle.loads(pickle.dumps(error))


def test_every_error_is_in_the_tree_and_in_this_table() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CFError)}
    assert kinds == set(PARENTS)
    assert all(name in str(errors.__doc__) for name in kinds)


@pytest.mark.parametrize("name", PARENTS)
def test_each_is_caught_as_what_users_catch_today(name: str) -> None:
    with pytest.raises(PARENTS[name]):
        raise make(name)
    with pytest.raises(CFError):
        raise make(name)


@pytest.mark.parametrize("duplicate", [pickled, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("name", PARENTS)
def test_each_travels_with_all_its_fields(name: str, duplicate: Callable[[CFError], CFError]) -> None:
    error = make(name)
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.message, twin.summary) == (str(error), "It failed.", error.summary)
    assert {field: getattr(twin, field) for field in FIELDS} == FIELDS
    if isinstance(twin, StatusError):
        assert (twin.request.url, twin.request.method) == (REQUEST.url, "GET")
        assert (twin.response.status_code, twin.response.content) == (418, b"tea")


@pytest.mark.parametrize("name", PARENTS)
def test_the_text_is_the_message_and_the_hint(name: str) -> None:
    kind: type[CFError] = getattr(errors, name)
    assert str(make(name)) == "It failed. Wait."
    if not issubclass(kind, StatusError):
        assert str(kind("It failed.", code="timeout")) == "It failed."


def test_what_is_not_given_is_none() -> None:
    error = CFError("x", code="conflict")
    assert [getattr(error, field) for field in FIELDS] == ["conflict", None, None, None, None, None]
    assert error.summary is None


def test_a_disk_error_has_the_fields_of_an_oserror() -> None:
    error = DiskError("The disk is full.", code="disk_full")
    assert (error.errno, error.filename) == (None, None)
    assert str(error) == "The disk is full."


def test_the_codes_are_a_closed_set() -> None:
    assert len(ERROR_CODES) == 28
    assert ERROR_CODES >= RETRYABLE_CODES
    assert {code for _, code in STATUS_ERRORS.values()} <= ERROR_CODES
    assert isinstance(ERROR_CODES, frozenset)


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_only_what_can_pass_is_retryable(code: errors.ErrorCode) -> None:
    assert CFError("x", code=code).retryable == (code in RETRYABLE_CODES)


@pytest.mark.parametrize(
    "code",
    [
        "unauthorized",
        "forbidden",
        "not_found",
        "conflict",
        "rejected",
        "cancelled",
        "export_failed",
        "unknown_outcome",
    ],
)
def test_what_stays_as_it_is_can_not_pass(code: errors.ErrorCode) -> None:
    assert not CFError("x", code=code).retryable
