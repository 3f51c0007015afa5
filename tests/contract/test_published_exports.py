"""Each test runs with the published client and with ours."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from ..conftest import files_below
from . import as_a_user
from .conftest import Published

pytestmark = pytest.mark.slow

CLIENTS = ["published", "ours"]
Export = Callable[..., list[Any]]


@pytest.fixture(params=[(client, style) for client in CLIENTS for style in ("sync", "async")], ids="-".join)
def export(request: pytest.FixtureRequest, published: Published) -> Export:
    """One of the clients, blocking or not; returns what a sandbox's export calls gave."""
    client, style = request.param

    def run(sandbox: Sandbox, *calls: tuple[str, dict[str, Any]], enums: bool = False, key: str = "") -> list[Any]:
        order = {
            "kind": "exports",
            "style": style,
            "key": key or sandbox.api_key,
            "base_url": sandbox.base_url,
            "calls": [(method, {"space_id": "sample-space", **arguments}) for method, arguments in calls],
            "enums": enums,
        }
        (answer,) = published(order) if client == "published" else [as_a_user.answer(order)]
        return list(answer["answers"])

    return run


def made(**more: Any) -> tuple[str, dict[str, Any]]:
    return "create_export", {"name": "mine", **more}


EVERY_KIND = [
    ("COCO_JSON", "ANNOTATION", 36),
    ("JSON", "ANNOTATION", 36),
    ("CSV", "ANNOTATION", 615),
    ("JSON", "INFERENCE", 615),
    ("CSV", "INFERENCE", 615),
    ("JSON", "ASSET_METADATA", 36),
    ("CSV", "ASSET_METADATA", 36),
]


@pytest.mark.parametrize("enums", [False, True], ids=["texts", "enums"])
def test_every_kind_of_export_is_made_and_downloaded(export: Export, tmp_path: Path, enums: bool) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    for format_, content, _ in EVERY_KIND:
        calls.append(made(export_format=format_, content=content))
        fetch = {"destination": str(tmp_path / "new" / "folder"), "poll_interval": 0.001}
        calls.append(("download_export_file", {"export_id": len(calls) - 1, **fetch}))
    with Sandbox() as sandbox:
        answers = export(sandbox, *calls, enums=enums)
        assert {seen.status for seen in sandbox.requests} == {200}
        assert {(seen.endpoint, seen.key) for seen in sandbox.requests} == {
            ("exports", "present"),
            ("storage", "absent"),
        }
        assert [exported["status"] for exported in sandbox.exports] == ["COMPLETED"] * len(EVERY_KIND)
    for (format_, content, count), created, file in zip(EVERY_KIND, answers[::2], answers[1::2], strict=True):
        assert (created["status"], created["format"], created["content"]) == ("PENDING", format_, content)
        assert (created["name"], created["has_url"], created["error"]) == ("mine", False, None)
        assert file == f"{created['export_id']}.zip"
        assert records_in(tmp_path / "new" / "folder" / file, format_) == count


