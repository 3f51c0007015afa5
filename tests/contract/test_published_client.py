from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Project, Sandbox

from ..conftest import files_below
from . import as_a_user
from .conftest import VERSION, Answer, Published

pytestmark = pytest.mark.slow

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"
FIRST = "0520a8e8-6160-5229-842a-5eeff9033a39"


@dataclass(frozen=True)
class Both:
    """What the two clients answered and left on the disk."""

    theirs: Answer
    ours: Answer
    their_files: dict[str, bytes]
    our_files: dict[str, bytes]


def download(
    published: Published,
    sandbox: Sandbox,
    folder: Path,
    *,
    kind: str = "sync",
    key: str | None = None,
    ids: tuple[str, str] = ("sample-project", "sample-space"),
    arguments: tuple[Any, ...] = (),
    **more: Any,
) -> Both:
    """Give one order to both clients."""
    orders = [
        {
            "kind": kind,
            "key": sandbox.api_key if key is None else key,
            "base_url": sandbox.base_url,
            "arguments": [*ids, str(folder / name), *arguments],
            "more": more,
        }
        for name in ("theirs", "ours")
    ]
    (theirs,) = published(orders[0])
    return Both(theirs, as_a_user.answer(orders[1]), files_below(folder / "theirs"), files_below(folder / "ours"))


def assert_same(both: Both) -> None:
    """Both say the same, and every file has the same name and the same content."""
    assert both.theirs == both.ours
    assert list(both.their_files) == list(both.our_files)
    for name, content in both.our_files.items():
        assert json.loads(content) == json.loads(both.their_files[name]), name


# The sample


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_sample_is_the_same_file_by_file(published: Published, tmp_path: Path, kind: str) -> None:
    with Sandbox() as sandbox:
        both = download(published, sandbox, tmp_path, kind=kind)
        assert {seen.status for seen in sandbox.requests} == {200}
        assert sandbox.counts["storage"] == 72
    assert_same(both)
    assert len(both.our_files) == both.theirs["successful"] == 36
    (nucleus,) = [json.loads(content) for name, content in both.our_files.items() if NUCLEUS in name]
    assert nucleus["info"]["asset_url"] == "assets/nuclei_1_1.jpg"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_larger_project_is_the_same(published: Published, tmp_path: Path, kind: str) -> None:
    with Sandbox(items=150) as sandbox:
        both = download(published, sandbox, tmp_path, kind=kind)
    assert_same(both)
    assert len(both.our_files) == 150


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"batch_ids": [101]}, 6),
        ({"batch_ids": [104, 103, 999]}, 18),
        ({"batch_ids": []}, 36),
        ({"work_item_ids": [NUCLEUS, FIRST]}, 2),
        ({"work_item_ids": [NUCLEUS], "batch_ids": [101]}, 0),
        ({"created_at_from": "2026-01-20T08:19:00Z"}, 9),
        ({"created_at_to": "2026-01-06T23:59:59Z"}, 12),
        ({"created_at_from": "2026-01-02", "created_at_to": "2026-01-03T10:00:00+02:00"}, 2),
        ({"updated_at_from": "2026-02-22T16:07:00Z"}, 9),
        ({"updated_at_to": "2026-02-01T23:59:59Z", "batch_ids": [101, 102]}, 5),
        ({"limit": 7}, 36),
        ({"limit": 1, "batch_ids": [103], "max_workers": 1}, 2),
        ({"max_workers": 100, "limit": 100}, 36),
    ],
    ids=str,
)
def test_filters_choose_the_same_files(
    published: Published, tmp_path: Path, filters: dict[str, Any], count: int
) -> None:
    with Sandbox() as sandbox:
        both = download(published, sandbox, tmp_path, **filters)
    assert_same(both)
    assert len(both.our_files) == count
    assert (tmp_path / "theirs").exists() == (tmp_path / "ours").exists()


def test_all_arguments_may_go_by_position(published: Published, tmp_path: Path) -> None:
    arguments = ([104], [NUCLEUS, FIRST], "2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28", 5, 10)
    with Sandbox() as sandbox:
        both = download(published, sandbox, tmp_path, arguments=arguments)
    assert_same(both)
    assert list(both.our_files) == [f"Cell nuclei/{NUCLEUS}.json"]


def test_an_empty_project_is_the_same(published: Published, tmp_path: Path) -> None:
    with Sandbox(items=0) as sandbox:
        both = download(published, sandbox, tmp_path)
    assert_same(both)
    assert both.ours == {"total_items": 0, "successful": 0, "failed": 0, "results": []}
    assert (tmp_path / "theirs").exists() == (tmp_path / "ours").exists()


