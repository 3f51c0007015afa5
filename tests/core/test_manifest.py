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
from cf_ai_platform_client.models import WorkItem

GOOD = {"id": "a", "batchId": 1, "resultUrl": None, "assetUrl": "assets/a.jpg", "status": "COMPLETED"}


def one(entry: Any) -> WorkItem | ItemError:
    (item,) = read_manifest_page({"items": [entry]}).items
    return item


def test_a_page_is_read() -> None:
    page = read_manifest_page({"items": [GOOD], "total": 7, "meta": {"cursorNext": "b"}})
    assert page.total == 7
    assert page.meta is not None
    assert page.meta.cursor_next == "b"
    assert page.items[0].asset_url == "assets/a.jpg"  # type: ignore[union-attr]


def test_a_bare_list_is_the_only_page() -> None:
    page = read_manifest_page([GOOD])
    assert (len(page.items), page.total, page.meta) == (1, None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resultUrl": "not a url"}, "result_url"),
        ({"assetUrl": ""}, "asset_url"),
        ({"batchId": "north"}, "batch_id"),
        ({"updatedAt": 5}, "updated_at"),
    ],
)
def test_a_bad_field_costs_only_itself(change: dict[str, Any], field: str) -> None:
    item = one({**GOOD, **change})
    assert isinstance(item, WorkItem)
    assert item.id == "a"
    assert getattr(item, field) is None


def test_all_bad_fields_go_at_once() -> None:
    item = one({"id": 7, "batchId": "x", "resultUrl": "y", "assetUrl": ""})
    assert isinstance(item, WorkItem)
    assert (item.id, item.batch_id) == ("7", None)


@pytest.mark.parametrize("entry", [{}, {"id": None}, {"id": ""}, {"id": ["a"]}, "a", None, 5])
def test_an_entry_without_an_id_is_an_error_in_its_place(entry: Any) -> None:
    item = one(entry)
    assert isinstance(item, ItemError)
    assert item.code == "invalid_item"


def test_unknown_fields_and_values_are_kept() -> None:
    item = one({**GOOD, "status": "HOVERING", "newField": 1})
    assert isinstance(item, WorkItem)
    assert item.status == "HOVERING"
    assert item.model_extra == {"newField": 1}


@pytest.mark.parametrize("data", ["text", None, 5])
def test_a_page_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ResponseError, match="not the object it promises"):
        read_manifest_page(data)


@pytest.mark.parametrize("items", [None, "x", {}])
def test_a_page_without_a_list_is_empty(items: Any) -> None:
    assert read_manifest_page({"items": items, "total": "many", "meta": "none"}).items == []


def test_batches_are_read_leniently() -> None:
    page = read_batches_page({"items": [{"id": 1, "name": None}, {"id": "x"}, {"id": 2, "name": " b "}, 5]})
    assert [(batch.id, batch.name) for batch in page.items] == [(1, "1"), (2, "b")]
    assert [batch.id for batch in read_batches_page([{"id": 3, "name": "c"}]).items] == [3]


def test_an_annotation_needs_little() -> None:
    assert read_annotation({"metadata": {"x": 1}}, "a").work_item_id == "a"
    assert read_annotation({"id": 5, "projectID": None, "workItemID": "b", "metadata": 3}, "a").metadata is None


@pytest.mark.parametrize("data", [{"workItemID": 5}, [], "x"])
def test_an_annotation_of_nobody_is_refused(data: Any) -> None:
    with pytest.raises(ResponseError):
        read_annotation(data, "a")


def test_signed_urls_that_are_none_are_left_out() -> None:
    found = read_signed_urls({"items": [{"path": "a", "signedUrl": "https://x"}, {"path": "b"}, 5]})
    assert [entry.path for entry in found] == ["a"]
