"""R1 to R8: calls that fail, and what else a server may answer."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, DownloadSummary, RetryPolicy
from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.errors import AuthenticationError, ForbiddenError, NotFoundError, RejectedError
from cf_ai_platform_client.events import Event, ItemStored, RetryScheduled
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.faults import Endpoint
from cf_ai_platform_client.sandbox.project import Selection

from ..adapters.wire import raw_server
from ..conftest import Clock
from .promise import KEY, client_of, documents_of, run
from .witness import (
    ENDPOINTS,
    Timeline,
    Witness,
    download_command,
    page,
    project_of,
    refused,
    standing_still,
)

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"
WORKERS = 5


def first_id(sandbox: Sandbox) -> str:
    return str(sandbox.project.select(Selection())[0]["id"])


# R1: 401


@pytest.mark.parametrize(
    ("endpoint", "nth"),
    [
        ("work_items", 1),
        ("work_items", 4),
        ("batches", 1),
        ("annotations", 1),
        ("annotations", 130),
        ("signed_urls", 1),
        ("signed_urls", 3),
        ("storage", 1),
        ("storage", 50),
    ],
)
def test_r1_a_401_ends_the_run_with_one_attempt_and_no_further_call(
    endpoint: Endpoint, nth: int, destination: Path, clock: Clock
) -> None:
    with Sandbox(items=250, api_key=KEY, faults=[refused(endpoint, 401, nth=range(nth, 5000))]) as sandbox:
        sources = documents_of(sandbox)
        kept = run(client_of(sandbox, clock), destination, expected=sources, limit=50, max_workers=WORKERS)
        seen = sandbox.requests
    assert isinstance(kept.error, AuthenticationError)
    assert (kept.code, exit_code_of(kept.error)) == ("unauthorized", 3)
    assert "Check the API key" in str(kept.error)
    assert (kept.retries, kept.codes, clock.slept) == ([], set(), [])
    fetched, skipped, failed, _ = kept.counts()
    assert (skipped, failed) == (0, 0)
    assert fetched == len(kept.files)
    assert {result.error_code for result in kept.summary.results} <= {None, "not_attempted"}  # type: ignore[union-attr]
    first = next(place for place, request in enumerate(seen) if request.status == 401)
    answered = max(request.number for request in seen[: first + 1])
    later = [request for request in seen if request.number > answered and request.endpoint != "storage"]
    assert len(later) <= 2 * WORKERS + 2  # what was on its way
    if endpoint != "storage":
        arrived = {request.path for request in seen if request.endpoint == "storage" and request.status == 200}
        assert fetched == (len(arrived) if endpoint != "batches" else 0)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r1_a_401_is_exit_code_3(endpoint: Endpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(items=150, api_key=KEY, faults=[refused(endpoint, 401)]) as sandbox:
        said = download_command(capfd, sandbox, tmp_path / "out")
    assert said.code == 3
    assert "Check the API key" in said.err
    assert KEY not in said.out + said.err


def test_r1_after_a_401_nobody_who_waited_for_a_429_makes_a_call(destination: Path) -> None:
    timeline = Timeline()
    faults = [
        refused("annotations", 429, nth=2, headers={"Retry-After": "30"}),
        refused("annotations", 401, nth=range(3, 5000)),
    ]
    with Sandbox(items=300, api_key=KEY, faults=faults) as plain:
        project = Witness(plain.project, timeline)
    with Sandbox(project=project, api_key=KEY, faults=faults) as sandbox:
        timeline.port = sandbox.port
        kept = run(client_of(sandbox, timeline), destination)
    assert kept.code == "unauthorized"
    assert not project.between(1000.0, 1e9)


def test_r1_a_401_does_not_wait_until_a_paused_host_takes_calls(destination: Path) -> None:
    faults = [
        refused("annotations", 429, nth=2, headers={"Retry-After": "30"}),
        refused("annotations", 401, nth=range(3, 5000)),
    ]
    with Sandbox(items=300, api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox, runtime=standing_still()), destination)
    assert kept.code == "unauthorized"
    assert kept.counts()[3] > 0


@pytest.mark.parametrize(
    "body", ["<html>\x1b[31mnobody</html>", '{"message": 17}', "[]", '{"message": "\\ud800"}', "\0", "{" * 5000]
)
def test_r1_a_401_with_any_body_is_the_same(body: str, destination: Path) -> None:
    with Sandbox(items=20, api_key=KEY, faults=[refused("annotations", 401, body=body)]) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert isinstance(kept.error, AuthenticationError)
    assert kept.error.response.status_code == 401
    assert not any(character in str(kept.error) for character in "\x1b\0\ud800")


@pytest.mark.parametrize("announced", ["Content-Length: 1000", "Transfer-Encoding: chunked", "Content-Encoding: gzip"])
def test_r1_a_401_whose_body_breaks_off_is_the_same(announced: str, destination: Path) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 401 Unauthorized\r\n{announced}\r\n\r\n".encode() + b'3\r\n{"m')
        await writer.drain()

    async def call(client: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        async with raw_server(refuse) as server:
            there = CFUserClient(client.api_key, server.url("/api/v1"), runtime=Clock().runtime)
            return await there.download_project("p", "s", folder, **more)

    kept = run(CFUserClient(KEY, "http://127.0.0.1:1"), destination, call=call)
    assert (kept.code, kept.retries) == ("unauthorized", [])


# R2: refusals that concern one item


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (403, "forbidden"),
        (409, "conflict"),
        (422, "rejected"),
        (400, "rejected"),
        (410, "rejected"),
        (418, "rejected"),
        (302, "rejected"),
        (304, "rejected"),
    ],
)
def test_r2_one_annotation_that_is_refused_costs_that_item_only(
    status: int, code: str, destination: Path, clock: Clock
) -> None:
    fault = refused("annotations", status, match=NUCLEUS, body="" if status != 304 else " ")
    with Sandbox(api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
        attempts = sum(NUCLEUS in request.path and request.endpoint == "annotations" for request in sandbox.requests)
    assert (kept.error, kept.counts()) == (None, (35, 0, 1, 0))
    assert (kept.codes, attempts, kept.retries) == ({code}, 1, [])
    assert not any(NUCLEUS in name for name in kept.files)


def test_r2_a_404_is_exit_code_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(api_key=KEY, faults=[refused("annotations", 404, match=NUCLEUS)]) as sandbox:
        said = download_command(capfd, sandbox, tmp_path / "out")
    assert said.code == 1
    assert "35 of 36" in said.out
    assert "not_found" in said.out


@pytest.mark.parametrize(
    ("status", "kind", "code", "exit_code"),
    [
        (404, NotFoundError, "not_found", 5),
        (403, ForbiddenError, "forbidden", 3),
        (422, RejectedError, "listing_failed", 5),
    ],
)
@pytest.mark.parametrize("endpoint", ["work_items", "batches"])
def test_r2_a_listing_that_is_refused_ends_the_run_after_one_attempt(
    endpoint: Endpoint, status: int, kind: type[Exception], code: str, exit_code: int, destination: Path, clock: Clock
) -> None:
    with Sandbox(api_key=KEY, faults=[refused(endpoint, status)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
        assert sandbox.counts[endpoint] == 1
    assert isinstance(kept.error, kind)
    assert (kept.code, exit_code_of(kept.error), kept.retries) == (code, exit_code, [])
    assert kept.files == {}


@pytest.mark.parametrize("status", [400, 409, 422])
def test_r2_a_signing_call_that_is_refused_costs_the_items_it_is_for(
    status: int, destination: Path, clock: Clock
) -> None:
    with Sandbox(project=project_of("a", "b"), api_key=KEY, faults=[refused("signed_urls", status)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
        assert sandbox.counts["signed_urls"] <= 3  # both at once, then one by one
    assert kept.counts() == (0, 0, 2, 0)
    assert kept.codes == {"conflict" if status == 409 else "rejected"}
    assert kept.retries == []


def test_r2_a_document_that_is_refused_is_signed_again_once(destination: Path, clock: Clock) -> None:
    with Sandbox(api_key=KEY, faults=[refused("storage", 403, match=NUCLEUS)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
        asked = [request for request in sandbox.requests if NUCLEUS in request.path and request.endpoint == "storage"]
        assert (len(asked), sandbox.counts["signed_urls"]) == (2, 2)
    assert (kept.counts(), kept.codes, kept.retries) == ((35, 0, 1, 0), {"forbidden"}, [])


def test_r2_all_documents_that_are_refused_are_signed_again_once(destination: Path, clock: Clock) -> None:
    with Sandbox(items=60, api_key=KEY, faults=[refused("storage", 403)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
        assert sandbox.counts["storage"] == 120
    assert (kept.counts(), kept.codes) == ((0, 0, 60, 0), {"forbidden"})


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (409, "conflict"), (416, "rejected")])
def test_r2_a_document_that_is_not_there_is_asked_for_once(
    status: int, code: str, destination: Path, clock: Clock
) -> None:
    with Sandbox(api_key=KEY, faults=[refused("storage", status, match=NUCLEUS)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
        assert sandbox.counts["storage"] == 36
    assert (kept.counts(), kept.codes, kept.retries) == ((35, 0, 1, 0), {code}, [])


# R3 and R4: what passes


def times_of(witness: Witness, endpoint: Endpoint) -> list[float]:
    """Return when the only call of each run below was made: what signs is noted by its space."""
    return witness.times("space" if endpoint == "signed_urls" else endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r3_503_503_200_is_a_success_after_growing_random_waits(endpoint: Endpoint, destination: Path) -> None:
    waits: list[tuple[float, ...]] = []
    for seed in range(3):
        timeline = Timeline()
        witness = Witness(project_of("a"), timeline)
        with Sandbox(project=witness, api_key=KEY, faults=[refused(endpoint, 503, nth=(1, 2))]) as sandbox:
            timeline.port = sandbox.port
            runtime = replace(timeline.runtime, jitter=random.Random(seed).random)
            kept = run(client_of(sandbox, runtime=runtime), destination / str(seed))
            assert sandbox.counts[endpoint] == 3
        assert kept.counts() == (1, 0, 0, 0)
        delays = tuple(retry.delay for retry in kept.retries)
        assert 0 < delays[0] < 0.25
        assert 0 < delays[1] < 0.5
        times = times_of(witness, endpoint)[:3]
        assert all(late - early > delay - 1e-6 for (early, late), delay in zip(pairwise(times), delays, strict=True))
        waits.append(delays)
    assert len({wait for pair in waits for wait in pair}) == 6  # drawn anew each time


@pytest.mark.parametrize("status", [500, 504, 408])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r3_every_failure_of_the_server_is_tried_again(
    endpoint: Endpoint, status: int, destination: Path, clock: Clock
) -> None:
    nth = (3, 4) if endpoint == "work_items" else (1, 2)
    with Sandbox(items=40, api_key=KEY, faults=[refused(endpoint, status, nth=nth)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox), limit=10)
        assert sandbox.faults_done == {"status": 2}
    assert (kept.error, kept.counts()) == (None, (40, 0, 0, 0))
    assert [(retry.endpoint, retry.code) for retry in kept.retries] == [
        (endpoint, "timeout" if status == 408 else "server_error")
    ] * 2


def test_r3_page_3_of_the_manifest_is_asked_for_again_and_nothing_is_listed_twice(
    destination: Path, clock: Clock
) -> None:
    with Sandbox(items=100, api_key=KEY, faults=[refused("work_items", 503, nth=(3, 4))]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, limit=20)
        asked = Counter(request.query for request in sandbox.requests if request.endpoint == "work_items")
    assert kept.counts() == (100, 0, 0, 0)
    assert sorted(asked.values()) == [1, 1, 1, 1, 3]
    assert [retry.attempt for retry in kept.retries] == [2, 3]


@pytest.mark.parametrize("also", [False, True], ids=["reset", "reset, 503"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r4_a_broken_connection_is_tried_again(endpoint: Endpoint, also: bool, destination: Path, clock: Clock) -> None:
    faults = [Fault(endpoint, nth=(1, 2), action="reset"), *([refused(endpoint, 503, nth=3)] if also else [])]
    with Sandbox(items=40, api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
        assert sandbox.faults_done == {"reset": 2, **({"status": 1} if also else {})}
    assert (kept.error, kept.counts()) == (None, (40, 0, 0, 0))
    assert {retry.code for retry in kept.retries} <= {"network", "server_error"}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r4_a_server_that_always_breaks_off_is_given_up(endpoint: Endpoint, destination: Path, clock: Clock) -> None:
    with Sandbox(project=project_of("a", "b"), api_key=KEY, faults=[Fault(endpoint, action="reset")]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
    codes = kept.codes if endpoint not in {"work_items", "batches"} else {kept.code}
    assert codes == {"network" if endpoint not in {"work_items", "batches"} else "listing_failed"}
    assert kept.files == {}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("comes_back", [False, True])
def test_r4_a_server_that_is_gone_in_mid_run(comes_back: bool, destination: Path, clock: Clock) -> None:
    sandbox = Sandbox(items=150, api_key=KEY, port=free_port())
    stopped = False

    def watch(event: Event) -> None:
        nonlocal stopped
        if isinstance(event, ItemStored) and not stopped:
            stopped = True
            sandbox.stop()
        elif isinstance(event, RetryScheduled) and event.attempt == 5 and comes_back:
            sandbox.start()

    with sandbox:
        kept = run(
            client_of(sandbox, clock), destination, expected=documents_of(sandbox), on_event=watch, max_workers=1
        )
    fetched, _, failed, not_attempted = kept.counts()
    assert not_attempted == 0
    if comes_back:
        assert (kept.error, fetched) == (None, 150)
    else:
        assert (kept.codes, kept.code) == ({"network"}, None)
        assert 0 < failed == 150 - fetched < 150


@pytest.mark.parametrize("says_so", [True, False])
def test_r4_a_server_that_closes_every_connection_after_its_answer(says_so: bool, destination: Path) -> None:
    async def call(client: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = server.heads[-1]
            length = int(server.header("content-length") or 0)
            body = await reader.readexactly(length)
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
            up_writer.write(head.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1") + body)
            answer = await up_reader.read()
            writer.write(answer if says_so else answer.replace(b"Connection: close\r\n", b"", 1))
            up_writer.close()
            await up_writer.wait_closed()

        async with raw_server(pass_on) as server:
            there = CFUserClient(client.api_key, server.url("/api/v1"), runtime=Clock().runtime)
            summary = await there.download_project("sample-project", "sample-space", folder, results="all", **more)
            assert server.connections == len(server.heads) >= 36 * 2 + 3
            return summary

    with Sandbox(api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination, expected=documents_of(sandbox), call=call)
    assert (kept.error, kept.counts()) == (None, (36, 0, 0, 0))


# R5 and R6: Retry-After


@pytest.mark.parametrize(
    ("endpoint", "nth"), [("work_items", 2), ("batches", 1), ("annotations", 3), ("signed_urls", 1), ("storage", 2)]
)
@pytest.mark.parametrize(
    ("status", "asked"), [(429, "30"), (429, formatdate(1030, usegmt=True)), (503, "30")], ids=["429", "date", "503"]
)
def test_r5_nothing_is_called_before_the_time_that_retry_after_says(
    endpoint: Endpoint, nth: int, status: int, asked: str, destination: Path
) -> None:
    timeline, told = Timeline(), list[float]()

    def watch(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            told.append(timeline.now)

    fault = refused(endpoint, status, nth=nth, headers={"Retry-After": asked})
    with Sandbox(items=100) as plain:
        witness, sources = Witness(plain.project, timeline), documents_of(plain)
    with Sandbox(project=witness, api_key=KEY, faults=[fault]) as sandbox:
        timeline.port = sandbox.port
        kept = run(client_of(sandbox, timeline), destination, expected=sources, on_event=watch, limit=30)
    assert (kept.error, kept.counts()) == (None, (100, 0, 0, 0))
    assert [retry.endpoint for retry in kept.retries] == [endpoint]
    assert told == [1000.0]
    assert witness.between(1000.0, 1030.0) == []
    assert witness.between(1029.9, 1031.0) != []  # and soon after: the wait is not much longer


IGNORED = ["-5", "soon", " ", "1e9", "12abc", "٣٠", "0x10", "30, 40", "Mon, 99 Foo 2026", formatdate(5, usegmt=True)]
ENDLESS = ["1000000000", "9" * 40, formatdate(253402300799, usegmt=True)]


@pytest.mark.parametrize(
    ("status", "asked"), [*((429, asked) for asked in (*IGNORED, *ENDLESS)), (503, ENDLESS[0]), (503, IGNORED[0])]
)
def test_r6_a_retry_after_that_cannot_be_meant_is_capped_or_ignored(
    asked: str, status: int, destination: Path, clock: Clock
) -> None:
    faults = [
        refused(endpoint, status, nth=1, headers={"Retry-After": asked}) for endpoint in ("work_items", "annotations")
    ]
    with Sandbox(project=project_of("a"), api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
        assert sandbox.faults_done == {"status": 2}
    assert kept.counts() == (1, 0, 0, 0)
    longest = max(retry.delay for retry in kept.retries)
    assert longest == (120.125 if asked in ENDLESS else 0.125)


@pytest.mark.parametrize("asked", ["20", "1000000000", "tomorrow"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_r6_the_deadline_holds_whatever_retry_after_says(endpoint: Endpoint, asked: str, destination: Path) -> None:
    timeline = Timeline()
    witness = Witness(project_of("a"), timeline)
    fault = refused(endpoint, 429, headers={"Retry-After": asked})
    with Sandbox(project=witness, api_key=KEY, faults=[fault]) as sandbox:
        timeline.port = sandbox.port
        client = client_of(sandbox, timeline, total=50.0, attempts=1000, base=5.0, cap=5.0, retry_after_cap=45.0)
        kept = run(client, destination)
    assert timeline.now <= 1050.0 + 1.0
    assert max(time for *_, time in witness.seen) <= 1050.0
    assert {kept.code or "", *kept.codes} & {"rate_limited", "listing_failed"}
    assert len(kept.retries) >= 1


# R7 and R8: many at once


def test_r7_with_half_of_all_calls_failing_the_attempts_stay_within_the_budget(destination: Path, clock: Clock) -> None:
    with Sandbox(items=1000, api_key=KEY, faults=[refused("*", 503, rate=0.5)], seed=1) as sandbox:
        sources = documents_of(sandbox)
        client = client_of(sandbox, clock, attempts=100, total=1e9)
        kept = run(client, destination, expected=sources)
        requests = sandbox.requests
    assert (kept.error, kept.counts()) == (None, (1000, 0, 0, 0))
    good = sum(request.status == 200 for request in requests)
    assert len(requests) == good + len(kept.retries)  # each call succeeded once and every other attempt was allowed
    assert len(requests) <= good + RetryPolicy().budget + good * RetryPolicy().refill


@pytest.mark.parametrize("refill", [0.0, 0.25])
def test_r7_a_spent_budget_allows_nothing_more(refill: float, destination: Path, clock: Clock) -> None:
    faults = [refused("annotations", 503, rate=0.5), refused("storage", 503, rate=0.5)]
    with Sandbox(items=400, api_key=KEY, faults=faults, seed=3) as sandbox:
        kept = run(client_of(sandbox, clock, budget=40, refill=refill), destination, expected=documents_of(sandbox))
        requests = sandbox.requests
    calls = {(request.endpoint, request.path, request.query) for request in requests}
    signing = sum(request.endpoint == "signed_urls" for request in requests)
    attempts, first_ones = len(requests), len(calls) - 1 + signing
    good = sum(request.status == 200 for request in requests)
    assert attempts == first_ones + len(kept.retries)
    if refill:
        assert 40 < len(kept.retries) <= 40 + good * refill
    else:
        assert len(kept.retries) == 40
    assert kept.codes == {"server_error"}
    assert kept.counts()[2] == 400 - kept.counts()[0] > 40


@pytest.mark.parametrize("endpoint", ["annotations", "storage"])
def test_r8_a_good_item_never_waits_for_a_bad_one(endpoint: Endpoint, destination: Path) -> None:
    rest_is_done, stored = asyncio.Event(), list[str]()

    def watch(event: Event) -> None:
        if isinstance(event, ItemStored):
            stored.append(event.item_id)
            if len(stored) == 35:
                rest_is_done.set()

    with Sandbox(api_key=KEY) as plain:
        bad = first_id(plain)
    with Sandbox(api_key=KEY, faults=[refused(endpoint, 503, match=bad, nth=1)]) as sandbox:
        client = client_of(sandbox, runtime=standing_still(rest_is_done), total=1e9)
        kept = run(client, destination, expected=documents_of(sandbox), on_event=watch, max_workers=1)
    assert kept.counts() == (36, 0, 0, 0)
    assert stored[-1] == bad


def test_r8_a_good_item_never_waits_for_a_signing_call_that_failed(destination: Path) -> None:
    """Of 120 items the first hundred share a call, which fails: the others come meanwhile."""
    rest_is_done, stored = asyncio.Event(), list[str]()

    def watch(event: Event) -> None:
        if isinstance(event, ItemStored):
            stored.append(event.item_id)
            if len(stored) == 20:
                rest_is_done.set()

    with Sandbox(items=120, api_key=KEY, faults=[refused("signed_urls", 503, nth=1)]) as sandbox:
        client = client_of(sandbox, runtime=standing_still(rest_is_done), total=1e9)
        kept = run(client, destination, expected=documents_of(sandbox), on_event=watch, max_workers=100)
    assert kept.counts() == (120, 0, 0, 0)


# Other answers than the platform's


@pytest.mark.parametrize("content", ["<html>Log in</html>", "", "17", '{"items": {}}', "{}"])
@pytest.mark.parametrize("endpoint", ["work_items", "batches"])
def test_r3_a_listing_that_is_none_is_asked_for_once_more(
    endpoint: Endpoint, content: str, destination: Path, clock: Clock
) -> None:
    fault = refused(endpoint, 200, body=content or " ")
    with Sandbox(api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
        assert sandbox.counts[endpoint] == 2
    assert (kept.code, exit_code_of(kept.error or ValueError())) == ("listing_failed", 5)
    assert kept.files == {}
    assert "Check the base URL" in str(kept.error)


def test_r3_a_listing_that_was_a_login_page_once_is_a_success(destination: Path, clock: Clock) -> None:
    fault = refused("work_items", 200, nth=2, body="<html>Log in</html>")
    with Sandbox(items=100, api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, limit=20, expected=documents_of(sandbox))
    assert (kept.error, kept.counts()) == (None, (100, 0, 0, 0))


@pytest.mark.parametrize("total", [-1, "100", None, 1.5, True, [], 10**30])
def test_r3_a_total_that_is_none_is_no_total(total: Any, destination: Path) -> None:
    items = [{"id": "a"}]
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[page(1, items, total=total)]) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert (kept.error, kept.counts()) == (None, (1, 0, 0, 0))
    assert kept.summary is not None
    assert kept.summary.warnings == []
