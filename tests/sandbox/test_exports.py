from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
import threading
import weakref
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.export_files import ExportFiles, zip_of
from cf_ai_platform_client.sandbox.exports import Export, Exports, Order, read_order
from cf_ai_platform_client.sandbox.queries import Problem
from cf_ai_platform_client.sandbox.server import read_data

from .conftest import NUCLEUS, visit

EXPORTS = "/spaces/sample-space/exports"
COCO: dict[str, Any] = {"name": "all", "format": "COCO_JSON"}
NOW = 1767225600.0


def exports(polls: int = 2) -> Exports:
    ids = iter(f"export-{number}" for number in range(100))
    return Exports(polls, lambda: NOW, lambda: next(ids))


def order(**more: Any) -> Order:
    return read_order({**COCO, **more})


def statuses(state: Exports, export: Export) -> Iterator[str]:
    while True:
        yield state.status(state.poll(export.export_id))


# States


@pytest.mark.parametrize(
    ("polls", "at_first", "then"),
    [
        (0, "COMPLETED", ["COMPLETED"]),
        (1, "PENDING", ["COMPLETED"]),
        (2, "PENDING", ["IN_PROGRESS", "COMPLETED", "COMPLETED"]),
        (5, "PENDING", ["PENDING", "PENDING", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]),
    ],
)
def test_an_export_moves_on_by_polls(polls: int, at_first: str, then: list[str]) -> None:
    state = exports(polls)
    export = state.create(order())
    assert state.status(export) == at_first
    assert [status for status, _ in zip(statuses(state, export), then)] == then  # noqa: B905


def test_only_a_poll_moves_it_on() -> None:
    state = exports(1)
    export = state.create(order())
    for _ in range(5):
        state.listing()
        state.find(export.export_id)
    assert state.status(export) == "PENDING"


def test_failures_are_for_the_next_exports_in_turn() -> None:
    state = exports(0)
    state.fail_next("one")
    state.fail_next("two")
    wires = [state.wire(state.create(order()), lambda: "URL") for _ in range(3)]
    assert [(wire["status"], wire["error"], wire["downloadUrl"]) for wire in wires] == [
        ("FAILED", "one", None),
        ("FAILED", "two", None),
        ("COMPLETED", None, "URL"),
    ]


def test_it_fails_only_at_its_end() -> None:
    state = exports(2)
    state.fail_next("no")
    export = state.create(order())
    assert state.wire(export, str)["error"] is None
    assert [status for status, _ in zip(statuses(state, export), range(2))] == ["IN_PROGRESS", "FAILED"]  # noqa: B905


def test_a_second_one_is_refused_with_the_id_of_the_first() -> None:
    state = exports(2)
    first = state.create(order())
    for status in ("PENDING", "IN_PROGRESS"):
        with pytest.raises(Problem, match=f"Export export-0 of this space is still {status}") as caught:
            state.create(order())
        assert caught.value.status == 409
        state.poll(first.export_id)
    assert state.create(order()).export_id == "export-1"


def test_deleting_the_running_one_makes_way() -> None:
    state = exports(2)
    state.delete(state.create(order()).export_id)
    assert state.create(order())
    for unknown in (state.poll, state.delete):
        with pytest.raises(Problem, match="Export export-0 was not found") as caught:
            unknown("export-0")
        assert caught.value.status == 404


def test_one_of_many_threads_makes_the_export() -> None:
    state = exports(2)
    outcomes: list[int] = []
    start = threading.Barrier(8)

    def create() -> None:
        start.wait()
        try:
            state.create(order())
            outcomes.append(200)
        except Problem as problem:
            outcomes.append(problem.status)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200] + [409] * 7


