from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest

from cf_ai_platform_client.core.export_orders import ExportOrder
from cf_ai_platform_client.core.exports import (
    create_export_call,
    delete_export_call,
    download_url,
    exports_left_out,
    get_export_call,
    is_finished,
    list_exports_call,
    poll_pause,
    read_export_answer,
    read_exports_page,
    running_conflict,
)
from cf_ai_platform_client.core.requests import ApiCall, Reply, error_of, signed_urls_call
from cf_ai_platform_client.errors import ConflictError, ExportError, ItemError, ResponseError
from cf_ai_platform_client.models import ExportFormat, ExportResponse

ID = "0520a8e8-6160-5229-842a-5eeff9033a39"
URL = "https://store.example/a.zip?X-Amz-Signature=canary-signature"


def export(**fields: Any) -> ExportResponse:
    return ExportResponse.model_validate({"exportId": ID, "status": "COMPLETED", **fields})


@pytest.mark.parametrize(
    ("call", "method", "target", "changes"),
    [
        (create_export_call("s p", ExportOrder("n")), "POST", "/spaces/s%20p/exports", True),
        (get_export_call("s", ID), "GET", f"/spaces/s/exports/{ID}", False),
        (delete_export_call("s/../t", "a/b?c"), "DELETE", "/spaces/s%2F..%2Ft/exports/a%2Fb%3Fc", True),
        (list_exports_call("s", None, None), "GET", "/spaces/s/exports", False),
        (list_exports_call("s", ExportFormat("A&B"), 7), "GET", "/spaces/s/exports?format=A%26B&limit=7", False),
        (
            list_exports_call("s", ExportFormat.CSV, 100, "c=1"),
            "GET",
            "/spaces/s/exports?format=CSV&limit=100&cursor=c%3D1&page=NEXT",
            False,
        ),
    ],
)
def test_calls(call: ApiCall, method: str, target: str, changes: bool) -> None:
    assert (call.method, call.target, call.changes) == (method, target, changes)


def test_a_call_that_only_reads_changes_nothing() -> None:
    assert not signed_urls_call("s", ["a"]).changes


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_ids_that_are_no_segment_are_refused(bad: str) -> None:
    with pytest.raises(ItemError):
        get_export_call("s", bad)
    with pytest.raises(ItemError):
        create_export_call(bad, ExportOrder("n"))


def test_an_answer_keeps_what_a_newer_platform_says() -> None:
    found = read_export_answer(
        {"exportId": ID.upper(), "status": "QUEUED", "format": "PARQUET", "content": "ALL", "size": 7, "createdAt": 1},
        ID,
    )
    assert (found.status.value, str(found.export_id), found.created_at) == ("QUEUED", ID, None)
    assert found.format is not None
    assert found.content is not None
    assert (found.format.value, found.content.value) == ("PARQUET", "ALL")
    assert found.model_extra == {"size": 7}
    assert not is_finished(found)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"exportId": ID}, {"exportId": "x", "status": "PENDING"}])
def test_an_answer_without_id_or_status_is_none(data: Any) -> None:
    with pytest.raises(ResponseError) as caught:
        read_export_answer(data)
    assert caught.value.code == "invalid_json"


def test_another_exports_answer_is_refused() -> None:
    with pytest.raises(ResponseError) as caught:
        read_export_answer({"exportId": ID, "status": "PENDING"}, "other\x1b")
    assert (caught.value.code, "\x1b" in str(caught.value)) == ("mismatch", False)


def test_a_page_leaves_out_what_is_no_export() -> None:
    entries = [{"exportId": ID, "status": "PENDING"}, {"status": "PENDING"}, 7, {"exportId": ID, "status": None}]
    page = read_exports_page({"items": entries, "meta": {"cursor_next": 5}})
    assert [str(found.export_id) for found in page.items] == [ID]
    assert page.meta is not None
    assert page.meta.cursor_next == "5"
    assert exports_left_out({"items": entries}, page) == "3 exports in the listing have no id or no status: left out."
    assert read_exports_page(entries[:1]).meta is None
    assert exports_left_out(entries[:1], page) is None
    assert exports_left_out(entries[:2], page) == "An export in the listing has no id or no status: left out."
    for broken in ({}, "x", {"items": None}):
        with pytest.raises(ResponseError):
            read_exports_page(broken)


@pytest.mark.parametrize(("status", "finished"), [("PENDING", 0), ("IN_PROGRESS", 0), ("COMPLETED", 1), ("FAILED", 1)])
def test_finished(status: str, finished: int) -> None:
    assert is_finished(export(status=status)) == bool(finished)


def test_the_url_of_a_finished_export() -> None:
    assert download_url(export(downloadUrl=URL)) == URL


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"status": "FAILED", "error": "no\x1b space.\n"}, "export_failed", f"{ID} failed: no\\x1b space. Create"),
        ({"status": "FAILED", "downloadUrl": URL}, "export_failed", "the platform does not say why."),
        ({}, "no_result", f"The export {ID} is COMPLETED and has no file to download."),
        ({"status": "NEW\x1b"}, "no_result", "is NEW\\x1b and has no file"),
    ],
)
def test_no_url(fields: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(ExportError) as caught:
        download_url(export(**fields))
    assert (caught.value.code, caught.value.item_id) == (code, ID)
    assert said in str(caught.value)
    assert isinstance(caught.value, ValueError)


def conflict() -> ConflictError:
    error = error_of(Reply(409, {"x-request-id": "r"}, b'{"message": "busy"}', "https://x.example/a"), "exports")
    assert isinstance(error, ConflictError)
    return error


def test_a_conflict_names_the_running_export() -> None:
    error = running_conflict(conflict(), export(name="a\x1bb", status="PENDING", createdBy="ann"))
    assert f"on its way: a\\x1bb ({ID}, created by ann, PENDING)." in str(error)
    assert (error.code, error.status, error.item_id, error.request_id) == ("conflict", 409, ID, "r")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert str(twin) == str(error)
        assert isinstance(twin.response, httpx.Response)
    assert f"without a name ({ID}, COMPLETED)" in str(running_conflict(conflict(), export()))


def test_what_an_error_calls_it() -> None:
    reply = Reply(404, {}, b"", "https://x.example/a")
    assert str(error_of(reply, "export", item_id=ID)).startswith(f"404 for the export {ID}.")
    assert str(error_of(reply, "exports")).startswith("404 for the exports of the space.")
    assert str(error_of(reply, "annotations", item_id="i")).startswith("404 for the annotation of i.")


def test_pauses_grow_and_have_a_floor_and_a_ceiling() -> None:
    assert [poll_pause(0, polls) for polls in (1, 2, 1000)] == [0.5, 0.625, 3.0]
    assert [poll_pause(8.0, polls) for polls in (1, 2, 10**9)] == [8.0, 10.0, 48.0]
