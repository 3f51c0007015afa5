from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cf_ai_platform_client.sandbox import Project, Sandbox
from cf_ai_platform_client.sandbox.server import read_data

from .conftest import BATCHES, DOCUMENT, NUCLEUS, PROJECT, SIGNED_URLS, WORK_ITEMS, sign, visit

ANNOTATION = f"{WORK_ITEMS}/{NUCLEUS}/annotations"
CONTENT = read_data(f"coco/{NUCLEUS}.json")
ETAG = f'"{hashlib.md5(CONTENT).hexdigest()}"'
SIZE = len(CONTENT)

ENDPOINTS = [
    ("GET", WORK_ITEMS, {}),
    ("GET", BATCHES, {}),
    ("GET", ANNOTATION, {"params": {"format": "coco"}}),
    ("POST", SIGNED_URLS, {"json": {"paths": [DOCUMENT]}}),
    ("GET", "/nowhere", {}),
]


def message_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["message"]
    return str(answer.json()["message"])


# The key


@pytest.mark.parametrize(("method", "path", "more"), ENDPOINTS)
@pytest.mark.parametrize("key", [None, "", "other", "sandbox-key2"])
def test_no_endpoint_answers_without_the_key(
    cf_sandbox: Sandbox, web: httpx.Client, method: str, path: str, more: dict[str, Any], key: str | None
) -> None:
    headers = {} if key is None else {"X-API-Key": key}
    answer = web.request(method, cf_sandbox.base_url + path, headers=headers, **more)
    assert answer.status_code == 401
    assert message_of(answer) == "The API key is missing, wrong or expired"


@pytest.mark.parametrize(("method", "path", "more"), ENDPOINTS[:-1])
def test_every_endpoint_answers_with_the_key(api: httpx.Client, method: str, path: str, more: dict[str, Any]) -> None:
    answer = api.request(method, path, **more)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"


def test_the_key_may_be_another() -> None:
    with Sandbox(api_key="other") as sandbox:
        with visit(sandbox) as api:
            assert api.get(BATCHES).status_code == 200
        with visit(sandbox, key="sandbox-key") as api:
            assert api.get(BATCHES).status_code == 401


# What is not there


@pytest.mark.parametrize(
    ("method", "path", "more", "message"),
    [
        ("GET", "/projects/other/workItems", {}, "Project other was not found"),
        ("GET", "/projects/other/workItems?limit=0", {}, "Project other was not found"),
        ("GET", "/projects/a%2Fb/batches", {}, "Project a/b was not found"),
        ("GET", f"/projects/other/workItems/{NUCLEUS}/annotations", {}, "Project other was not found"),
        ("GET", f"{WORK_ITEMS}/other/annotations?format=coco", {}, "Work item other was not found"),
        ("POST", "/spaces/other/signedurls", {"json": {"paths": ["a"]}}, "Space other was not found"),
        ("GET", "/nowhere", {}, "There is no GET /api/v1/nowhere"),
        ("DELETE", BATCHES, {}, f"There is no DELETE /api/v1{BATCHES}"),
        ("GET", SIGNED_URLS, {}, f"There is no GET /api/v1{SIGNED_URLS}"),
        ("POST", WORK_ITEMS, {}, f"There is no POST /api/v1{WORK_ITEMS}"),
        ("GET", "/spaces/sample-space/assets", {}, "There is no GET /api/v1/spaces/sample-space/assets"),
    ],
)
def test_what_is_unknown_is_named(
    api: httpx.Client, method: str, path: str, more: dict[str, Any], message: str
) -> None:
    answer = api.request(method, path, **more)
    assert answer.status_code == 404
    assert message_of(answer) == message


# What is wrong


@pytest.mark.parametrize(
    ("method", "path", "more", "message"),
    [
        ("GET", f"{WORK_ITEMS}?batchIds=x", {}, "batchIds must be a whole number, not 'x'"),
        ("GET", f"{WORK_ITEMS}?limit=101", {}, "limit must be between 1 and 100, not 101"),
        ("GET", f"{WORK_ITEMS}?createdAtFrom=soon", {}, "createdAtFrom must be an ISO 8601 date, not 'soon'"),
        ("GET", f"{WORK_ITEMS}?cursor=c-5&page=NEXT", {}, "cursor is not one that this listing gave"),
        ("GET", f"{BATCHES}?limit=0", {}, "limit must be between 1 and 100, not 0"),
        ("GET", f"{BATCHES}?page=LAST", {}, "page must be NEXT or PREV"),
        ("GET", ANNOTATION, {}, "format must be coco"),
        ("GET", f"{ANNOTATION}?format=csv", {}, "format must be coco"),
        ("POST", SIGNED_URLS, {"content": b"{"}, "The body is not JSON"),
        ("POST", SIGNED_URLS, {"content": b"\xff"}, "The body is not JSON"),
        ("POST", SIGNED_URLS, {}, "The body is not JSON"),
        ("POST", SIGNED_URLS, {"json": []}, "paths must be a list of strings that are not empty"),
        (
            "POST",
            SIGNED_URLS,
            {"content": b'{"paths": ["\\ud800"]}'},
            "paths must be a list of strings that are not empty",
        ),
        ("POST", SIGNED_URLS, {"json": {"paths": []}}, "paths must hold 1 to 1000 paths, not 0"),
        ("POST", SIGNED_URLS, {"json": {"paths": ["a"] * 1001}}, "paths must hold 1 to 1000 paths, not 1001"),
    ],
)
def test_what_is_wrong_is_named(api: httpx.Client, method: str, path: str, more: dict[str, Any], message: str) -> None:
    answer = api.request(method, path, **more)
    assert answer.status_code == 422
    assert message_of(answer) == message