def records_in(path: Path, format_: str) -> int:
    """Count the documents, records or rows in an export's zip."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        if format_ == "COCO_JSON":
            return len([json.loads(archive.read(name))["images"] for name in archive.namelist()])
        (name,) = archive.namelist()
        content = archive.read(name).decode()
    return len(json.loads(content)) if format_ == "JSON" else len(list(csv.DictReader(io.StringIO(content))))


def test_an_export_is_followed_listed_and_deleted(export: Export) -> None:
    with Sandbox(export_polls=3, clock=lambda: 1767225600.0) as sandbox:
        created, early, waited, listed, gone, *after = export(
            sandbox,
            made(format="CSV", batch_ids=[101]),
            ("get_export", {"export_id": 0}),
            ("wait_for_export", {"export_id": 0, "poll_interval": 0.001}),
            ("list_exports", {}),
            ("delete_export", {"export_id": 0}),
            ("get_export", {"export_id": 0}),
            ("delete_export", {"export_id": 0}),
            ("list_exports", {}),
        )
    assert created == {
        "export_id": created["export_id"],
        "status": "PENDING",
        "format": "CSV",
        "content": "ANNOTATION",
        "name": "mine",
        "created_by": "sandbox@example.com",
        "error": None,
        "created_at": "2026-01-01T00:00:00Z",
        "has_url": False,
    }
    assert early == created
    assert waited == {**created, "status": "COMPLETED", "has_url": True}
    assert listed["items"] == [waited]
    assert gone is None
    not_found = {"raised": "httpx.HTTPStatusError", "status": 404}
    assert after[:2] == [not_found, not_found]
    assert after[2] == {"items": [], "meta": {**listed["meta"], "cursor_next": None, "cursor_prev": None}}


def test_listings_are_filtered_and_cut(export: Export) -> None:
    with Sandbox(export_polls=0) as sandbox:
        *_, three, csvs, by_old_name = export(
            sandbox,
            *[made(name=f"{number}", export_format=["JSON", "CSV"][number % 2]) for number in range(5)],
            ("list_exports", {"limit": 3}),
            ("list_exports", {"export_format": "CSV"}),
            ("list_exports", {"format": "CSV"}),
        )
    assert [item["name"] for item in three["items"]] == ["4", "3", "2"]
    assert three["meta"] == {
        "object": "export",
        "limit": 3,
        "page": None,
        "cursor_next": three["meta"]["cursor_next"],
        "cursor_prev": None,
    }
    assert three["meta"]["cursor_next"]
    assert [item["name"] for item in csvs["items"]] == ["3", "1"]
    assert by_old_name["items"] == csvs["items"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 36),
        ({"project_ids": ["sample-project"]}, 36),
        ({"batch_ids": [101, 103]}, 8),
        ({"project_ids": [], "batch_ids": []}, 36),
        ({"created_at_from": "2026-01-20T08:19:00Z"}, 9),
        ({"created_at_from": "2026-01-02", "created_at_to": "2026-01-03T10:00:00+02:00"}, 2),
        ({"updated_at_from": "2026-02-22T16:07:00Z"}, 9),
        ({"updated_at_to": "2026-02-01T23:59:59Z", "batch_ids": [101, 102]}, 5),
    ],
    ids=str,
)
def test_filters_choose_what_is_exported(export: Export, tmp_path: Path, filters: dict[str, Any], count: int) -> None:
    with Sandbox(export_polls=1) as sandbox:
        _, file = export(
            sandbox, made(**filters), ("download_export_file", {"export_id": 0, "destination": str(tmp_path)})
        )
    assert records_in(tmp_path / file, "COCO_JSON") == count


def test_a_failed_export_is_returned_by_waiting_and_raised_by_downloading(export: Export, tmp_path: Path) -> None:
    with Sandbox(export_polls=1) as sandbox:
        sandbox.fail_next_export("out of space")
        _, waited, downloaded = export(
            sandbox,
            made(),
            ("wait_for_export", {"export_id": 0}),
            ("download_export_file", {"export_id": 0, "destination": str(tmp_path)}),
        )
    assert (waited["status"], waited["error"], waited["has_url"]) == ("FAILED", "out of space", False)
    assert downloaded == {"raised": "ValueError"}
    assert files_below(tmp_path) == {}


def test_what_does_not_end_in_time_is_a_timeout(export: Export, tmp_path: Path) -> None:
    patience = {"export_id": 0, "poll_interval": 0.01, "timeout": 0.02}
    with Sandbox(export_polls=1_000_000) as sandbox:
        _, *timeouts = export(
            sandbox,
            made(),
            ("wait_for_export", patience),
            ("download_export_file", {**patience, "destination": str(tmp_path)}),
        )
    assert timeouts == [{"raised": "TimeoutError"}] * 2


def test_a_second_export_and_other_refusals_have_the_status(export: Export) -> None:
    refusals = [
        (made(), 409),
        (made(space_id="other"), 404),
        (("get_export", {"export_id": "00000000-0000-4000-8000-000000000000"}), 404),
        (("list_exports", {"space_id": "other"}), 404),
    ]
    with Sandbox() as sandbox:
        _, *answers = export(sandbox, made(), *[call for call, _ in refusals])
        assert answers == [{"raised": "httpx.HTTPStatusError", "status": status} for _, status in refusals]
        (unauthorized,) = export(sandbox, ("list_exports", {}), key="wrong")
    assert unauthorized == {"raised": "httpx.HTTPStatusError", "status": 401}


def test_an_argument_that_there_is_not_is_a_type_error(export: Export) -> None:
    with Sandbox() as sandbox:
        answers = export(sandbox, made(colour="red"), ("list_exports", {"colour": "red"}))
    assert answers == [{"raised": "TypeError"}] * 2
