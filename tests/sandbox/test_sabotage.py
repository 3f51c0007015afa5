from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from cf_ai_platform_client.sandbox import Fault, Project, Sandbox

from .conftest import BATCHES, NUCLEUS, SIGNED_URLS, WORK_ITEMS, send, sign, talk, visit

BODY = b'{"images": [], "annotations": []}'
PROJECT = Project(
    items=[{"id": "a"}], documents={"coco_output/a.json": BODY, "coco_output/b.json": b"", "picture.jpg": b"\xff\xd8"}
)


def faulty(*faults: Fault, **more: Any) -> Sandbox:
    return Sandbox(project=PROJECT, faults=faults, **more)


def signed(sandbox: Sandbox) -> str:
    """Return the path and the query that read the document."""
    with visit(sandbox) as api:
        return sign(api, "coco_output/a.json").partition(f":{sandbox.port}")[2]


@pytest.mark.parametrize(
    ("fault", "status", "kind", "body", "headers"),
    [
        ({}, 503, "application/json; charset=utf-8", '{"message": "scripted fault"}', {}),
        (
            {"status": 429, "headers": {"Retry-After": "7"}},
            429,
            "application/json; charset=utf-8",
            None,
            {"Retry-After": "7"},
        ),
        ({"status": 403, "body": "<Error/>"}, 403, "application/xml; charset=utf-8", "<Error/>", {}),
        ({"body": "hello", "headers": {"content-type": "text/html"}}, 503, "text/html", "hello", {}),
        (
            {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
            302,
            None,
            None,
            {"Location": "http://127.0.0.1:1/"},
        ),
        ({"status": 204}, 204, None, "", {}),
    ],
    ids=str,
)
def test_a_status_is_sent_with_headers_and_body(
    fault: dict[str, Any], status: int, kind: str | None, body: str | None, headers: dict[str, str]
) -> None:
    with faulty(Fault("batches", "status", nth=1, **fault)) as sandbox, visit(sandbox) as api:
        answer = api.get(BATCHES)
        assert answer.status_code == status
        assert kind is None or answer.headers.get_list("Content-Type") == [kind]
        assert body is None or answer.text == body
        assert {name: answer.headers[name] for name in headers} == headers
        assert api.get(BATCHES).json()["items"] == []
        assert [(seen.status, seen.fault) for seen in sandbox.requests] == [(status, "status"), (200, None)]


def test_headers_are_added_to_the_right_answer() -> None:
    added = {"x-request-id": "abc", "ETag": '"wrong"'}
    with faulty(Fault("storage", "headers", headers=added)) as sandbox, visit(sandbox) as api:
        answer = httpx.get(sign(api, "coco_output/a.json"), verify=False)
    assert (answer.status_code, answer.content) == (200, BODY)
    assert (answer.headers["X-Request-Id"], answer.headers.get_list("ETag")) == ("abc", ['"wrong"'])


def test_a_reset_is_a_reset_before_any_answer() -> None:
    with faulty(Fault("batches", "reset", nth=1)) as sandbox:
        with pytest.raises(ConnectionResetError):
            talk(sandbox)
        with visit(sandbox) as api:
            assert api.get(BATCHES).status_code == 200
        assert [(seen.status, seen.fault) for seen in sandbox.requests] == [(0, "reset"), (200, None)]
        assert sandbox.faults_done == {"reset": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_sees_a_broken_connection(method: str) -> None:
    with faulty(Fault("*", "reset")) as sandbox, visit(sandbox) as api, pytest.raises(httpx.TransportError):
        api.request(method, SIGNED_URLS, json={"paths": ["a"]})


def test_truncated_announces_all_and_sends_half() -> None:
    with faulty(Fault("storage", "truncated")) as sandbox:
        head, body = talk(sandbox, signed(sandbox))
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert f"Content-Length: {len(BODY)}" in head
        assert "ETag: " in head
        assert body == BODY[: len(BODY) // 2]
        with visit(sandbox) as api, pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            httpx.get(sign(api, "coco_output/a.json"), verify=False)


def test_close_delimited_sends_half_and_no_length() -> None:
    with faulty(Fault("storage", "close_delimited")) as sandbox:
        head, body = talk(sandbox, signed(sandbox))
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert "Content-Type: application/json" in head
        assert "length" not in head.lower()
        assert "chunked" not in head.lower()
        assert body == BODY[: len(BODY) // 2]
        with visit(sandbox) as api:
            answer = httpx.get(sign(api, "coco_output/a.json"), verify=False)
        assert (answer.status_code, answer.content) == (200, body)
        assert sandbox.requests[-1].status == 200


@pytest.mark.parametrize("action", ["truncated", "close_delimited"])
def test_a_cut_answer_keeps_its_status(action: Any) -> None:
    with faulty(Fault("batches", action)) as sandbox:
        head, body = talk(sandbox, f"/api/v1{BATCHES}?limit=0")
        assert head.startswith("HTTP/1.1 422 Unprocessable")
        assert 0 < len(body) < len(b'{"message": "limit must be between 1 and 100, not 0"}')
        assert sandbox.requests[-1].status == 422


@pytest.mark.parametrize("pace", [None, 10_000.0])
def test_slow_sends_the_right_answer(pace: float | None) -> None:
    fault = Fault("*", "slow", delay=0.01, bytes_per_second=pace)
    with faulty(fault) as sandbox, visit(sandbox) as api:
        answer = httpx.get(sign(api, "coco_output/a.json"), verify=False)
        assert (answer.status_code, answer.content) == (200, BODY)
        assert answer.headers["Content-Length"] == str(len(BODY))
        assert answer.headers["Content-Type"] == "application/json"
        assert httpx.get(sign(api, "coco_output/b.json"), verify=False).content == b""
        assert sandbox.faults_done == {"slow": 4}


def test_slow_sends_piece_by_piece() -> None:
    seventeen_a_piece = Fault("storage", "slow", bytes_per_second=170)
    with faulty(seventeen_a_piece) as sandbox, send(sandbox, signed(sandbox)) as connection:
        pieces = [b""]
        while BODY[-1:] not in pieces[-1]:
            pieces.append(connection.recv(65536))
    assert pieces[-1] == BODY[17:]
    assert b"".join(pieces).endswith(b"\r\n\r\n" + BODY)


def test_a_client_that_leaves_a_slow_answer_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with faulty(Fault("batches", "slow", nth=1, bytes_per_second=100)) as sandbox:
        with send(sandbox, f"/api/v1{BATCHES}") as connection:
            assert connection.recv(1)
        with visit(sandbox) as api:
            while not any(seen.fault for seen in sandbox.requests):
                assert api.get(WORK_ITEMS).status_code == 200
            assert api.get(BATCHES).status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("path", "body", "seen"),
    [
        ("coco_output/a.json", "", BODY[:16] + bytes([BODY[16] ^ 1]) + BODY[17:]),
        ("coco_output/a.json", "[1]", b"[1]"),
        ("coco_output/b.json", "", b""),
        ("picture.jpg", "", b"\xff\xd9"),
    ],
)
def test_altered_changes_one_byte_or_all(path: str, body: str, seen: bytes) -> None:
    with faulty(Fault("storage", "altered", body=body)) as sandbox, visit(sandbox) as api:
        answer = httpx.get(sign(api, path), verify=False)
    assert (answer.status_code, answer.content) == (200, seen)
    assert answer.headers["Content-Length"] == str(len(seen))
    assert "ETag" in answer.headers


@pytest.mark.parametrize(("action", "status"), [("status", 503), ("headers", 401), ("altered", 401), ("slow", 401)])
def test_faults_strike_refusals_too(action: Any, status: int) -> None:
    with faulty(Fault("*", action, headers={"X-Struck": "yes"}, body="x")) as sandbox, visit(sandbox, key="no") as api:
        answer = api.get(BATCHES)
        assert answer.status_code == status
        assert (answer.headers.get("X-Struck") == "yes") == (action in {"status", "headers"})
        assert (answer.text == "x") == (action in {"status", "altered"})
        assert sandbox.faults_done == {action: 1}


def test_faults_strike_what_their_match_says() -> None:
    with Sandbox(faults=[Fault("annotations", "status", match=NUCLEUS, status=404)]) as sandbox, visit(sandbox) as api:
        ids = [item["id"] for item in api.get(WORK_ITEMS, params={"limit": 100}).json()["items"]]
        answers = {id: api.get(f"{WORK_ITEMS}/{id}/annotations?format=coco").status_code for id in ids}
    assert [id for id, status in answers.items() if status != 200] == [NUCLEUS]


def test_the_same_seed_gives_the_same_day() -> None:
    def day(seed: int) -> list[int]:
        with Sandbox(faults=[Fault("batches", "status", rate=0.5)], seed=seed) as sandbox, visit(sandbox) as api:
            return [api.get(BATCHES).status_code for _ in range(40)]

    assert day(1) == day(1) != day(2)
