"""What every receiver keeps, in every server and framework: one suite over all of them."""

from __future__ import annotations

import asyncio
import logging
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cf_ai_platform_client.webhooks import MemoryStore, SQLiteStore, Verifier, WebhookEvent

from .signing import NOW, Signer, body_of, event_of
from .sites import (
    ASGI,
    TOLD_OF_THE_START,
    WSGI,
    Site,
    django_site,
    flask,
    own_server,
    starlette_mount,
    uvicorn_alone,
    wsgiref_alone,
)

SIGNER = Signer()
SECONDS = 10.0
"""After which what does not come is taken for not coming: no timing, only an end."""


class Inbox:
    """A handler that notes what it is given."""

    def __init__(self) -> None:
        self.events: queue.Queue[WebhookEvent] = queue.Queue()

    def __call__(self, event: WebhookEvent) -> None:
        self.events.put(event)

    async def later(self, event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        self.events.put(event)

    def next(self) -> str:
        return self.events.get(timeout=SECONDS).work_item_id


def post(url: str, body: bytes, **changes: str) -> httpx.Response:
    return httpx.post(url, content=body, headers=SIGNER.headers(body, **changes), trust_env=False, verify=False)


def numbered(number: int) -> bytes:
    return event_of(number).body


@pytest.fixture(params=[*ASGI, *WSGI], ids=lambda site: site.__name__)
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.param
    return made


of_each_kind = pytest.mark.parametrize("site", [uvicorn_alone, own_server, flask], ids=lambda site: site.__name__)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with SQLiteStore(tmp_path / "deliveries.sqlite3") as made:
        yield made


@pytest.mark.parametrize("name", ["__call__", "later"])
def test_a_delivery_is_answered_and_handled(site: Site, inbox: Inbox, name: str) -> None:
    handler = inbox if name == "__call__" else inbox.later
    with site(handler, verifier=SIGNER.verifier()) as url:
        answer = post(url, body_of())
        assert (answer.status_code, answer.content) == (204, b"")
        assert inbox.events.get(timeout=SECONDS).body == body_of()


def test_a_delivery_that_comes_again_is_answered_and_not_handled(site: Site, inbox: Inbox, store: SQLiteStore) -> None:
    with site(inbox, verifier=SIGNER.verifier(), store=store, at_once=1) as url:
        for number in (1, 1, 2, 1, 2, 3):
            assert post(url, numbered(number)).status_code == 204
        assert [inbox.next() for _ in range(3)] == ["item-1", "item-2", "item-3"]
        assert inbox.events.empty()


@of_each_kind
def test_the_answer_does_not_wait_for_the_handler(site: Site) -> None:
    begun, end = threading.Event(), threading.Event()

    def slow(event: WebhookEvent) -> None:
        begun.set()
        end.wait(SECONDS)

    with site(slow, verifier=SIGNER.verifier()) as url:
        assert post(url, body_of()).status_code == 204
        assert begun.wait(SECONDS)
        assert post(url, body_of()).status_code == 204  # again, while it is in hand
        assert not end.is_set()
        end.set()


REFUSALS: dict[str, tuple[bytes, dict[str, Any], int, bytes]] = {
    "altered": (body_of(), {"Signature": SIGNER.headers(b"")["X-Payload-Signature"]}, 401, b"Refused.\n"),
    "late": (body_of(), {"Timestamp": str(int(NOW) - 301)}, 401, b"Refused.\n"),
    "unknown": (body_of(), {"Key_Id": "other"}, 401, b"Refused.\n"),
    "unsigned": (body_of(), {"Signature": ...}, 400, b"Bad request.\n"),
    "malformed": (body_of(), {"Signature": "x"}, 400, b"Bad request.\n"),
    "no event": (b"{}", {}, 400, b"Bad request.\n"),
}


def test_a_stranger_is_refused_and_told_nothing(site: Site, inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    with site(inbox, verifier=SIGNER.verifier()) as url:
        for body, changes, status, text in REFUSALS.values():
            answer = post(url, body, **changes)
            assert (answer.status_code, answer.content) == (status, text)
        for method in ("GET", "PUT", "DELETE"):
            answer = httpx.request(method, url, trust_env=False, verify=False)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert inbox.events.empty()
    told = [record.getMessage() for record in caplog.records if record.name == "cf_ai_platform_client.webhooks"]
    assert len(told) == len(REFUSALS)
    assert "wrong_signature" in told[0]


def raw(url: str, *lines: str, body: bytes = b"") -> bytes:
    """Send a request as it is written, and return the first line of the answer."""
    parts = urlsplit(url)
    head = "\r\n".join([f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *lines, "", ""])
    with socket.create_connection((parts.hostname, parts.port), SECONDS) as connection:
        connection.sendall(head.encode("latin-1") + body)
        with connection.makefile("rb") as answer:
            return answer.readline()


@of_each_kind
def test_what_is_too_large_is_not_read(site: Site, inbox: Inbox) -> None:
    with site(inbox, verifier=SIGNER.verifier()) as url:
        assert b" 413 " in raw(url, f"Content-Length: {(1 << 20) + 1}")  # of which not a byte is sent
        large = body_of(padding="x" * ((1 << 20) - 2000))
        assert post(url, large).status_code == 204
        assert inbox.events.get(timeout=SECONDS).body == large


def test_doubled_headers_on_the_wire_are_seen(site: Site, inbox: Inbox) -> None:
    body = body_of()
    lines = [f"{name}: {value}" for name, value in SIGNER.headers(body).items()]
    with site(inbox, verifier=SIGNER.verifier()) as url:
        for line in lines:
            assert b" 40" in raw(url, *lines, line, f"Content-Length: {len(body)}", body=body)
        assert b" 204 " in raw(url, *lines, f"Content-Length: {len(body)}", body=body)


def pieces(body: bytes) -> Iterator[bytes]:
    yield body[:100]
    yield body[100:]


@pytest.mark.parametrize("site", [*ASGI, flask], ids=lambda site: site.__name__)
def test_a_body_without_a_length_is_read_up_to_a_limit(site: Site, inbox: Inbox) -> None:
    large = body_of(padding="x" * (1 << 20))[: (1 << 20) + 1]
    with site(inbox, verifier=SIGNER.verifier()) as url, httpx.Client(trust_env=False) as client:
        for body, status in ((body_of(), 204), (large, 413)):
            answer = client.post(url, content=pieces(body), headers=SIGNER.headers(body))
            assert answer.status_code == status


def test_a_server_that_cannot_read_without_a_length_says_so(inbox: Inbox) -> None:
    with wsgiref_alone(inbox, verifier=SIGNER.verifier()) as url:
        assert b" 411 " in raw(url, "Transfer-Encoding: chunked")


@of_each_kind
def test_keys_that_cannot_be_had_are_a_503(site: Site, inbox: Inbox) -> None:
    verifier = Verifier("http://127.0.0.1:1/jwks.json", clock=lambda: NOW)
    with site(inbox, verifier=verifier) as url:
        answer = post(url, body_of())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert inbox.events.empty()


class Broken(MemoryStore):
    """A store whose database is away."""

    away = True

    def add(self, event: WebhookEvent) -> bool:
        if self.away:
            raise ConnectionError("the database is away")
        return super().add(event)


@of_each_kind
def test_what_cannot_be_stored_is_a_503_and_not_handled(
    site: Site, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    store = Broken()
    with site(inbox, verifier=SIGNER.verifier(), store=store) as url:
        assert post(url, body_of()).status_code == 503
        assert inbox.events.empty()
        store.away = False
        assert post(url, body_of()).status_code == 204
        inbox.next()
    assert "the database is away" in caplog.text


def test_what_was_left_is_handled_at_the_next_start(site: Site, inbox: Inbox, store: SQLiteStore) -> None:
    for number in (1, 2):
        store.add(event_of(number))
    store.begin(event_of(1))  # and the process died in it
    with site(inbox, verifier=SIGNER.verifier(), store=store, at_once=1) as url:
        if site not in TOLD_OF_THE_START:
            assert post(url, numbered(2)).status_code == 204  # a repetition, which is in hand
        assert [inbox.next(), inbox.next()] == ["item-1", "item-2"]
    with site(inbox, verifier=SIGNER.verifier(), store=store) as url:
        post(url, numbered(3))
        assert inbox.next() == "item-3"
    assert inbox.events.empty()
    assert store.unhandled(100) == []


@pytest.mark.parametrize("site", [uvicorn_alone, starlette_mount, wsgiref_alone])
def test_one_of_several_processes_resumes(site: Site, inbox: Inbox, store: SQLiteStore) -> None:
    store.add(event_of(1))
    with site(inbox, verifier=SIGNER.verifier(), store=store, resume=False) as url:
        post(url, numbered(2))
        assert inbox.next() == "item-2"
    assert inbox.events.empty()


@of_each_kind
def test_a_handler_that_raises_is_tried_at_the_next_starts(
    site: Site, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()

    def failing(event: WebhookEvent) -> None:
        inbox(event)
        raise LookupError("no such row")

    for start in range(4):
        with site(failing, verifier=SIGNER.verifier(), store=store, attempts=3, at_once=1) as url:
            assert post(url, numbered(1)).status_code == 204
            post(url, numbered(10 + start))
            said = [inbox.next() for _ in range(1 if start == 3 else 1 + start)]
            assert ("item-1" in said) == (start < 3)
            while said[-1] != f"item-{10 + start}":
                said.append(inbox.next())
    assert next(event.work_item_id for event in store.unhandled(100)) == "item-1"
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "Work item item-1 was not handled: LookupError: no such row" in records[0].getMessage()
    assert "Traceback" in str(records[0].exc_text)


@of_each_kind
def test_a_handler_that_exits_ends_no_server(site: Site, inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    def leaving(event: WebhookEvent) -> None:
        inbox(event)
        sys.exit(f"left at {event.work_item_id}")

    with site(leaving, verifier=SIGNER.verifier(), at_once=1) as url:
        for number in (1, 2):
            assert post(url, numbered(number)).status_code == 204
            assert inbox.next() == f"item-{number}"
    assert "SystemExit: left at item-2" in caplog.text


@pytest.mark.parametrize("site", [flask, django_site])
def test_the_app_around_it_serves_the_rest(site: Site, inbox: Inbox) -> None:
    with site(inbox, verifier=SIGNER.verifier()) as url:
        root = url.partition("/webhooks")[0]
        assert httpx.get(f"{root}/other/", trust_env=False).text == "hello"
        assert httpx.get(f"{root}/webhooks-not", trust_env=False).status_code == 404
        assert post(f"{root}/webhooks", body_of()).status_code == 204