# Bodies


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "The body must be a JSON object"),
        ({"format": "JSON"}, "name must be a text that is not empty"),
        ({"name": " ", "format": "JSON"}, "name must be a text that is not empty"),
        ({"name": "x"}, "format must be one of COCO_JSON, JSON, CSV, not None"),
        ({**COCO, "format": "PARQUET"}, "format must be one of COCO_JSON, JSON, CSV, not 'PARQUET'"),
        ({**COCO, "format": []}, r"format must be one of COCO_JSON, JSON, CSV, not \[\]"),
        ({**COCO, "content": "ALL"}, "content must be one of ANNOTATION, INFERENCE, ASSET_METADATA, not 'ALL'"),
        ({**COCO, "content": "INFERENCE"}, "content INFERENCE takes the format JSON or CSV, not COCO_JSON"),
        ({**COCO, "content": "ASSET_METADATA"}, "content ASSET_METADATA takes the format JSON or CSV"),
        ({**COCO, "projectIds": []}, "projectIds must be a list of 1 to 50 ids"),
        ({**COCO, "projectIds": ["a"] * 51}, "projectIds must be a list of 1 to 50 ids"),
        ({**COCO, "projectIds": "a"}, "projectIds must be a list of 1 to 50 ids"),
        ({**COCO, "projectIds": [1]}, "projectIds must hold texts only"),
        ({**COCO, "batchIds": [1] * 101}, "batchIds must be a list of 1 to 100 ids"),
        ({**COCO, "batchIds": ["1"]}, "batchIds must hold whole numbers only"),
        ({**COCO, "batchIds": [True]}, "batchIds must hold whole numbers only"),
        ({**COCO, "createdAtFrom": "yesterday"}, "createdAtFrom must be an ISO 8601 date, not 'yesterday'"),
        ({**COCO, "updatedAtTo": 5}, "updatedAtTo must be an ISO 8601 date, not 5"),
    ],
    ids=str,
)
def test_a_wrong_body_is_a_422_that_names_what(body: Any, sentence: str) -> None:
    with pytest.raises(Problem, match=sentence) as caught:
        read_order(body)
    assert caught.value.status == 422


def test_what_is_left_out_or_null_is_all() -> None:
    nothing = dict.fromkeys(["content", "projectIds", "batchIds", "createdAtFrom", "updatedAtTo"])
    assert read_order({**COCO, **nothing}) == read_order(COCO)
    assert (read_order(COCO).content, read_order(COCO).selection.status) == ("ANNOTATION", "COMPLETED")


# Zips


def content_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist()))
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sample() -> Project:
    with Sandbox() as sandbox, visit(sandbox) as api:
        listing = api.get("/projects/sample-project/workItems", params={"limit": 100}).json()["items"]
        batches = api.get("/projects/sample-project/batches").json()["items"]
    documents = {f"coco_output/{item['id']}.json": read_data(f"coco/{item['id']}.json") for item in listing}
    return Project(listing, batches, documents)


def test_coco_is_a_document_a_work_item(sample: Project) -> None:
    files = content_of(zip_of(sample, order()))
    assert len(files) == 36
    assert {name.split("/")[0] for name in files} == {str(batch["name"]) for batch in sample.batches()}
    assert files[f"Cell nuclei/{NUCLEUS}.json"] == read_data(f"coco/{NUCLEUS}.json")


def test_json_is_a_record_a_work_item(sample: Project) -> None:
    files = content_of(zip_of(sample, order(format="JSON")))
    assert list(files) == ["annotations.json"]
    records = json.loads(files["annotations.json"])
    assert len(records) == 36
    assert sum(len(record["annotations"]) for record in records) == 615
    (nucleus,) = [record for record in records if record["workItemID"] == NUCLEUS]
    assert (nucleus["batchName"], nucleus["assetUrl"]) == ("Cell nuclei", "assets/nuclei_1_1.jpg")
    assert {annotation["category"] for annotation in nucleus["annotations"]} == {"nucleus"}


def rows_of(sample: Project, **more: Any) -> list[dict[str, str]]:
    ((_, content),) = content_of(zip_of(sample, order(format="CSV", **more))).items()
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_csv_is_a_row_an_annotation(sample: Project) -> None:
    rows = rows_of(sample)
    assert len(rows) == 615
    assert len({(row["workItemID"], row["annotationId"]) for row in rows}) == 615
    document = json.loads(read_data(f"coco/{NUCLEUS}.json"))
    first = next(row for row in rows if row["workItemID"] == NUCLEUS)
    assert [float(first[name]) for name in ("x", "y", "width", "height")] == document["annotations"][0]["bbox"]
    assert json.loads(first["segmentation"]) == document["annotations"][0]["segmentation"]
    assert (first["category"], first["fileName"]) == ("nucleus", "nuclei_1_1.jpg")


