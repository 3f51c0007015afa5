from __future__ import annotations

import copy
import pickle
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from cf_ai_platform_client.errors import ItemError, ItemsFailedError
from cf_ai_platform_client.models import (
    AnnotatedItem,
    Annotation,
    Batch,
    BatchesResponse,
    DownloadResult,
    DownloadSummary,
    ExportContent,
    ExportFormat,
    ExportListResponse,
    ExportResponse,
    ExportStatus,
    KeysetPaginationMeta,
    SearchResponse,
    SignedURLObject,
    SignedURLResponse,
    WorkItem,
)

ID = "0520a8e8-6160-5229-842a-5eeff9033a39"
WIRE: list[tuple[type[BaseModel], dict[str, Any], dict[str, Any]]] = [
    (
        KeysetPaginationMeta,
        {"object": "work_item", "limit": 20, "page": "NEXT", "cursorNext": "b", "cursorPrev": None},
        {"object": "work_item", "limit": 20, "page": "NEXT", "cursor_next": "b", "cursor_prev": None},
    ),
    (
        WorkItem,
        {"id": "a", "batchId": 1, "assetUrl": "x", "createdAt": "1", "updatedAt": "2", "assetType": "IMAGE"},
        {"id": "a", "batch_id": 1, "asset_url": "x", "created_at": "1", "updated_at": "2", "asset_type": "IMAGE"},
    ),
    (
        Annotation,
        {"id": "x", "projectID": "p", "workItemID": "a", "metadata": {"coco_results_url": "s3://b/c"}},
        {"id": "x", "project_id": "p", "work_item_id": "a", "metadata": {"coco_results_url": "s3://b/c"}},
    ),
    (
        Batch,
        {
            "id": 1,
            "projectId": "p",
            "name": "n",
            "createdAt": "1",
            "createdBy": "m",
            "totalCount": 2,
            "completedCount": 1,
        },
        {
            "id": 1,
            "project_id": "p",
            "name": "n",
            "created_at": "1",
            "created_by": "m",
            "total_count": 2,
            "completed_count": 1,
        },
    ),
    (SignedURLObject, {"path": "a", "signedUrl": "https://x"}, {"path": "a", "signed_url": "https://x"}),
    (
        ExportResponse,
        {"exportId": ID, "status": "COMPLETED", "createdBy": "m", "downloadUrl": "https://x", "createdAt": "1"},
        {"export_id": ID, "status": "COMPLETED", "created_by": "m", "download_url": "https://x", "created_at": "1"},
    ),
]
KINDS = [kind.__name__ for kind, _, _ in WIRE]


@pytest.mark.parametrize(("kind", "camel", "snake"), WIRE, ids=KINDS)
def test_both_spellings_make_the_same(kind: type[BaseModel], camel: dict[str, Any], snake: dict[str, Any]) -> None:
    made = kind(**camel)
    assert made == kind(**snake) == kind.model_validate(camel) == kind.model_validate(snake)
    assert {name: str(getattr(made, name)) for name in snake} == {name: str(value) for name, value in snake.items()} | (
        {"status": "ExportStatus.COMPLETED"} if kind is ExportResponse else {}
    )


