from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from cf_ai_platform_client.core.arguments import Filters
from cf_ai_platform_client.core.manifest import read_manifest_page
from cf_ai_platform_client.core.requests import (
    Reply,
    annotation_call,
    batches_call,
    json_of,
    retry_after,
    segment,
    signed_urls_call,
    work_items_call,
)
from cf_ai_platform_client.errors import ItemError, ResponseError
from cf_ai_platform_client.models import WorkItem


def test_a_listing_asks_for_what_the_filters_say() -> None:
    filters = Filters(batch_ids=(1, 2), work_item_ids=("a",), created_at_from="2026-01-01T00:00:00+02:00", limit=7)
    assert work_items_call("p", filters, "c&d").target == (
        "/projects/p/workItems?status=COMPLETED&batchIds=1&batchIds=2&workItemIDs=a"
        "&createdAtFrom=2026-01-01T00%3A00%3A00%2B02%3A00&limit=7&cursor=c%26d&page=NEXT"
    )


def test_every_filter_is_sent() -> None:
    filters = Filters("CLIENT_REVIEW", (), ("a b", "c"), "1", "2", "3", "4")
    assert parse_qsl(work_items_call("p", filters).query) == [
        ("status", "CLIENT_REVIEW"),
        ("workItemIDs", "a b"),
        ("workItemIDs", "c"),
        ("createdAtFrom", "1"),
        ("createdAtTo", "2"),
        ("updatedAtFrom", "3"),
        ("updatedAtTo", "4"),
        ("limit", "100"),
    ]


def test_pages_are_as_large_as_they_can_be() -> None:
    assert work_items_call("p", Filters()).query == "status=COMPLETED&limit=100"
    assert batches_call("p").target == "/projects/p/batches?limit=100"
    assert batches_call("p", "ü\ud800").query == "limit=100&cursor=%C3%BC%3F&page=NEXT"


def test_ids_are_one_quoted_segment() -> None:
    assert annotation_call("p", "../../e?x#y").path == "/projects/p/workItems/..%2F..%2Fe%3Fx%23y/annotations"
    assert annotation_call("a/b", "c").target == "/projects/a%2Fb/workItems/c/annotations?format=coco"
    assert annotation_call("p", "c").item_id == "c"
    assert work_items_call("a/b", Filters()).path == "/projects/a%2Fb/workItems"
    assert batches_call("a/b").path == "/projects/a%2Fb/batches"
    assert signed_urls_call("a/b", []).path == "/spaces/a%2Fb/signedurls"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("\ud800", "%3F"),
        ("ü", "%C3%BC"),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        ("a b+c", "a%20b%2Bc"),
        ("\r\n", None),
        ("", None),
        (" ", None),
        (".", None),
        (" .. ", None),
    ],
    ids=ascii,
)
def test_segments_are_quoted_or_refused(value: str, quoted: str | None) -> None:
    if quoted is None:
        with pytest.raises(ItemError):
            segment(value)
    else:
        assert segment(value) == quoted


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


def test_half_a_surrogate_pair_costs_no_item() -> None:
    body = b'{"items": [{"id": "a", "assetUrl": "x\\ud800", "new\\udfff": 1}, {"id": "b"}]}'
    first, second = read_manifest_page(json_of(Reply(200, {}, body), "work_items")).items
    assert first == WorkItem.model_validate({"id": "a", "assetUrl": "x?", "new?": 1})
    assert second == WorkItem(id="b")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"a": 1', b'{"a": "\xff"}'], ids=range(6))
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ResponseError, match="is not JSON: it begins with") as caught:
        json_of(Reply(200, {}, body), "work_items")
    assert (caught.value.code, caught.value.status) == ("invalid_json", 200)


def test_the_beginning_of_what_is_no_json_is_shown_safely() -> None:
    body = b"<a href='https://x/?canary'>\x1b[31m" + b"x" * 1000
    with pytest.raises(ResponseError, match=r"the batches is not JSON: it begins with .<a href='https://x/") as caught:
        json_of(Reply(200, {}, body), "batches")
    assert "canary" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


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
        ("1.5", None),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("Thu, 01 Jan 1970 02:01:40 +0200", 90.0),
        ("Thursday, 01-Jan-70 00:01:40 GMT", 90.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, now=10.0) == seconds
    assert retry_after({}, now=10.0) is None