@pytest.mark.parametrize(
    ("content", "name", "count"), [("INFERENCE", "inferences", 615), ("ASSET_METADATA", "asset_metadata", 36)]
)
def test_other_contents_have_the_same_columns_in_both_formats(
    sample: Project, content: str, name: str, count: int
) -> None:
    files = content_of(zip_of(sample, order(format="JSON", content=content)))
    records = json.loads(files[f"{name}.json"])
    rows = rows_of(sample, content=content)
    assert len(records) == len(rows) == count
    for record, row in zip(records, rows, strict=True):
        assert {key: str(value) for key, value in record.items()} == row


def test_confidences_look_like_ones(sample: Project) -> None:
    confidences = {float(row["confidence"]) for row in rows_of(sample, content="INFERENCE")}
    assert all(0.5 <= confidence < 1 for confidence in confidences)
    assert len(confidences) > 100


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"batchIds": [101]}, 6),
        ({"batchIds": [101, 103, 999]}, 8),
        ({"createdAtFrom": "2026-01-20T08:19:00Z"}, 9),
        ({"updatedAtFrom": "2026-02-22T16:07:00Z", "batchIds": [101]}, 1),
        ({"updatedAtTo": "2020-01-01"}, 0),
    ],
    ids=str,
)
def test_filters_choose_what_is_in_it(sample: Project, more: dict[str, Any], count: int) -> None:
    assert len(content_of(zip_of(sample, order(**more)))) == count
    assert len(json.loads(content_of(zip_of(sample, order(format="JSON", **more)))["annotations.json"])) == count


def test_annotations_are_of_completed_items_only() -> None:
    items = [{"id": "a", "status": "COMPLETED"}, {"id": "b", "status": "CLIENT_REVIEW"}]
    project = Project(items, documents={f"coco_output/{name}.json": b"{}" for name in "ab"})
    assert list(content_of(zip_of(project, order()))) == ["Default/a.json"]
    assert [row["workItemID"] for row in rows_of(project, content="ASSET_METADATA")] == ["a", "b"]


def test_odd_projects_make_harmless_zips() -> None:
    names = ["..", "a/b", "C:x", "\x00", ". .", "\ud800", "ok"]
    batches = [{"id": number, "name": name} for number, name in enumerate(names)]
    items: list[dict[str, Any]] = [{"id": f"{number}", "batchId": number} for number in range(len(names))]
    items += [{"id": "../../e", "batchId": 77}, {"id": "6", "batchId": 6}, {"id": "none", "batchId": 6}, {}]
    documents = {f"coco_output/{item.get('id')}.json": b"[1]" for item in items if item.get("id") != "none"}
    project = Project(items, batches, documents, {"": {}, "None": {"metadata": {"coco_results_url": 5}}})
    assert list(content_of(zip_of(project, order()))) == [
        *["_/0.json", "a_b/1.json", "C_x/2.json", "_/3.json", "_/4.json", "_/5.json", "ok/6.json"],
        "77/_.._e.json",
    ]
    for format_ in ("JSON", "CSV"):
        for content in ("ANNOTATION", "INFERENCE", "ASSET_METADATA"):
            assert content_of(zip_of(project, order(format=format_, content=content)))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no JSON",
        b"[" * 100_000,
        b'{"annotations": 5, "images": [1], "categories": null}',
        b'{"annotations": [{"bbox": [1]}, {"bbox": 7}, 3]}',
    ],
)
def test_documents_that_are_none_are_of_no_annotations(document: bytes) -> None:
    project = Project([{"id": "a"}], documents={"coco_output/a.json": document})
    for content in ("ANNOTATION", "INFERENCE"):
        rows = rows_of(project, content=content)
        assert [(row["workItemID"], row["x"]) for row in rows] == [("a", "")] * (2 if b"bbox" in document else 0)
    assert content_of(zip_of(project, order()))["Default/a.json"] == document


def test_an_empty_project_is_an_empty_list_or_a_header() -> None:
    assert content_of(zip_of(Project(), order())) == {}
    assert content_of(zip_of(Project(), order(format="JSON"))) == {"annotations.json": b"[]\n"}
    ((_, content),) = content_of(zip_of(Project(), order(format="CSV"))).items()
    assert content.startswith(b"workItemID,batchId,batchName,assetUrl,")
    assert content.count(b"\n") == 1


