from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.errors import CFError, NotFoundError
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.project import annotation_of

from ..conftest import Clock
from .runs import NUCLEUS, bounded, client_of, download

GOOD = annotation_of("sample-project", "sample-space", "a")


def project_of(annotation: Mapping[str, Any]) -> Project:
    return Project(
        items=[{"id": "a", "batchId": None}, {"id": "b", "batchId": None}],
        documents={f"coco_output/{name}.json": b'{"images": []}' for name in "ab"},
        annotations={"a": annotation},
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"metadata": None}, "no_result"),
        ({"metadata": {}}, "no_result"),
        ({"metadata": {"coco_results_url": None}}, "no_result"),
        ({"metadata": {"coco_results_url": " "}}, "no_result"),
        ({"metadata": {"coco_results_url": 7}}, "no_result"),
        ({"metadata": {"coco_results_url": "coco_output/a.json"}}, None),
        ({"metadata": {"coco_results_url": "s3://bucket/spaces/another/coco_output/a.json"}}, "invalid_item"),
        ({"workItemID": "b"}, "mismatch"),
        ({"workItemID": "A"}, "mismatch"),
        ({"id": None, "projectID": 7}, None),
    ],
    ids=str,
)
def test_an_annotation_tells_where_the_document_is(change: dict[str, Any], code: str | None, tmp_path: Path) -> None:
    with Sandbox(project=project_of({**GOOD, **change})) as sandbox:
        summary = download(client_of(sandbox), tmp_path)
        assert sandbox.counts["annotations"] == 2
    assert [result.error_code for result in summary.results] == [code, None]


@pytest.mark.parametrize(
    ("fault", "code", "calls"),
    [
        (Fault("annotations", match=NUCLEUS, action="status", status=404), "not_found", 1),
        (Fault("annotations", match=NUCLEUS, action="status", status=409), "conflict", 1),
        (Fault("annotations", match=NUCLEUS, action="status", status=403), "forbidden", 1),
        (Fault("annotations", match=NUCLEUS, action="status", status=500), "server_error", 3),
        (Fault("annotations", match=NUCLEUS, action="close_delimited"), "invalid_json", 2),
        (Fault("annotations", match=NUCLEUS, action="truncated"), "truncated", 3),
        (Fault("annotations", match=NUCLEUS, action="altered", body="<html>"), "invalid_json", 2),
        (Fault("annotations", match=NUCLEUS, action="altered", body="[]"), "invalid_json", 2),
        (Fault("annotations", match=NUCLEUS, action="altered", body='{"workItemID": {}}'), "invalid_item", 1),
    ],
    ids=lambda value: f"{value.action} {value.status} {value.body}" if isinstance(value, Fault) else str(value),
)
def test_an_annotation_that_fails_for_good_fails_its_item_only(
    fault: Fault, code: str, calls: int, tmp_path: Path, clock: Clock
) -> None:
    with Sandbox(faults=[fault]) as sandbox:
        summary = download(client_of(sandbox, clock, attempts=3), tmp_path, results="failed")
        assert sandbox.counts["annotations"] == 35 + calls
    assert [(result.item_id, result.error_code) for result in summary.results] == [(NUCLEUS, code)]
    assert summary.successful == 35


@pytest.mark.parametrize("item_id", ["../../e", "/abs", "x?y#z", "ü %2F", "a/../b"])
def test_strange_ids_are_one_segment_of_the_path(item_id: str, tmp_path: Path) -> None:
    document = {"coco_output/it.json": b'{"images": []}'}
    annotation = {**annotation_of("sample-project", "sample-space", "it"), "workItemID": item_id}
    project = Project(items=[{"id": item_id}], documents=document, annotations={item_id: annotation})
    with Sandbox(project=project) as sandbox:
        summary = download(client_of(sandbox), tmp_path / "out")
        assert sandbox.counts["unknown"] == 0
    assert (summary.successful, [path.name for path in tmp_path.iterdir()]) == (1, ["out"])


@pytest.mark.parametrize("item_id", [".", ".."])
def test_ids_that_are_no_segment_are_not_asked_for(item_id: str, tmp_path: Path) -> None:
    with Sandbox(project=Project(items=[{"id": item_id}])) as sandbox:
        summary = download(client_of(sandbox), tmp_path)
        assert sandbox.counts["annotations"] == 0
    assert summary.results[0].error_code == "unsafe_name"


def test_one_annotation_is_asked_for_patiently(clock: Clock) -> None:
    faults = [
        Fault("annotations", nth=1, action="altered", body=json.dumps([1])),
        Fault("annotations", nth=2, action="status", status=503),
    ]
    with Sandbox(faults=faults) as sandbox:
        client = client_of(sandbox, clock)
        assert bounded(client.get_annotation("sample-project", NUCLEUS)).work_item_id == NUCLEUS
        with pytest.raises(NotFoundError) as caught:
            bounded(client.get_annotation("sample-project", "no-such"))
        assert sandbox.counts["annotations"] == 4
    assert caught.value.item_id == "no-such"
    assert isinstance(caught.value, CFError)
