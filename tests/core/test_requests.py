from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from cf_ai_platform_client.core.arguments import Filters
from cf_ai_platform_client.core.requests import (
    Endpoint,
    Reply,
    annotation_call,
    batches_call,
    error_of,
    json_of,
    retry_after,
    segment,
    signed_urls_call,
    work_items_call,
)
from cf_ai_platform_client.errors import CFError, ItemError, ResponseError

SIGNED = "https://user:pw@store.example/spaces/s/a.json?X-Amz-Signature=canary"


def error(status: int, endpoint: Endpoint = "work_items", body: bytes = b"", **headers: str) -> CFError:
    reply = Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, SIGNED)
    found = error_of(reply, endpoint, item_id="a" if endpoint == "storage" else None)
    assert found is not None
    return found


def test_a_listing_asks_for_what_the_filters_say() -> None:
    filters = Filters(batch_ids=(1, 2), work_item_ids=("a",), created_at_from="2026-01-01T00:00:00+02:00", limit=7)
    assert work_items_call("p", filters, "c&d").target == (
        "/projects/p/workItems?status=COMPLETED&batchIds=1&batchIds=2&workItemIDs=a"
        "&createdAtFrom=2026-01-01T00%3A00%3A00%2B02%3A00&limit=7&cursor=c%26d&page=NEXT"
    )


def test_pages_are_as_large_as_they_can_be() -> None:
    assert work_items_call("p", Filters()).query == "status=COMPLETED&limit=100"
    assert batches_call("p").target == "/projects/p/batches?limit=100"


def test_ids_are_one_quoted_segment() -> None:
    assert annotation_call("p", "../../e?x#y").path == "/projects/p/workItems/..%2F..%2Fe%3Fx%23y/annotations"
    assert segment("\ud800") == "%3F"


@pytest.mark.parametrize("value", ["", " ", ".", ".."])
def test_what_is_no_segment_is_refused(value: str) -> None:
    with pytest.raises(ItemError) as caught:
        annotation_call("p", value)
    assert caught.value.code == "unsafe_name"


def test_many_paths_are_signed_by_one_call() -> None:
    call = signed_urls_call("s", ["a", "b"])
    assert (call.method, call.target) == ("POST", "/spaces/s/signedurls")
    assert json.loads(call.body or b"") == {"paths": ["a", "b"]}


@pytest.mark.parametrize("body", [b'{"a": 1}', b'{"a": 1, "b": "\\ud800"}', b'{"a": 1, "b": NaN}'])
def test_json_is_read_even_where_strict_parsers_give_up(body: bytes) -> None:
    assert json_of(Reply(200, {}, body), "work_items")["a"] == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ResponseError, match="is not JSON: it begins with") as caught:
        json_of(Reply(200, {}, body), "work_items")
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (408, "timeout"),
        (409, "conflict"),
        (429, "rate_limited"),
        (500, "server_error"),
        (503, "server_error"),
        (400, "rejected"),
        (422, "rejected"),
        (302, "rejected"),
    ],
)
def test_statuses_are_errors_that_httpx_users_catch(status: int, code: str) -> None:
    found = error(status)
    assert (found.code, found.status) == (code, status)
    assert isinstance(found, httpx.HTTPStatusError)
    assert found.response.status_code == status


@pytest.mark.parametrize("status", [200, 204, 206])
def test_good_answers_are_no_errors(status: int) -> None:
    assert error_of(Reply(status, {}, b""), "storage") is None


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b"", "expired_url"),
        (400, b"<Error><Code>ExpiredToken</Code></Error>", "expired_url"),
        (400, b"<Error><Code>Other</Code></Error>", "rejected"),
        (404, b"", "not_found"),
    ],
)
def test_the_storage_has_its_own_way_to_say_expired(status: int, body: bytes, code: str) -> None:
    assert error(status, "storage", body).code == code


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": "No such project."}', "404 for the work items: No such project. "),
        (b'{"error": "gone"}', "404 for the work items: gone. "),
        (b'{"detail": {"x": 1}}', "404 for the work items. "),
        (b'["x"]', "404 for the work items. "),
        (b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", "NoSuchKey: gone. "),
        (b"plain text", "404 for the work items. "),
        (b'{"message": "bad\\u001b[31m\\nline"}', "bad\\x1b[31m line. "),
    ],
)
def test_the_servers_own_words_are_in_the_message(body: bytes, said: str) -> None:
    assert said in str(error(404, body=body))


def test_no_query_no_key_and_no_user_is_in_an_error() -> None:
    found = error(403, "storage", b'{"message": "see https://x.example/a?sig=canary"}', x_api_key="canary")
    shown: list[Any] = [str(found), repr(found), found.__dict__, repr(found.__reduce__())]
    assert isinstance(found, httpx.HTTPStatusError)
    shown += [found.request.url, found.request.headers, found.response.headers]
    assert "canary" not in repr(shown)
    assert "pw@" not in repr(shown)


def test_what_helps_support_is_kept() -> None:
    found = error(500, x_request_id="r-1", retry_after="3", content_encoding="gzip")
    assert (found.request_id, found.retry_after) == ("r-1", 3.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:01:40", 90.0),
        ("9" * 30, 999999999999.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, now=10.0) == seconds
    assert retry_after({}, now=10.0) is None