def test_a_zip_is_made_once_and_the_same_every_time(sample: Project) -> None:
    state = exports(1)
    files = ExportFiles(sample, state)
    export = state.create(order())
    assert files.document(export.export_id) is None
    state.poll(export.export_id)
    made = files.document(export.export_id)
    assert made is not None
    assert made is files.document(export.export_id)
    assert made.content == zip_of(sample, export.order)
    assert (made.content_type, made.etag) == ("application/zip", f'"{hashlib.md5(made.content).hexdigest()}"')
    files.forget(export.export_id)
    again = files.document(export.export_id)
    assert again is not None
    assert (again is made, again.content == made.content) == (False, True)
    state.delete(export.export_id)
    assert files.document(export.export_id) is None
    assert files.document("unknown") is None


# Over HTTP


def create(api: httpx.Client, **more: Any) -> dict[str, Any]:
    return dict(api.post(EXPORTS, json={**COCO, **more}).raise_for_status().json())


def finish(api: httpx.Client, **more: Any) -> dict[str, Any]:
    """Make an export and poll it to its end."""
    export = create(api, **more)
    while export["status"] in {"PENDING", "IN_PROGRESS"}:
        export = api.get(f"{EXPORTS}/{export['exportId']}").raise_for_status().json()
    return export


def test_the_life_of_an_export() -> None:
    with Sandbox(clock=lambda: NOW) as sandbox, visit(sandbox) as api:
        made = create(api, name="mine")
        path = f"{EXPORTS}/{made['exportId']}"
        assert made == {
            "exportId": made["exportId"],
            "name": "mine",
            "status": "PENDING",
            "format": "COCO_JSON",
            "content": "ANNOTATION",
            "createdBy": "sandbox@example.com",
            "downloadUrl": None,
            "error": None,
            "createdAt": "2026-01-01T00:00:00Z",
        }
        assert sandbox.exports == [made]
        assert api.get(path).json() == {**made, "status": "IN_PROGRESS"}
        done = api.get(path).json()
        assert done == {**made, "status": "COMPLETED", "downloadUrl": done["downloadUrl"]}
        assert urlsplit(done["downloadUrl"]).path == f"/storage/exports/sample-space/{made['exportId']}.zip"
        assert urlsplit(done["downloadUrl"]).netloc == f"127.0.0.1:{sandbox.port}"
        assert sandbox.exports == [done]
        gone = api.delete(path)
        assert (gone.status_code, gone.content) == (204, b"")
        assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]
        assert httpx.get(done["downloadUrl"], verify=False).status_code == 404
        assert sandbox.exports == []
        assert sandbox.counts == {"exports": 6, "storage": 1}


def test_only_one_is_active() -> None:
    with Sandbox() as sandbox, visit(sandbox) as api:
        first = create(api)
        refused = api.post(EXPORTS, json=COCO)
        assert refused.status_code == 409
        assert first["exportId"] in refused.json()["message"]
        assert len(sandbox.exports) == 1


def test_a_failure_on_demand() -> None:
    with Sandbox() as sandbox, visit(sandbox) as api:
        sandbox.fail_next_export("out of space")
        failed, done = finish(api), finish(api)
        assert (failed["status"], failed["error"], failed["downloadUrl"]) == ("FAILED", "out of space", None)
        assert (done["status"], done["error"]) == ("COMPLETED", None)