# Listings


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 36),
        ({"status": "COMPLETED"}, 36),
        ({"status": "CLIENT_REVIEW"}, 0),
        ({"batchIds": 103}, 2),
        ({"batchIds": [101, 104]}, 22),
        ({"batchIds": 999}, 0),
        ({"workItemIDs": NUCLEUS}, 1),
        ({"workItemIDs": [NUCLEUS, "other"], "batchIds": 104}, 1),
        ({"workItemIDs": NUCLEUS, "batchIds": 101}, 0),
        ({"createdAtFrom": "2026-01-27"}, 2),
        ({"createdAtTo": "2026-01-01T08:00:00Z"}, 1),
        ({"createdAtTo": "2026-01-01T09:00:00+01:00"}, 1),
        ({"createdAtFrom": "2026-01-26T08:25:00Z", "createdAtTo": "2026-01-26T08:25:00Z"}, 1),
        ({"updatedAtFrom": "2026-02-22T16:07:00Z"}, 9),
        ({"updatedAtTo": "2026-02-01T23:59:59Z", "batchIds": [101, 102]}, 5),
        ({"createdAtFrom": "2026-02-01", "createdAtTo": "2026-01-01"}, 0),
    ],
    ids=str,
)
def test_filters_choose_work_items(api: httpx.Client, filters: dict[str, Any], count: int) -> None:
    answer = api.get(WORK_ITEMS, params={"limit": 100, **filters}).raise_for_status().json()
    assert answer["total"] == len(answer["items"]) == count
    assert answer["meta"] == {"object": "work_item", "limit": 100, "page": None, "cursorNext": None, "cursorPrev": None}
    for item in answer["items"]:
        assert {"id", "batchId", "resultUrl", "assetUrl", "status", "createdAt", "updatedAt", "assetType"} == set(item)


def pages(api: httpx.Client, path: str, direction: str, **query: Any) -> Iterator[dict[str, Any]]:
    while True:
        page = api.get(path, params=query).raise_for_status().json()
        yield page
        cursor = page["meta"]["cursorNext" if direction == "NEXT" else "cursorPrev"]
        if cursor is None:
            return
        query.update(cursor=cursor, page=direction)


@pytest.mark.parametrize(
    ("filters", "sizes"), [({}, [20, 16]), ({"limit": 10}, [10, 10, 10, 6]), ({"limit": 8, "batchIds": 104}, [8, 8])]
)
def test_work_items_are_paged_both_ways(api: httpx.Client, filters: dict[str, Any], sizes: list[int]) -> None:
    there = list(pages(api, WORK_ITEMS, "NEXT", **filters))
    assert [len(page["items"]) for page in there] == sizes
    assert {page["total"] for page in there} == {sum(sizes)}
    assert [page["meta"]["page"] for page in there] == [None, *["NEXT"] * (len(sizes) - 1)]
    last = there[-1]["meta"]["cursorPrev"]
    back = list(pages(api, WORK_ITEMS, "PREV", cursor=last, page="PREV", **filters))
    assert [page["items"] for page in reversed(back)] == [page["items"] for page in there[:-1]]
    assert {page["meta"]["page"] for page in back} == {"PREV"}


def test_batches_are_paged_and_counted(api: httpx.Client) -> None:
    (all_of_them,) = pages(api, BATCHES, "NEXT")
    assert all_of_them["items"][0] == {
        "id": 101,
        "projectId": "sample-project",
        "name": "Yellowstone plot 541000",
        "createdAt": "2026-01-01T00:00:00Z",
        "createdBy": "sandbox@example.com",
        "metadata": None,
        "priority": 0,
        "totalCount": 6,
        "completedCount": 6,
    }
    assert list(all_of_them) == ["items", "meta"]
    assert [[batch["id"] for batch in page["items"]] for page in pages(api, BATCHES, "NEXT", limit=3)] == [
        [101, 102, 103],
        [104],
    ]