@pytest.mark.parametrize(("kind", "camel", "snake"), WIRE, ids=KINDS)
def test_models_are_written_as_they_came(kind: type[BaseModel], camel: dict[str, Any], snake: dict[str, Any]) -> None:
    made = kind(**camel)
    assert made.model_dump(mode="json", by_alias=True, exclude_unset=True) == camel
    assert made.model_dump(mode="json", exclude_unset=True) == snake
    assert kind.model_validate_json(made.model_dump_json(by_alias=True)) == made
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(("kind", "camel", "_"), WIRE, ids=KINDS)
def test_fields_of_a_newer_server_are_kept(kind: type[BaseModel], camel: dict[str, Any], _: object) -> None:
    made = kind(**camel, newField={"x": 1})
    assert made.model_extra == {"newField": {"x": 1}}
    assert made.model_dump(by_alias=True)["newField"] == {"x": 1}


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (WorkItem, {"id": "a"}),
        (SearchResponse, {}),
        (KeysetPaginationMeta, {}),
        (Annotation, {"id": "", "projectID": "", "workItemID": ""}),
        (Batch, {"id": 1, "name": "n"}),
        (BatchesResponse, {}),
        (SignedURLObject, {"path": "a", "signedUrl": "u"}),
        (SignedURLResponse, {}),
        (ExportResponse, {"exportId": UUID(ID), "status": "PENDING"}),
        (ExportListResponse, {}),
        (DownloadResult, {"item_id": "a", "success": True}),
        (DownloadSummary, {"total_items": 0, "successful": 0, "failed": 0}),
        (AnnotatedItem, {"item": WorkItem(id="a")}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_only_what_is_needed_is_required(kind: type[BaseModel], needed: dict[str, Any]) -> None:
    kind(**needed)
    for name in needed:
        with pytest.raises(ValidationError):
            kind(**{key: value for key, value in needed.items() if key != name})


def test_pages_hold_models_and_default_to_empty() -> None:
    page = SearchResponse.model_validate({"items": [{"id": "a"}], "total": 1, "meta": {"cursorNext": "b"}})
    assert page == SearchResponse(items=[WorkItem(id="a")], total=1, meta=KeysetPaginationMeta(cursorNext="b"))
    assert (SearchResponse().items, SearchResponse().total, SearchResponse().meta) == ([], 0, None)
    assert BatchesResponse(items=[Batch(id=1, name="n", projectId="p")]).items[0].name == "n"
    assert SignedURLResponse.model_validate({"items": [{"path": "a", "signedUrl": "u"}]}).items[0].signed_url == "u"
    assert SearchResponse().items is not SearchResponse().items


@pytest.mark.parametrize("bad", [{"assetUrl": ""}, {"assetUrl": " "}, {"resultUrl": "relative"}, {"batchId": "x"}])
def test_bad_values_of_a_work_item_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorkItem(id="a", **bad)


def test_a_work_item_is_stripped_and_its_result_is_a_url() -> None:
    item = WorkItem(id=" a ", assetUrl=" assets/a.jpg ", resultUrl="https://x.example/a")
    assert (item.id, item.asset_url, str(item.result_url)) == ("a", "assets/a.jpg", "https://x.example/a")
    assert WorkItem(id="a", assetUrl=None).asset_url is None


ENUMS = [ExportFormat, ExportContent, ExportStatus]


@pytest.mark.parametrize("kind", ENUMS)
def test_values_that_a_newer_server_invents_are_kept(kind: Any) -> None:
    new = kind("HOVERING")
    assert (new.value, new.name, new) == ("HOVERING", "HOVERING", "HOVERING")
    assert isinstance(new, kind)
    assert new == kind("HOVERING") != kind(next(iter(kind)))
    assert len({new, kind("HOVERING")}) == 1
    assert "HOVERING" not in [member.value for member in kind]
    for twin in (pickle.loads(pickle.dumps(new)), copy.copy(new), copy.deepcopy(new)):
        assert twin == new
        assert type(twin) is kind


@pytest.mark.parametrize("kind", ENUMS)
@pytest.mark.parametrize("value", [None, 5, ["PENDING"]], ids=str)
def test_what_is_no_string_is_no_value(kind: Any, value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        kind(value)


def test_known_values_are_the_members() -> None:
    export = ExportResponse.model_validate({"exportId": ID, "status": "COMPLETED", "format": "CSV", "content": "NEW"})
    assert export.status is ExportStatus.COMPLETED
    assert export.format is ExportFormat.CSV
    assert export.content == ExportContent("NEW")
    assert export.model_dump(mode="json")["content"] == "NEW"
    assert export.export_id == UUID(ID)


def test_signed_urls_are_not_shown() -> None:
    shown = [
        SignedURLObject(path="a", signedUrl="https://x?canary"),
        ExportResponse(exportId=UUID(ID), status=ExportStatus.COMPLETED, downloadUrl="https://x?canary"),
    ]
    assert "canary" not in f"{shown!r} {shown[0]} {shown[1]}"


def test_no_signed_url_of_a_newer_server_is_shown() -> None:
    url = "https://store.example/a.zip?X-Amz-Signature=canary#canary"
    more = {"manifestUrl": url, "parts": [{"url": url, "size": 5}], "error": f"see {url}, please"}
    export = ExportResponse.model_validate({"exportId": ID, "status": "COMPLETED", **more})
    page = ExportListResponse(items=[export])
    for shown in (repr(export), str(export), repr(page), f"{[export]}"):
        assert "canary" not in shown
        assert shown.count("https://store.example/a.zip") == 3
        assert "'size': 5" in shown
        assert "ExportStatus.COMPLETED" in shown
    assert export.model_extra == {name: value for name, value in more.items() if name != "error"}


def test_a_summary_without_failures_returns_itself() -> None:
    summary = DownloadSummary(total_items=1, successful=1, failed=0)
    assert summary.raise_for_failures() is summary


@pytest.mark.parametrize(
    ("results", "code", "says"),
    [
        ([], "not_attempted", "2 of 3 work items failed."),
        (
            [
                DownloadResult(item_id="a", success=True),
                DownloadResult(item_id="b", success=False, error="Gone.", error_code="not_found"),
                DownloadResult(item_id="c", success=False, error="Broken.", error_code="invalid_json"),
            ],
            "not_found",
            "2 of 3 work items failed, the first of them b: Gone.",
        ),
    ],
    ids=["not kept", "kept"],
)
def test_failures_are_raised_with_the_first_of_them(results: list[DownloadResult], code: str, says: str) -> None:
    summary = DownloadSummary(total_items=3, successful=1, failed=2, results=results)
    with pytest.raises(ItemsFailedError) as caught:
        summary.raise_for_failures()
    assert (caught.value.code, caught.value.message, caught.value.summary) == (code, says, summary)


def test_error_codes_are_the_closed_set() -> None:
    with pytest.raises(ValidationError):
        DownloadResult(item_id="a", success=False, error_code="bad_luck")  # type: ignore[arg-type]


def test_an_annotated_item_holds_a_document_or_an_error() -> None:
    error = ItemError("It has no result.", code="no_result")
    item = AnnotatedItem(item=WorkItem(id="a"), error=error)
    assert (item.error, item.document, item.warnings) == (error, None, ())
    with pytest.raises(ValidationError, match="frozen"):
        item.document = b""  # type: ignore[misc]