# Errors


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("order", "status"), [({"key": "wrong"}, 401), ({"ids": ("no-such-project", "sample-space")}, 404)], ids=str
)
def test_what_ends_a_run_is_the_same_error(
    published: Published, tmp_path: Path, kind: str, order: dict[str, Any], status: int
) -> None:
    with Sandbox() as sandbox:
        both = download(published, sandbox, tmp_path, kind=kind, **order)
    assert both.theirs == both.ours == {"raised": "httpx.HTTPStatusError", "status": status}


@pytest.mark.parametrize(
    "more",
    [{"max_workers": 0}, {"max_workers": 101}, {"limit": 0}, {"limit": 101}, {"key": ""}, {"key": "  "}],
    ids=str,
)
def test_what_cannot_be_right_is_the_same_error(published: Published, tmp_path: Path, more: dict[str, Any]) -> None:
    with Sandbox() as sandbox:
        both = download(published, sandbox, tmp_path, **more)
        assert not sandbox.requests
    assert both.theirs == both.ours == {"raised": "ValueError"}


def test_an_unknown_space_fails_every_item(published: Published, tmp_path: Path) -> None:
    with Sandbox(items=5) as sandbox:
        both = download(published, sandbox, tmp_path, ids=("sample-project", "other"))
    assert_same(both)
    assert (both.ours["total_items"], both.ours["failed"]) == (5, 5)


# Odd projects


def batch(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "projectId": "sample-project", "name": name, "createdAt": "2026-01-01T00:00:00Z"}


def project(*items: dict[str, Any], names: dict[int, str], documents: dict[str, bytes], **more: Any) -> Project:
    files = {f"coco_output/{name}": content for name, content in documents.items()}
    return Project(items, [batch(*pair) for pair in names.items()], files, **more)


def test_an_odd_project_is_the_same(published: Published, tmp_path: Path) -> None:
    odd = project(
        {"id": "plain", "batchId": 1, "assetUrl": "a/b.jpg"},
        {"id": "named", "batchId": 2, "assetUrl": "https://assets.example/x?y=é"},
        {"id": "elsewhere", "batchId": 77, "assetUrl": None},
        {"id": "without-an-asset", "batchId": 1},
        {"id": "without-a-result", "batchId": 1},
        {"id": "without-metadata", "batchId": 1},
        {"id": "twice", "batchId": 1},
        {"id": "twice", "batchId": 2},
        {"id": "open", "batchId": 1, "status": "CLIENT_REVIEW"},
        names={1: "Späte Äpfel", 2: 'a\\b/c:d*e?f"g<h>i|j'},
        documents={
            "plain.json": b'{"info": {"asset_url": "old", "x": 1}, "images": [{"file_name": "\xc3\xa9\\u00e9"}]}',
            "named.json": b'{"images": [], "info": null}',
            "elsewhere.json": b"{}",
            "without-an-asset.json": b' {"annotations": [[1, 2.5, -3e2, true, null, ""]], "info": {}}\n',
            "twice.json": b'{"info": []}',
            "open.json": b"{}",
        },
        annotations={
            "without-a-result": {"id": "1", "projectID": "p", "workItemID": "without-a-result", "metadata": {}},
            "without-metadata": {"id": "2", "projectID": "p", "workItemID": "without-metadata", "metadata": None},
        },
    )
    with Sandbox(project=odd) as sandbox:
        both = download(published, sandbox, tmp_path, limit=1)
    assert_same(both)
    assert sorted(both.our_files) == [
        "77/elsewhere.json",
        "Späte Äpfel/plain.json",
        "Späte Äpfel/twice.json",
        "Späte Äpfel/without-an-asset.json",
        "a_b_c_d_e_f_g_h_i_j/named.json",
    ]
    assert both.ours["failed"] == 2


def result_of(item_id: str, url: str) -> dict[str, Any]:
    return {"id": "1", "projectID": "p", "workItemID": item_id, "metadata": {"coco_results_url": url}}