def test_the_end_of_a_million_items_is_one_request_away() -> None:
    with Sandbox(items=1_000_000) as sandbox, visit(sandbox) as api:
        first = api.get(WORK_ITEMS, params={"limit": 100}).json()
        end = f"c{1_000_000 - 100:x}"
        last = api.get(WORK_ITEMS, params={"limit": 100, "cursor": end, "page": "NEXT"}).json()
        assert first["total"] == last["total"] == 1_000_000
        assert len(last["items"]) == 100
        assert last["meta"]["cursorNext"] is None
        item_id = last["items"][-1]["id"]
        path = f"{WORK_ITEMS}/{item_id}/annotations"
        url = api.get(path, params={"format": "coco"}).json()["metadata"]["coco_results_url"]
        assert url == f"s3://sandbox/spaces/sample-space/coco_output/{item_id}.json"
        assert httpx.get(sign(api, f"coco_output/{item_id}.json"), verify=False).json()["images"]


def test_the_annotation_names_the_document(api: httpx.Client) -> None:
    assert api.get(ANNOTATION, params={"format": "coco"}).json() == {
        "id": f"annotation-{NUCLEUS}",
        "projectID": "sample-project",
        "workItemID": NUCLEUS,
        "metadata": {"coco_results_url": f"s3://sandbox/spaces/sample-space/{DOCUMENT}"},
    }


# Signing


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_many_paths_are_signed_at_once(api: httpx.Client, web: httpx.Client, count: int) -> None:
    paths = [f"folder/{number}.json" for number in range(count - 1)] + [DOCUMENT]
    answer = api.post(SIGNED_URLS, json={"paths": paths}).raise_for_status().json()
    assert list(answer) == ["items"]
    assert [item["path"] for item in answer["items"]] == paths
    assert len({item["signedUrl"] for item in answer["items"]}) == count
    assert web.get(answer["items"][-1]["signedUrl"]).content == CONTENT
    assert web.get(answer["items"][0]["signedUrl"]).status_code == (200 if count == 1 else 404)


def test_the_url_leads_to_where_the_client_came_from(cf_sandbox: Sandbox, api: httpx.Client) -> None:
    assert sign(api).startswith(f"http://127.0.0.1:{cf_sandbox.port}/storage/spaces/sample-space/{DOCUMENT}?")
    with visit(cf_sandbox) as other:
        other.base_url = httpx.URL(f"http://localhost:{cf_sandbox.port}/api/v1")
        assert sign(other).startswith(f"http://localhost:{cf_sandbox.port}/storage/")


@pytest.mark.parametrize("path", ["é ü.json", "a+b&c=d.json", "a%2Fb.json", "a?b#c.json", "a//b.json"])
def test_any_name_can_be_signed_and_read(path: str) -> None:
    with Sandbox(project=Project(documents={path: b"{}"})) as sandbox, visit(sandbox) as api:
        url = sign(api, path)
        assert url.isascii()
        assert httpx.get(url, verify=False).content == b"{}"


# Storage


def error_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert answer.text.startswith("<?xml version='1.0'?><Error><Code>")
    return answer.text.split("<Code>")[1].split("</Code>")[0]


def test_a_signed_url_needs_no_key(api: httpx.Client, web: httpx.Client) -> None:
    answer = web.get(sign(api))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    headers = {name: answer.headers[name] for name in ("Content-Type", "ETag", "Accept-Ranges", "Content-Length")}
    assert headers == {
        "Content-Type": "application/json",
        "ETag": ETAG,
        "Accept-Ranges": "bytes",
        "Content-Length": str(SIZE),
    }
    assert answer.headers["Last-Modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_the_storage_refuses_the_key(cf_sandbox: Sandbox, api: httpx.Client) -> None:
    answer = api.get(sign(api))
    assert (answer.status_code, error_of(answer)) == (400, "InvalidRequest")
    assert cf_sandbox.requests[-1].key == "present"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NUCLEUS, "0520a8e8-6160-5229-842a-5eeff9033a39"),
        ("sample-space", "other-space"),
        ("X-Amz-Expires=3600", "X-Amz-Expires=36000"),
        ("X-Amz-Date=20", "X-Amz-Date=21"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("X-Amz-Signature=", "X-Amz-Other="),
    ],
)
def test_an_altered_url_is_refused(api: httpx.Client, web: httpx.Client, old: str, new: str) -> None:
    url = sign(api)
    assert old in url
    answer = web.get(url.replace(old, new))
    assert (answer.status_code, error_of(answer)) == (403, "SignatureDoesNotMatch")


