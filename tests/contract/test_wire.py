from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from cf_ai_platform_client import CFError, CFUserClient
from cf_ai_platform_client.errors import NotFoundError
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox, SeenRequest
from cf_ai_platform_client.transfer import signing

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"
FIRST = "0520a8e8-6160-5229-842a-5eeff9033a39"
WORK_ITEMS = "/api/v1/projects/sample-project/workItems"
BATCHES = "/api/v1/projects/sample-project/batches"
SIGNED_URLS = "/api/v1/spaces/sample-space/signedurls"

Query = list[tuple[str, str]]


def client_of(sandbox: Sandbox) -> CFUserClient:
    return CFUserClient(sandbox.api_key, sandbox.base_url)


def seen_while(sandbox: Sandbox, use: Callable[[CFUserClient], Awaitable[Any]]) -> list[SeenRequest]:
    asyncio.run(_awaited(use(client_of(sandbox))))
    return sandbox.requests


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def download(destination: Path, **more: Any) -> Callable[[CFUserClient], Awaitable[Any]]:
    return lambda client: client.download_project("sample-project", "sample-space", destination, **more)


def query_of(request: SeenRequest) -> Query:
    return parse_qsl(request.query, keep_blank_values=True, strict_parsing=bool(request.query))


def listing_of(requests: list[SeenRequest]) -> SeenRequest:
    (listing,) = [request for request in requests if request.endpoint == "work_items"]
    return listing


