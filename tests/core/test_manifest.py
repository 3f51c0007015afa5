from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.core.manifest import (
    read_annotation,
    read_batches_page,
    read_manifest_page,
    read_signed_urls,
)
from cf_ai_platform_client.errors import ItemError, ResponseError
from cf_ai_platform_client.models import Annotation, KeysetPaginationMeta, WorkItem

GOOD = {"id": "a", "batchId": 1, "resultUrl": None, "assetUrl": "assets/a.jpg", "status": "COMPLETED"}


def one(entry: Any) -> WorkItem | ItemError:
    (item,) = read_manifest_page({"items": [entry]}).items
    return item


def test_a_page_is_read() -> None:
    page = read_manifest_page({"items": [GOOD], "total": 7, "meta": {"cursorNext": "b", "limit": 100}})
    assert page.total == 7
    assert page.meta == KeysetPaginationMeta(limit=100, cursorNext="b")
    assert page.items == [WorkItem.model_validate(GOOD)]


@pytest.mark.parametrize(
    ("meta", "cursors"),
    [
        ({"cursorNext": "b", "cursorPrev": "a"}, ("b", "a")),
        ({"cursor_next": "b", "cursor_prev": "a"}, ("b", "a")),
        ({"cursorNext": None, "cursor_next": "b"}, ("b", None)),
        ({"cursor_next": None, "cursorNext": "b"}, ("b", None)),
        ({"cursorNext": 7}, ("7", None)),
        ({"cursorNext": "b", "limit": None, "page": 5, "object": []}, ("b", None)),
        ({"cursorNext": "b", "cursorPrev": True}, ("b", None)),
        ({}, (None, None)),
    ],
    ids=str,
)
def test_cursors_are_read_in_both_spellings(meta: Any, cursors: tuple[str | None, str | None]) -> None:
    body = {"items": [], "meta": meta}
    for page in (read_manifest_page(body), read_batches_page(body)):
        assert page.meta is not None
        assert (page.meta.cursor_next, page.meta.cursor_prev) == cursors


def test_a_page_without_meta_is_the_last() -> None:
    assert read_manifest_page({"items": []}).meta is None
    assert read_manifest_page({"items": [], "meta": None}).meta is None


@pytest.mark.parametrize("meta", ["b", ["b"], 5, {"cursorNext": ["b"]}, {"cursor_next": 1.5}, {"cursorNext": True}])
def test_a_cursor_that_cannot_be_read_does_not_end_the_listing_quietly(meta: Any) -> None:
    for read in (read_manifest_page, read_batches_page):
        with pytest.raises(ResponseError, match="not the object it promises"):
            read({"items": [], "meta": meta})


@pytest.mark.parametrize(
    ("total", "read"),
    [(0, 0), (7, 7), ("7", None), (True, None), (7.0, None), (None, None), (-5, None), (10**400, None)],
)
def test_a_total_is_a_number_or_unknown(total: Any, read: int | None) -> None:
    assert read_manifest_page({"items": [], "total": total}).total == read


def test_a_bare_list_is_the_only_page() -> None:
    page = read_manifest_page([GOOD])
    assert (len(page.items), page.total, page.meta) == (1, None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resultUrl": "not a url"}, "result_url"),
        ({"assetUrl": ""}, "asset_url"),
        ({"resultUrl": "/relative"}, "result_url"),
        ({"assetUrl": "  "}, "asset_url"),
        ({"assetUrl": "\ud800"}, "asset_url"),
        ({"batchId": "north"}, "batch_id"),
        ({"batchId": 1.5}, "batch_id"),
        ({"batchId": [1]}, "batch_id"),
        ({"batch_id": "north", "batchId": None}, "batch_id"),
        ({"updatedAt": 5}, "updated_at"),
    ],
)
def test_a_bad_field_costs_only_itself(change: dict[str, Any], field: str) -> None:
    item = one({**GOOD, **change})
    assert isinstance(item, WorkItem)
    assert getattr(item, field) is None
    others = {"id": "a", "batch_id": 1, "asset_url": "assets/a.jpg", "status": "COMPLETED"}
    assert {name: getattr(item, name) for name in others if name != field} == {
        name: value for name, value in others.items() if name != field
    }