def test_a_url_without_a_signature_is_refused(api: httpx.Client, web: httpx.Client) -> None:
    answer = web.get(sign(api).partition("?")[0])
    assert (answer.status_code, error_of(answer)) == (403, "SignatureDoesNotMatch")


def test_another_sandbox_signs_differently(api: httpx.Client, web: httpx.Client) -> None:
    with Sandbox() as other, visit(other) as there:
        url, query = sign(there), urlsplit(sign(api)).query
        assert web.get(url.partition("?")[0] + "?" + query).status_code == 403


def test_a_url_expires(web: httpx.Client) -> None:
    now = [1_000_000_000.0]
    with Sandbox(clock=lambda: now[0], url_lifetime=60) as sandbox, visit(sandbox) as api:
        url = sign(api)
        now[0] += 59
        assert web.get(url).status_code == 200
        now[0] += 1
        answer = web.get(url)
        assert (answer.status_code, error_of(answer)) == (403, "AccessDenied")
        assert "Request has expired" in answer.text
        assert web.get(sign(api)).status_code == 200


@pytest.mark.parametrize("path", ["coco_output/other.json", "other.json", f"spaces/sample-space/{DOCUMENT}"])
def test_a_missing_document_is_no_such_key(api: httpx.Client, web: httpx.Client, path: str) -> None:
    answer = web.get(sign(api, path))
    assert (answer.status_code, error_of(answer)) == (404, "NoSuchKey")


def test_images_are_signed_and_served_too(api: httpx.Client, web: httpx.Client) -> None:
    (item,) = api.get(WORK_ITEMS, params={"workItemIDs": NUCLEUS}).json()["items"]
    answer = web.get(sign(api, item["assetUrl"]))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.content == read_data("images/nuclei_1_1.jpg")


@pytest.mark.parametrize("tags", [ETAG, f"W/{ETAG}", f'"other", {ETAG}', "*"])
def test_a_known_document_is_not_sent_again(api: httpx.Client, web: httpx.Client, tags: str) -> None:
    answer = web.get(sign(api), headers={"If-None-Match": tags, "Range": "bytes=0-1"})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", ETAG)


@pytest.mark.parametrize("tags", ['"other"', "", ETAG.strip('"')])
def test_a_changed_document_is_sent_again(api: httpx.Client, web: httpx.Client, tags: str) -> None:
    assert web.get(sign(api), headers={"If-None-Match": tags}).content == CONTENT


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        (f"bytes=10-{SIZE + 5}", 10, SIZE),
        (f"bytes=-{SIZE + 5}", 0, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ],
)
@pytest.mark.parametrize("condition", [{}, {"If-Range": ETAG}, {"If-None-Match": '"other"'}], ids=str)
def test_a_part_is_sent(
    api: httpx.Client, web: httpx.Client, wanted: str, start: int, end: int, condition: dict[str, str]
) -> None:
    answer = web.get(sign(api), headers={"Range": wanted, **condition})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["ETag"] == ETAG


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(api: httpx.Client, web: httpx.Client, wanted: str) -> None:
    answer = web.get(sign(api), headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-9", "If-Range": '"other"'},
        {"Range": "bytes=0-9", "If-Range": "Thu, 01 Jan 2025 00:00:00 GMT"},
        {"Range": "bytes=-"},
        {"Range": "bytes=9-5"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "items=0-1"},
        {"Range": "bytes=" + "9" * 5000 + "-"},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_a_part_that_cannot_be_meant_is_the_whole(
    api: httpx.Client, web: httpx.Client, headers: dict[str, str]
) -> None:
    answer = web.get(sign(api), headers=headers)
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_an_empty_document_has_no_parts(web: httpx.Client) -> None:
    with Sandbox(project=Project(documents={"empty": b""})) as sandbox, visit(sandbox) as api:
        url = sign(api, "empty")
        assert (web.get(url).status_code, web.get(url).content) == (200, b"")
        assert web.get(url, headers={"Range": "bytes=0-"}).status_code == 416


def test_the_head_of_a_document_is_there_without_the_body(api: httpx.Client, web: httpx.Client) -> None:
    answer = web.head(sign(api))
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", str(SIZE))


def test_a_project_of_ones_own_is_served(web: httpx.Client) -> None:
    project = Project(
        items=[{"id": "a", "odd": [1]}], documents={"coco_output/a.json": b"no json"}, project_id="p", space_id="s"
    )
    with Sandbox(project=project) as sandbox, visit(sandbox) as api:
        assert api.get("/projects/p/workItems").json()["items"] == [{"id": "a", "odd": [1]}]
        assert api.get(f"{PROJECT}/workItems").status_code == 404
        (answer,) = api.post("/spaces/s/signedurls", json={"paths": ["coco_output/a.json"]}).json()["items"]
        assert web.get(answer["signedUrl"]).content == b"no json"