def test_listings_are_newest_first_and_paged() -> None:
    with Sandbox(export_polls=0) as sandbox, visit(sandbox) as api:
        made = [create(api, name=f"{number}", format=["JSON", "CSV"][number % 2]) for number in range(5)]
        pages = [api.get(EXPORTS, params={"limit": 2}).json()]
        while cursor := pages[-1]["meta"]["cursorNext"]:
            pages.append(api.get(EXPORTS, params={"limit": 2, "cursor": cursor, "page": "NEXT"}).json())
        assert [[item["name"] for item in page["items"]] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]
        csvs = api.get(EXPORTS, params={"format": "CSV"}).json()
        assert [item["exportId"] for item in csvs["items"]] == [made[3]["exportId"], made[1]["exportId"]]
        assert csvs["meta"] == {"object": "export", "limit": 20, "page": None, "cursorNext": None, "cursorPrev": None}
        assert [api.get(EXPORTS, params=wrong).status_code for wrong in ({"format": "XML"}, {"limit": 0})] == [422, 422]
        assert [export["name"] for export in sandbox.exports] == ["4", "3", "2", "1", "0"]
    assert len(sandbox.exports) == 5, "they can be looked at when it has stopped"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("POST", "/spaces/other/exports", COCO, 404, "Space other was not found"),
        ("GET", "/spaces/other/exports", None, 404, "Space other was not found"),
        ("GET", "/spaces/other/exports/x", None, 404, "Space other was not found"),
        ("DELETE", "/spaces/other/exports/x", None, 404, "Space other was not found"),
        ("GET", f"{EXPORTS}/x", None, 404, "Export x was not found"),
        ("POST", EXPORTS, {**COCO, "projectIds": ["sample-project", "y"]}, 404, "Project y was not found"),
        ("POST", EXPORTS, {**COCO, "content": "INFERENCE"}, 422, "takes the format JSON or CSV"),
    ],
)
def test_what_is_wrong_is_said(
    api: httpx.Client, method: str, path: str, body: Any, status: int, sentence: str
) -> None:
    answer = api.request(method, path, json=body)
    assert answer.status_code == status
    assert sentence in answer.json()["message"]


def test_no_export_call_answers_without_the_key(cf_sandbox: Sandbox) -> None:
    with visit(cf_sandbox, key="other") as api:
        assert [api.request(method, EXPORTS).status_code for method in ("GET", "POST")] == [401, 401]
        assert [api.request(method, f"{EXPORTS}/x").status_code for method in ("GET", "DELETE")] == [401, 401]
    assert cf_sandbox.exports == []


def test_a_url_is_signed_anew_with_every_get_and_expires() -> None:
    now = [NOW]
    with Sandbox(clock=lambda: now[0], url_lifetime=60) as sandbox, visit(sandbox) as api:
        first = finish(api)
        now[0] += 61
        assert httpx.get(first["downloadUrl"], verify=False).status_code == 403
        again = api.get(f"{EXPORTS}/{first['exportId']}").json()
        assert again["downloadUrl"] != first["downloadUrl"]
        assert httpx.get(again["downloadUrl"], verify=False).status_code == 200
        assert httpx.get(again["downloadUrl"].replace(".zip", ".exe"), verify=False).status_code == 403


def test_a_zip_is_served_in_parts() -> None:
    with Sandbox() as sandbox, visit(sandbox) as api:
        url = finish(api)["downloadUrl"]
        whole = httpx.get(url, verify=False)
        assert whole.headers["Content-Type"] == "application/zip"
        size, etag = len(whole.content), whole.headers["ETag"]
        part = httpx.get(url, headers={"Range": "bytes=1000-", "If-Range": etag}, verify=False)
        assert (part.status_code, part.content) == (206, whole.content[1000:])
        assert part.headers["Content-Range"] == f"bytes 1000-{size - 1}/{size}"
        other = httpx.get(url, headers={"Range": "bytes=1000-", "If-Range": '"other"'}, verify=False)
        assert (other.status_code, other.content) == (200, whole.content)
        assert httpx.get(url, headers={"Range": f"bytes={size}-"}, verify=False).status_code == 416
        assert httpx.get(url, headers={"X-API-Key": "k"}, verify=False).status_code == 400


def test_the_zip_of_a_deleted_export_takes_no_memory(sample: Project) -> None:
    state = exports(0)
    files = ExportFiles(sample, state)
    export = state.create(order())
    kept = weakref.ref(files.document(export.export_id))  # type: ignore[arg-type]
    gc.collect()
    assert kept() is not None
    files.forget(export.export_id)
    gc.collect()
    assert kept() is None


def test_faults_strike_exports_and_their_zips() -> None:
    faults = [Fault("exports", "status", nth=2, status=503), Fault("storage", "truncated", match="/exports/", nth=1)]
    with Sandbox(faults=faults, export_polls=0) as sandbox, visit(sandbox) as api:
        url = create(api)["downloadUrl"]
        assert [api.get(EXPORTS).status_code for _ in range(2)] == [503, 200]
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url, verify=False)
        assert httpx.get(url, verify=False).status_code == 200
        assert sandbox.faults_done == {"status": 1, "truncated": 1}