def test_all_bad_fields_go_at_once() -> None:
    item = one({"id": 7, "batchId": "x", "resultUrl": "y", "assetUrl": ""})
    assert isinstance(item, WorkItem)
    assert (item.id, item.batch_id) == ("7", None)


@pytest.mark.parametrize(
    "entry", [{}, {"id": None}, {"id": " "}, {"id": ["a"]}, {"id": True}, {"id": 1.5}, "a", None, 5]
)
def test_an_entry_without_an_id_is_an_error_in_its_place(entry: Any) -> None:
    item = one(entry)
    assert isinstance(item, ItemError)
    assert item.code == "invalid_item"


def test_one_bad_entry_costs_only_itself() -> None:
    good = [{**GOOD, "id": str(number)} for number in range(99)]
    items = read_manifest_page({"items": [*good[:50], {"id": None}, *good[50:]]}).items
    assert [number for number, item in enumerate(items) if isinstance(item, ItemError)] == [50]
    assert len(items) == 100


def test_unknown_fields_and_values_are_kept() -> None:
    item = one({**GOOD, "status": "HOVERING", "newField": 1})
    assert isinstance(item, WorkItem)
    assert item.status == "HOVERING"
    assert item.model_extra == {"newField": 1}


@pytest.mark.parametrize("data", ["text", None, 5])
def test_a_page_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ResponseError, match="not the object it promises"):
        read_manifest_page(data)


@pytest.mark.parametrize("data", [{}, {"message": "maintenance"}, {"items": None}, {"items": "x"}, {"items": {}}])
def test_a_page_without_a_list_is_no_empty_page(data: Any) -> None:
    for read in (read_manifest_page, read_batches_page):
        with pytest.raises(ResponseError, match="not the object it promises"):
            read(data)


def test_an_item_with_both_spellings_wrong_keeps_its_id() -> None:
    (item,) = read_manifest_page({"items": [{"id": "b", "batch_id": [1], "batchId": {}}]}).items
    assert isinstance(item, WorkItem)
    assert (item.id, item.batch_id) == ("b", None)


def test_batches_are_read_leniently() -> None:
    page = read_batches_page({"items": [{"id": 1, "name": None}, {"id": "x"}, {"id": 2, "name": " b "}, 5]})
    assert [(batch.id, batch.name) for batch in page.items] == [(1, "1"), (2, "b")]
    odd = read_batches_page({"items": [{"id": "4", "name": 5, "totalCount": "x", "createdAt": 1, "new": 1}]})
    assert [(batch.id, batch.name, batch.total_count) for batch in odd.items] == [(4, "5", None)]
    assert [batch.id for batch in read_batches_page([{"id": 3, "name": "c"}]).items] == [3]


@pytest.mark.parametrize("data", ["text", None, 5])
def test_batches_that_are_no_object_are_refused(data: Any) -> None:
    with pytest.raises(ResponseError, match="answer for the batches is JSON, but not the object") as caught:
        read_batches_page(data)
    assert caught.value.code == "invalid_json"


def test_an_annotation_needs_little() -> None:
    assert read_annotation({"metadata": {"x": 1}}, "a") == Annotation(
        id="", projectID="", workItemID="a", metadata={"x": 1}
    )
    assert read_annotation({"id": 5, "projectID": None, "workItemID": "b", "metadata": 3}, "a").metadata is None


def test_an_annotation_keeps_whose_it_is() -> None:
    assert read_annotation({"workItemID": "b"}, "a").work_item_id == "b"
    assert read_annotation({"workItemID": 7, "id": None}, "7").work_item_id == "7"


@pytest.mark.parametrize("data", [{"workItemID": None}, {"workItemID": ["a"]}, [], "x"])
def test_an_annotation_of_nobody_is_refused(data: Any) -> None:
    with pytest.raises(ResponseError):
        read_annotation(data, "a")


def test_signed_urls_that_are_none_are_left_out() -> None:
    found = read_signed_urls(
        {"items": [{"path": "a", "signedUrl": "https://x", "new": 1}, {"path": "b"}, {"path": 1, "signedUrl": "u"}, 5]}
    )
    assert [(entry.path, entry.signed_url) for entry in found] == [("a", "https://x")]
    assert read_signed_urls({}) == []
    with pytest.raises(ResponseError, match="answer for the signed URLs"):
        read_signed_urls([])
