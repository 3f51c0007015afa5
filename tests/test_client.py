from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import AuthenticationError, CFError, NotFoundError
from cf_ai_platform_client.events import Event, ItemStored, ListingFinished, PageListed, Progress
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.project import Selection

from .conftest import files_below

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"


def client_of(sandbox: Sandbox, **more: Any) -> CFUserClient:
    return CFUserClient(sandbox.api_key, sandbox.base_url, **more)


def download(sandbox: Sandbox, destination: Path, **more: Any) -> Any:
    return asyncio.run(client_of(sandbox).download_project(sandbox.project_id, sandbox.space_id, destination, **more))


def test_a_project_becomes_files(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    summary = download(cf_sandbox, tmp_path)
    assert (summary.total_items, summary.successful, summary.failed) == (36, 36, 0)
    files = files_below(tmp_path)
    assert len(files) == 36
    assert {name.split("/")[0] for name in files} == {
        "Yellowstone plot 541000",
        "Yellowstone plot 528000",
        "Single tiles",
        "Cell nuclei",
    }
    assert summary.bytes == sum(map(len, files.values()))
    annotations = [json.loads(content)["annotations"] for content in files.values()]
    assert sum(map(len, annotations)) == 615
    document = json.loads(files[f"Cell nuclei/{NUCLEUS}.json"])
    assert document["info"]["asset_url"] == "assets/nuclei_1_1.jpg"


def test_every_byte_but_the_asset_url_is_the_servers(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    from cf_ai_platform_client.sandbox.server import read_data

    download(cf_sandbox, tmp_path, work_item_ids=[NUCLEUS])
    (content,) = files_below(tmp_path).values()
    sent = read_data(f"coco/{NUCLEUS}.json")
    assert content.replace(b'"asset_url": "assets/nuclei_1_1.jpg", ', b"") == sent


def test_results_are_in_listing_order_with_the_destination_as_given(
    cf_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    summary = asyncio.run(client_of(cf_sandbox).download_project("sample-project", "sample-space", "./out", [104, 101]))
    chosen = cf_sandbox.project.select(Selection(batch_ids=frozenset({101, 104})))
    listed = [chosen[position]["id"] for position in range(len(chosen))]
    assert [result.item_id for result in summary.results] == listed
    assert all(result.file_path and result.file_path.startswith("./out") for result in summary.results)
    assert all(Path(result.file_path or "").is_file() for result in summary.results)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"batch_ids": [101]}, 6),
        ({"batch_ids": (101, 103)}, 8),
        ({"batch_ids": []}, 36),
        ({"work_item_ids": [UUID(NUCLEUS)]}, 1),
        ({"created_at_to": "2026-01-06T23:59:59Z"}, 12),
        ({"created_at_from": datetime(2026, 1, 7, tzinfo=timezone.utc)}, 24),
        ({"updated_at_from": "2026-02-22"}, 9),
        ({"updated_at_to": "2026-02-22", "batch_ids": [104]}, 12),
        ({"status": "CLIENT_REVIEW"}, 0),
        ({"limit": 7}, 36),
    ],
)
def test_filters_choose_work_items(cf_sandbox: Sandbox, tmp_path: Path, filters: dict[str, Any], count: int) -> None:
    assert download(cf_sandbox, tmp_path, **filters).successful == count
    assert len(files_below(tmp_path)) == count