def test_every_endpoint_is_asked_as_the_contract_says(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    requests = seen_while(cf_sandbox, download(tmp_path))
    by_endpoint = {request.endpoint: request for request in requests}
    assert {name: (request.method, request.path) for name, request in by_endpoint.items() if name != "annotations"} == {
        "work_items": ("GET", WORK_ITEMS),
        "batches": ("GET", BATCHES),
        "signed_urls": ("POST", SIGNED_URLS),
        "storage": ("GET", by_endpoint["storage"].path),
    }
    annotations = [request for request in requests if request.endpoint == "annotations"]
    ids = {request.path.removeprefix(f"{WORK_ITEMS}/").removesuffix("/annotations") for request in annotations}
    assert {FIRST, NUCLEUS} < ids
    assert {(request.method, request.query) for request in annotations} == {("GET", "format=coco")}
    stored = {request.path for request in requests if request.endpoint == "storage"}
    assert stored == {f"/storage/spaces/sample-space/coco_output/{item_id}.json" for item_id in ids}


def test_the_key_goes_with_every_api_call_and_never_to_the_storage(tmp_path: Path) -> None:
    async def use(client: CFUserClient) -> None:
        async with client:
            await client.download_project("sample-project", "sample-space", tmp_path)
            await client.list_batches("sample-project")
            await client.get_annotation("sample-project", NUCLEUS)
            assert [item async for item in client.iter_work_items("sample-project")]
            assert [item async for item in client.iter_annotations("sample-project", "sample-space")]

    faults = [
        Fault("*", "reset", nth=range(1, 60, 7)),
        Fault("storage", "status", status=403, once_per_path=True, rate=0.2),
        Fault("storage", "truncated", nth=[2, 9]),
    ]
    with Sandbox(faults=faults, latency=0.001) as sandbox:
        requests = seen_while(sandbox, use)
    assert {(request.endpoint == "storage", request.key) for request in requests} == {
        (False, "present"),
        (True, "absent"),
    }
    assert "unknown" not in sandbox.counts


@pytest.mark.parametrize("endpoint", ["work_items", "annotations", "signed_urls", "storage"])
def test_a_redirect_is_not_followed_with_or_without_the_key(endpoint: Any, tmp_path: Path) -> None:
    async def use(client: CFUserClient) -> None:
        with pytest.raises(CFError, match="307"):
            (await client.download_project("sample-project", "sample-space", tmp_path)).raise_for_failures()

    with Sandbox() as other:
        there = Fault(endpoint, "status", status=307, headers={"Location": f"{other.base_url}/x"})
        with Sandbox(items=3, faults=[there]) as sandbox:
            seen_while(sandbox, use)
        assert sandbox.counts[endpoint] >= 1
        assert other.requests == []


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ({}, []),
        ({"batch_ids": [101]}, [("batchIds", "101")]),
        ({"batch_ids": (104, 101)}, [("batchIds", "104"), ("batchIds", "101")]),
        ({"batch_ids": []}, []),
        ({"work_item_ids": [NUCLEUS, UUID(FIRST)]}, [("workItemIDs", NUCLEUS), ("workItemIDs", FIRST)]),
        ({"work_item_ids": ()}, []),
        ({"created_at_from": "2026-01-02T00:00:00Z"}, [("createdAtFrom", "2026-01-02T00:00:00Z")]),
        ({"created_at_from": "2026-01-02T00:00:00.500+05:30"}, [("createdAtFrom", "2026-01-02T00:00:00.500+05:30")]),
        ({"created_at_to": "2026-01-31"}, [("createdAtTo", "2026-01-31")]),
        ({"updated_at_from": "2026-02-01 10:00:00z"}, [("updatedAtFrom", "2026-02-01 10:00:00z")]),
        ({"updated_at_to": "2026-02-28T23:59:59-0800"}, [("updatedAtTo", "2026-02-28T23:59:59-0800")]),
        ({"created_at_to": ""}, []),
        (
            {"created_at_from": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)},
            [("createdAtFrom", "2026-01-02T03:04:05+00:00")],
        ),
        (
            {
                "batch_ids": [101],
                "work_item_ids": [FIRST],
                "created_at_from": "2026-01-01",
                "created_at_to": "2026-01-31",
                "updated_at_from": "2026-02-01",
                "updated_at_to": "2026-02-28",
            },
            [
                ("batchIds", "101"),
                ("workItemIDs", FIRST),
                ("createdAtFrom", "2026-01-01"),
                ("createdAtTo", "2026-01-31"),
                ("updatedAtFrom", "2026-02-01"),
                ("updatedAtTo", "2026-02-28"),
            ],
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_filters_are_sent_by_their_names(
    cf_sandbox: Sandbox, tmp_path: Path, filters: dict[str, Any], sent: Query
) -> None:
    requests = seen_while(cf_sandbox, download(tmp_path, **filters))
    listing = listing_of(requests)
    assert sorted(query_of(listing)) == sorted([("status", "COMPLETED"), ("limit", "100"), *sent])
    assert [pair for pair in query_of(listing) if pair in sent] == sent


def test_a_hundred_ids_are_one_request(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    ids = list(range(1, 101))
    requests = seen_while(cf_sandbox, download(tmp_path, batch_ids=ids))
    assert [value for name, value in query_of(listing_of(requests)) if name == "batchIds"] == [
        str(number) for number in ids
    ]


@pytest.mark.parametrize("status", ["COMPLETED", "CLIENT_REVIEW"])
def test_the_status_is_sent(cf_sandbox: Sandbox, tmp_path: Path, status: str) -> None:
    requests = seen_while(cf_sandbox, download(tmp_path, status=status))
    assert query_of(listing_of(requests)) == [("status", status), ("limit", "100")]


@pytest.mark.parametrize("limit", [1, 7, 100, None])
def test_further_pages_repeat_the_filters_with_a_cursor(cf_sandbox: Sandbox, limit: int | None) -> None:
    async def use(client: CFUserClient) -> None:
        stream = client.iter_work_items(
            "sample-project", batch_ids=[103, 104], limit=limit, updated_at_from="2026-02-01"
        )
        assert len([item async for item in stream]) == 18

    first, *more = seen_while(cf_sandbox, use)
    common = [("status", "COMPLETED"), ("batchIds", "103"), ("batchIds", "104"), ("updatedAtFrom", "2026-02-01")]
    assert sorted(query_of(first)) == sorted([*common, ("limit", str(limit or 100))])
    size = limit or 100
    assert [sorted(query_of(request)) for request in more] == [
        sorted([*common, ("limit", str(size)), ("cursor", f"c{start:x}"), ("page", "NEXT")])
        for start in range(size, 18, size)
    ]


def test_batches_are_asked_for_by_the_hundred(tmp_path: Path) -> None:
    batches = [{"id": number, "name": f"batch {number}"} for number in range(250)]
    with Sandbox(project=Project(batch_objects=batches)) as sandbox:
        requests = seen_while(sandbox, lambda client: client.list_batches("sample-project"))
    assert [query_of(request) for request in requests] == [
        [("limit", "100")],
        [("limit", "100"), ("cursor", "c64"), ("page", "NEXT")],
        [("limit", "100"), ("cursor", "cc8"), ("page", "NEXT")],
    ]


def test_bodies_are_json_and_only_posts_have_one(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    requests = seen_while(cf_sandbox, download(tmp_path))
    kinds = {(request.method, request.headers.get("Content-Type")) for request in requests}
    assert kinds == {("GET", None), ("POST", "application/json")}


def test_ids_are_one_segment_of_the_path(cf_sandbox: Sandbox) -> None:
    async def use(client: CFUserClient) -> None:
        with pytest.raises(NotFoundError):
            await client.list_batches("a/b ü?#%")
        with pytest.raises(NotFoundError):
            await client.get_annotation("sample-project", "x/../y")

    batches, annotation = seen_while(cf_sandbox, use)
    assert (batches.path, batches.endpoint) == ("/api/v1/projects/a%2Fb%20%C3%BC%3F%23%25/batches", "batches")
    assert (annotation.path, annotation.query) == (f"{WORK_ITEMS}/x%2F..%2Fy/annotations", "format=coco")


def test_everybody_knows_who_asks(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    requests = seen_while(cf_sandbox, download(tmp_path, batch_ids=[103]))
    assert {request.headers["User-Agent"].split("/")[0] for request in requests} == {"cf-ai-platform-client"}
    assert {request.headers["Accept-Encoding"] for request in requests} == {"gzip, deflate"}


@pytest.mark.parametrize("items", [0, 1, 99, 100, 101, 500])
def test_no_request_is_made_twice(tmp_path: Path, items: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "LINGER", 3600.0)  # else a busy machine makes more signing calls than an idle one
    with Sandbox(items=items) as sandbox:
        requests = seen_while(sandbox, download(tmp_path))
    counts = sandbox.counts
    assert counts["annotations"] == counts["storage"] == items
    assert counts["work_items"] == max(1, -(-items // 100))
    assert counts["batches"] <= 1
    assert counts["signed_urls"] <= items / 40 + 10
    assert counts["unknown"] == 0
    asked = [(request.method, request.path, request.query) for request in requests if request.method == "GET"]
    assert len(asked) == len(set(asked))