DIFFERENCES = [
    pytest.param(
        project({"id": "a", "batchId": None}, names={}, documents={"a.json": b"{}"}),
        [],
        ["Default/a.json"],
        id="an item without a batch fails there",
    ),
    pytest.param(
        project(
            {"id": "a", "batchId": 1},
            {"id": "b", "batchId": 2},
            names={2: "x:y", 1: "x/y"},
            documents={"a.json": b"{}", "b.json": b"{}"},
        ),
        ["x_y/a.json", "x_y/b.json"],
        ["x_y (2)/b.json", "x_y/a.json"],
        id="batches share a folder there",
    ),
    pytest.param(
        project({"id": "a", "batchId": 1}, names={1: "."}, documents={"a.json": b"{}"}),
        ["a.json"],
        ["_/a.json"],
        id="a name of dots is a way there",
    ),
    pytest.param(
        project({"id": "a", "batchId": 1}, names={1: "CON"}, documents={"a.json": b"{}"}),
        ["CON/a.json"],
        ["_CON/a.json"],
        id="a name that Windows keeps is taken there",
    ),
    pytest.param(
        project({"id": "a", "batchId": 1}, names={1: "x"}, documents={"a.json": b'{"images": ['}),
        ["x/a.json"],
        [],
        id="half a document is saved there",
    ),
    pytest.param(
        project(
            {"id": "a", "batchId": 1},
            names={1: "x"},
            documents={"a.desktop": b"{}"},
            annotations={"a": result_of("a", "s3://sandbox/spaces/sample-space/coco_output/a.desktop")},
        ),
        ["x/a.desktop"],
        ["x/a.json"],
        id="the server picks the extension there",
    ),
]


@pytest.mark.parametrize(("odd", "their_files", "our_files"), DIFFERENCES)
def test_what_differs_is_what_the_changelog_says(
    published: Published, tmp_path: Path, odd: Project, their_files: list[str], our_files: list[str]
) -> None:
    with Sandbox(project=odd) as sandbox:
        both = download(published, sandbox, tmp_path)
    assert (sorted(both.their_files), sorted(both.our_files)) == (their_files, our_files)


def test_an_item_that_a_page_lists_twice_counts_twice_only_there(published: Published, tmp_path: Path) -> None:
    item = {"id": "a", "batchId": 1}
    with Sandbox(project=project(item, item, names={1: "x"}, documents={"a.json": b"{}"})) as sandbox:
        both = download(published, sandbox, tmp_path)
    assert (both.theirs["successful"], both.ours["successful"]) == (2, 1)
    assert list(both.their_files) == list(both.our_files) == ["x/a.json"]


def test_numbers_and_bytes_stay_as_they_are_only_here(published: Published, tmp_path: Path) -> None:
    content = b'{"info":{},"images":[],"score":0.10000000000000000555,"score":1e400,"name":"\xc3\xa9"}'
    long = project({"id": "a", "batchId": 1, "assetUrl": "b"}, names={1: "x"}, documents={"a.json": content})
    with Sandbox(project=long) as sandbox:
        both = download(published, sandbox, tmp_path)
    assert both.our_files["x/a.json"].replace(b'"asset_url": "b"', b"") == content
    assert b"0.10000000000000000555" not in both.their_files["x/a.json"]
    assert both.theirs["successful"] == both.ours["successful"] == 1


# Names


@pytest.fixture(scope="session")
def descriptions(published: Published) -> tuple[Answer, Answer]:
    (theirs,) = published({"kind": "describe"})
    assert theirs["version"] == VERSION
    return theirs, as_a_user.answer({"kind": "describe"})


def test_every_public_name_is_here(descriptions: tuple[Answer, Answer]) -> None:
    theirs, ours = descriptions
    assert {"CFUserClient", "SyncCFUserClient", "WorkItem"} < set(theirs["names"]) <= set(ours["names"])
    assert theirs["base_url"] == ours["base_url"]


@pytest.mark.parametrize("client", ["CFUserClient", "SyncCFUserClient"])
def test_every_method_takes_the_same(descriptions: tuple[Answer, Answer], client: str) -> None:
    theirs, ours = (description["methods"][client] for description in descriptions)
    assert {"__init__", "create_with_api_key", "download_project", "close"} < set(theirs) <= set(ours)
    for name, method in theirs.items():
        if name.endswith("exit__"):  # called by the with statement only
            assert len(ours[name]["takes"]) == len(method["takes"])
            continue
        takes = [taken for taken in method["takes"] if taken[1] != "VAR_KEYWORD"]  # theirs take format= by it
        common = ours[name]["takes"][: len(takes)]
        assert common == takes, name
        assert {kind for _, kind, _ in ours[name]["takes"][len(common) :]} <= {"KEYWORD_ONLY"}, name
        assert ours[name]["async"] == method["async"], name


def test_every_model_has_the_same_fields(descriptions: tuple[Answer, Answer]) -> None:
    theirs, ours = (description["models"] for description in descriptions)
    assert len(theirs) == 12
    for name, fields in theirs.items():
        assert fields.items() <= ours[name].items(), name
        assert list(fields) == [field for field in ours[name] if field in fields], name


def test_every_enum_has_the_same_members(descriptions: tuple[Answer, Answer]) -> None:
    theirs, ours = (description["enums"] for description in descriptions)
    assert set(theirs) == {"ExportContent", "ExportFormat", "ExportStatus"}
    assert theirs == ours