def test_an_empty_project_is_a_summary_of_zeros(tmp_path: Path) -> None:
    with Sandbox(items=0) as sandbox:
        summary = download(sandbox, tmp_path / "out")
    assert (summary.total_items, summary.successful, summary.failed, summary.results) == (0, 0, 0, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"project_id": ""},
        {"space_id": " "},
        {"destination": ""},
        {"max_workers": 0},
        {"max_workers": 101},
        {"limit": 101},
        {"batch_ids": range(101)},
        {"created_at_from": "soon"},
        {"updated_at_from": "2026-02-01", "updated_at_to": "2026-01-01"},
        {"results": "some"},
        {"work_item_ids": [""]},
    ],
    ids=str,
)
def test_bad_arguments_are_refused_before_any_request(
    cf_sandbox: Sandbox, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    call = {"project_id": "sample-project", "space_id": "sample-space", "destination": tmp_path, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        asyncio.run(client_of(cf_sandbox).download_project(**call))
    assert not cf_sandbox.requests


@pytest.mark.parametrize("wrong", [{"project_id": ""}, {"limit": 0}, {"batch_ids": ["x"]}], ids=str)
def test_iterators_refuse_bad_arguments_at_the_call(cf_sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    client = client_of(cf_sandbox)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        client.iter_work_items(**{"project_id": "sample-project", **wrong})
    with pytest.raises(ValueError, match=next(iter(wrong))):
        client.iter_annotations(**{"project_id": "sample-project", "space_id": "sample-space", **wrong})


def test_a_handler_that_cannot_be_called_is_refused(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_event is 'print'"):
        download(cf_sandbox, tmp_path, on_event="print")
    with pytest.raises(ValueError, match="on_event is 5"):
        client_of(cf_sandbox).iter_annotations("sample-project", "sample-space", on_event=5)  # type: ignore[arg-type]
    assert not cf_sandbox.requests


def test_a_wrong_key_ends_the_run(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    client = CFUserClient("canary-key", cf_sandbox.base_url)
    with pytest.raises(httpx.HTTPStatusError) as caught:
        asyncio.run(client.download_project("sample-project", "sample-space", tmp_path))
    error = caught.value
    assert isinstance(error, AuthenticationError)
    assert error.response.status_code == 401
    assert error.summary is not None
    assert "canary" not in f"{error!r} {error} {error.__dict__}"
    assert max(cf_sandbox.counts.values()) == 1  # the listing and the batches are asked for side by side


def test_an_unknown_project_ends_the_run(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no-such") as caught:
        asyncio.run(client_of(cf_sandbox).download_project("no-such", "sample-space", tmp_path))
    assert caught.value.response.status_code == 404


def test_an_unknown_space_fails_each_item_with_its_reason(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    summary = asyncio.run(client_of(cf_sandbox).download_project("sample-project", "other", tmp_path))
    assert summary.failed == 36
    assert {result.error_code for result in summary.results} == {"invalid_item"}
    assert "Check the space id" in str(summary.results[0].error)
    with pytest.raises(CFError, match="36 of 36 work items failed"):
        summary.raise_for_failures()


@pytest.mark.parametrize(("keep", "kept"), [("all", 36), ("failed", 1), ("none", 0)])
def test_results_are_kept_as_asked(tmp_path: Path, keep: str, kept: int) -> None:
    with Sandbox(faults=[Fault("annotations", match=NUCLEUS, action="status", status=404)]) as sandbox:
        summary = download(sandbox, tmp_path, results=keep)
    assert (summary.successful, summary.failed, len(summary.results)) == (35, 1, kept)


def test_events_tell_the_whole_story(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    events: list[Event] = []
    download(cf_sandbox, tmp_path, on_event=events.append, limit=20)
    pages = [event for event in events if isinstance(event, PageListed)]
    assert [(page.items, page.total) for page in pages] == [(20, 36), (16, 36)]
    assert ListingFinished(36) in events
    assert len([event for event in events if isinstance(event, ItemStored)]) == 36


def test_progress_may_be_a_function(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    seen: list[Progress] = []
    download(cf_sandbox, tmp_path, progress=seen.append)
    assert [progress.done for progress in seen] == list(range(1, 37))
    assert seen[-1].total == 36


def test_a_bar_is_drawn_only_where_asked(
    cf_sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(cf_sandbox, tmp_path)
    assert capsys.readouterr().err == ""
    download(cf_sandbox, tmp_path, progress=True)
    assert "36/36" in capsys.readouterr().err


def test_what_a_handler_raises_ends_the_run(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, ItemStored):
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        download(cf_sandbox, tmp_path, on_event=stop)


def test_batches_items_and_annotations_are_read(cf_sandbox: Sandbox) -> None:
    async def read() -> tuple[Any, ...]:
        async with client_of(cf_sandbox) as client:
            batches = await client.list_batches("sample-project")
            items = [item async for item in client.iter_work_items("sample-project", limit=5)]
            return batches, items, await client.get_annotation("sample-project", UUID(NUCLEUS))

    batches, items, annotation = asyncio.run(read())
    assert batches[0].name == "Yellowstone plot 541000"
    assert len({item.id for item in items}) == 36
    assert annotation.metadata["coco_results_url"].endswith(f"/coco_output/{NUCLEUS}.json")


def test_annotations_come_without_the_disk(cf_sandbox: Sandbox) -> None:
    async def read() -> list[Any]:
        stream = client_of(cf_sandbox).iter_annotations("sample-project", "sample-space", batch_ids=[103, 104])
        return [result async for result in stream]

    results = asyncio.run(read())
    assert len(results) == 18
    assert all(json.loads(result.document)["info"]["asset_url"] == result.item.asset_url for result in results)


def test_a_failure_is_a_value_in_the_stream() -> None:
    async def read(sandbox: Sandbox) -> list[Any]:
        return [result async for result in client_of(sandbox).iter_annotations("sample-project", "sample-space")]

    with Sandbox(faults=[Fault("storage", match=NUCLEUS, action="status", status=404)]) as sandbox:
        results = asyncio.run(read(sandbox))
    failed = [result for result in results if result.error]
    assert len(results) == 36
    assert [(result.item.id, result.error.code, result.document) for result in failed] == [(NUCLEUS, "not_found", None)]


def test_leaving_the_stream_early_ends_the_transfer() -> None:
    async def read(sandbox: Sandbox) -> None:
        stream = client_of(sandbox).iter_annotations("sample-project", "sample-space", max_workers=2)
        async for _ in stream:
            break
        await stream.aclose()
        assert len(asyncio.all_tasks()) == 1

    with Sandbox(items=100_000, record=False) as sandbox:
        asyncio.run(read(sandbox))
        assert sandbox.counts["storage"] < 10_000


@pytest.mark.parametrize("name", ["iter_work_items", "iter_annotations"])
def test_a_stream_that_nobody_closed_ends_with_its_loop(name: str, caplog: pytest.LogCaptureFixture) -> None:
    kept: list[Any] = []

    async def read(sandbox: Sandbox) -> None:
        space = ["sample-space"] if name == "iter_annotations" else []
        kept.append(getattr(client_of(sandbox), name)("sample-project", *space, limit=10))
        await kept[0].__anext__()

    with Sandbox(items=5_000) as sandbox:
        asyncio.run(read(sandbox))
    assert not caplog.records


def test_what_ends_the_stream_is_raised(cf_sandbox: Sandbox) -> None:
    async def read() -> None:
        async for _ in client_of(cf_sandbox).iter_annotations("no-such", "sample-space"):
            pass

    with pytest.raises(NotFoundError):
        asyncio.run(read())


def test_items_without_a_batch_or_an_id_are_told_apart(tmp_path: Path) -> None:
    document = b'{"images": []}'
    project = Project(
        items=[{"id": "a", "batchId": None}, {"batchId": 1}, {"id": "b", "batchId": 9}, {"id": "a"}],
        batch_objects=[{"id": 1, "name": "x"}],
        documents={"coco_output/a.json": document, "coco_output/b.json": document},
    )
    with Sandbox(project=project) as sandbox:
        summary = download(sandbox, tmp_path)
    assert set(files_below(tmp_path)) == {"Default/a.json", "9/b.json"}
    assert [(result.item_id, result.error_code) for result in summary.results] == [
        ("a", None),
        ("", "invalid_item"),
        ("b", None),
    ]
    assert any("counted 4" in warning for warning in summary.warnings)
