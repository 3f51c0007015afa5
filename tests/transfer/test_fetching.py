from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Fault, Project, Sandbox

from ..conftest import Clock, files_below
from .runs import NUCLEUS, bounded, client_of, download, read_all

EXPIRED = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


def storage(action: Any, **more: Any) -> Fault:
    return Fault("storage", match=NUCLEUS, action=action, **more)


@pytest.mark.parametrize(("status", "body"), [(403, ""), (403, EXPIRED), (400, EXPIRED)])
def test_a_url_that_expired_is_signed_again(status: int, body: str, tmp_path: Path, clock: Clock) -> None:
    fault = storage("status", status=status, body=body, once_per_path=True)
    with Sandbox(faults=[fault]) as sandbox:
        assert download(client_of(sandbox, clock), tmp_path).successful == 36
        assert sandbox.counts["storage"] == 37
        assert sandbox.counts["signed_urls"] >= 2
    assert clock.slept == []


def test_all_urls_may_expire(tmp_path: Path) -> None:
    with Sandbox(faults=[Fault("storage", action="status", status=403, once_per_path=True)]) as sandbox:
        assert download(client_of(sandbox), tmp_path, max_workers=36).successful == 36
        assert sandbox.counts["storage"] == 72


def test_a_url_that_is_refused_twice_is_forbidden(tmp_path: Path, clock: Clock) -> None:
    with Sandbox(faults=[storage("status", status=403)]) as sandbox:
        summary = download(client_of(sandbox, clock), tmp_path, results="failed")
        assert sandbox.counts["storage"] == 37
    (failed,) = summary.results
    assert (failed.item_id, failed.error_code) == (NUCLEUS, "forbidden")
    assert str(failed.error).endswith("Its URL was signed again and refused again.")
    assert "X-Amz" not in str(failed)


def test_a_url_that_expires_while_its_item_waits_is_signed_again(tmp_path: Path, clock: Clock) -> None:
    faults = [storage("status", nth=1, status=503), storage("status", nth=2, status=403)]
    with Sandbox(faults=faults) as sandbox:
        assert download(client_of(sandbox, clock), tmp_path).successful == 36
        assert sandbox.counts["storage"] == 38


@pytest.mark.parametrize(
    ("fault", "code", "fetched"),
    [
        (storage("status", status=404), "not_found", 1),
        (storage("status", status=400), "rejected", 1),
        (storage("status", status=302, headers={"Location": "http://127.0.0.1:1/"}), "rejected", 1),
        (storage("status", status=206, body='{"images": []}'), "truncated", 3),
        (storage("status", status=204), "invalid_json", 2),
        (storage("status", status=500), "server_error", 3),
        (storage("truncated"), "truncated", 3),
        (storage("close_delimited"), "invalid_json", 2),
        (storage("altered", body="<html>"), "invalid_json", 2),
        (storage("altered", body="[1]"), "invalid_json", 2),
        (storage("status", status=200, body=" "), "invalid_json", 2),
        (storage("headers", headers={"Content-MD5": base64.b64encode(bytes(16)).decode()}), "checksum", 2),
        (storage("headers", headers={"Content-Encoding": "gzip"}), "truncated", 3),
    ],
    ids=lambda value: f"{value.action} {value.status} {value.body}" if isinstance(value, Fault) else str(value),
)
def test_a_document_that_fails_for_good_leaves_no_file(
    fault: Fault, code: str, fetched: int, tmp_path: Path, clock: Clock
) -> None:
    with Sandbox(faults=[fault]) as sandbox:
        summary = download(client_of(sandbox, clock, attempts=3), tmp_path, results="failed")
        assert sandbox.counts["storage"] == 35 + fetched
        assert sandbox.counts["unknown"] == 0
    assert [(result.item_id, result.error_code) for result in summary.results] == [(NUCLEUS, code)]
    assert not any(NUCLEUS in name for name in files_below(tmp_path))


def test_a_connection_that_always_breaks_is_given_up(tmp_path: Path, clock: Clock) -> None:
    with Sandbox(faults=[storage("reset")]) as sandbox:
        summary = download(client_of(sandbox, clock, attempts=3), tmp_path, results="failed")
        assert (
            35 + 3 <= sandbox.counts["storage"] <= 35 + 6
        )  # the HTTP library repeats what breaks on a kept connection
    assert [(result.item_id, result.error_code) for result in summary.results] == [(NUCLEUS, "network")]


@pytest.mark.parametrize("action", ["reset", "truncated", "close_delimited", "altered"])
def test_a_document_that_broke_once_comes_whole_the_second_time(action: str, tmp_path: Path, clock: Clock) -> None:
    with Sandbox(faults=[storage(action, nth=1, body="[1")]) as sandbox:
        assert download(client_of(sandbox, clock), tmp_path).successful == 36


def test_a_large_document_is_verified_beside_the_event_loop(tmp_path: Path) -> None:
    large = json.dumps({"images": [], "annotations": [{"id": n} for n in range(100_000)]}).encode()
    project = Project(items=[{"id": "a", "assetUrl": "x.jpg"}], documents={"coco_output/a.json": large})
    assert len(large) > 1 << 20
    with Sandbox(project=project) as sandbox:
        download(client_of(sandbox), tmp_path)
        (result,) = bounded(read_all(client_of(sandbox)))
    (content,) = files_below(tmp_path).values()
    assert json.loads(content)["info"] == {"asset_url": "x.jpg"}
    assert result.document == content


def test_neither_the_key_nor_a_signature_is_in_what_a_run_tells(tmp_path: Path, clock: Clock) -> None:
    faults = [
        Fault("storage", nth=range(number, 400, 2), action=action)
        for number, action in ((1, "reset"), (2, "truncated"))
    ]
    events: list[str] = []
    with Sandbox(faults=faults, api_key="canary") as sandbox:
        summary = download(client_of(sandbox, clock, attempts=2), tmp_path, on_event=lambda e: events.append(repr(e)))
    told = f"{summary!r} {summary.model_dump_json()} {events}"
    assert summary.failed
    assert "canary" not in told
    assert "X-Amz" not in told
