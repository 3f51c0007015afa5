from __future__ import annotations

import asyncio
import gc
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import CFError, ListingError, RejectedError
from cf_ai_platform_client.events import Event, PageListed, Warned
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.faults import Endpoint
from cf_ai_platform_client.sandbox.project import Selection

from ..adapters.wire import ok, raw_server
from ..conftest import Clock
from .runs import bounded, client_of, download, failed_download

FIRST, SECOND, THIRD = "ca", "c14", "c1e"
"""The sandbox's cursors after 10, 20 and 30 entries."""


def page(nth: int, cursor: str | None, items: Any = (), endpoint: Endpoint = "work_items", **more: Any) -> Fault:
    """Let the nth page of a listing hold this."""
    body = json.dumps({"items": list(items), "meta": {"cursorNext": cursor}, **more})
    return Fault(endpoint, nth=nth, action="altered", body=body)


async def listed(sandbox: Sandbox, into: list[WorkItem], clock: Clock | None = None) -> None:
    async for item in client_of(sandbox, clock).iter_work_items("sample-project", limit=10):
        into.append(item)


@pytest.mark.parametrize(
    ("faults", "pages"),
    [
        ([page(2, FIRST)], 2),
        ([page(2, None, meta={"cursorNext": FIRST})], 2),
        ([page(3, FIRST)], 3),
        ([page(4, SECOND)], 4),
    ],
    ids=["at once", "by its other spelling", "A B A", "A B C B"],
)
def test_a_listing_that_goes_in_a_circle_ends(faults: list[Fault], pages: int, tmp_path: Path) -> None:
    with Sandbox(items=100, faults=faults) as sandbox:
        found: list[WorkItem] = []
        with pytest.raises(ListingError, match="goes in a circle") as caught:
            bounded(listed(sandbox, found))
        assert (caught.value.code, sandbox.counts["work_items"]) == ("cursor_loop", pages)
        assert len(found) == 10 * (pages - 1)
    with Sandbox(items=100, faults=faults) as sandbox:
        error, summary = failed_download(client_of(sandbox), tmp_path, limit=10)
    assert (type(error), error.code) == (ListingError, "cursor_loop")
    assert (summary.successful, summary.not_attempted) == (10 * (pages - 1), 0)
    assert any("broke off after" in warning for warning in summary.warnings)


def test_the_last_page_of_a_circle_is_listed_too(tmp_path: Path) -> None:
    extra = [{"id": "only-here"}]
    with Sandbox(items=100, faults=[page(2, FIRST, extra)]) as sandbox:
        _, summary = failed_download(client_of(sandbox), tmp_path, limit=10)
    assert summary.total_items == 11


def test_batches_that_go_in_a_circle_end_the_run(tmp_path: Path) -> None:
    circle = [page(n, "c64", [{"id": n, "name": str(n)}], "batches") for n in (1, 2)]
    with Sandbox(items=100, faults=circle) as sandbox:
        error, summary = failed_download(client_of(sandbox), tmp_path)
        assert sandbox.counts["batches"] == 2
    assert (error.code, summary.successful) == ("cursor_loop", 0)
    assert summary.total_items == summary.not_attempted


@pytest.mark.parametrize("items", [[], [{"id": "a"}]], ids=["empty", "the same"])
def test_a_listing_that_never_ends_is_given_up(items: list[Any]) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in itertools.count():
            writer.write(ok(json.dumps({"items": items, "meta": {"cursorNext": str(number)}}).encode()))
            await reader.readuntil(b"\r\n\r\n")

    async def run() -> list[WorkItem]:
        found: list[WorkItem] = []
        async with raw_server(endless) as server:
            with pytest.raises(ListingError, match="does not end: 1,000 pages"):
                async for item in CFUserClient("key", server.url()).iter_work_items("p"):
                    found.append(item)
        return found

    assert [item.id for item in bounded(run())] == [item["id"] for item in items]


def test_an_empty_page_with_a_cursor_is_not_the_end() -> None:
    with Sandbox(items=36, faults=[page(2, FIRST.replace("ca", "cb")), page(3, THIRD)]) as sandbox:
        found: list[WorkItem] = []
        bounded(listed(sandbox, found))
    assert len(found) == 16


def test_an_item_on_two_pages_is_one_item(tmp_path: Path) -> None:
    with Sandbox(items=30) as sandbox:
        listing = sandbox.project.select(Selection())
        twice = [dict(listing[position]) for position in range(5, 15)]
    events: list[Event] = []
    with Sandbox(items=30, faults=[page(2, SECOND, twice, total=30)]) as sandbox:
        summary = download(client_of(sandbox), tmp_path, limit=10, on_event=events.append)
    assert (summary.total_items, summary.successful, len(summary.results)) == (25, 25, 25)
    assert [event.items for event in events if isinstance(event, PageListed)] == [10, 5, 10]
    assert any("counted 30" in event.message for event in events if isinstance(event, Warned))


def test_a_bare_list_is_the_only_page_of_an_old_server(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        items = [dict(sandbox.project.select(Selection())[0])]
    old = [Fault(name, action="altered", body=json.dumps(items)) for name in ("work_items", "batches")]
    with Sandbox(faults=old) as sandbox:
        assert download(client_of(sandbox), tmp_path).successful == 1


def test_the_next_page_is_asked_for_while_the_last_is_worked_on() -> None:
    async def run(sandbox: Sandbox) -> None:
        items = client_of(sandbox).iter_work_items("sample-project", limit=10)
        async for _ in items:
            while sandbox.counts["work_items"] < 2:
                await asyncio.sleep(0)
            break
        await items.aclose()
        assert sandbox.counts["work_items"] == 2

    with Sandbox(items=1000) as sandbox:
        bounded(run(sandbox))


def test_leaving_a_listing_early_does_not_tell_of_the_page_that_failed_meanwhile() -> None:
    async def run(sandbox: Sandbox) -> None:
        items = client_of(sandbox).iter_work_items("sample-project", limit=10)
        async for _ in items:
            while not any(request.status == 404 for request in sandbox.requests):
                await asyncio.sleep(0)
            for _ in range(3):
                await client_of(sandbox).list_batches("sample-project")
            break
        await items.aclose()

    with Sandbox(items=100, faults=[Fault("work_items", nth=2, action="status", status=404)]) as sandbox:
        bounded(run(sandbox))
    gc.collect()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("work_items", nth=range(3, 99), action="status", status=503), "listing_failed"),
        (Fault("work_items", nth=range(3, 99), action="reset"), "listing_failed"),
        (Fault("work_items", nth=range(3, 99), action="truncated"), "listing_failed"),
        (Fault("work_items", nth=range(3, 99), action="altered", body="[1"), "listing_failed"),
        (Fault("work_items", nth=3, action="status", status=422), "listing_failed"),
        (Fault("work_items", nth=3, action="status", status=404), "not_found"),
        (Fault("work_items", nth=3, action="status", status=403), "forbidden"),
    ],
    ids=str,
)
def test_a_page_that_fails_for_good_ends_the_run_and_what_was_listed_is_kept(
    fault: Fault, code: str, tmp_path: Path, clock: Clock
) -> None:
    with Sandbox(items=100, faults=[fault]) as sandbox:
        error, summary = failed_download(client_of(sandbox, clock), tmp_path, limit=10)
    assert error.code == code
    assert (summary.total_items, summary.successful, summary.failed) == (20, 20, 0)
    assert summary.warnings == [f"The listing broke off after 20 work items: {error.message}"]


@pytest.mark.parametrize("endpoint", ["work_items", "batches"])
def test_pages_are_asked_for_again(endpoint: Endpoint, tmp_path: Path, clock: Clock) -> None:
    faults = [
        Fault(endpoint, nth=1, action="altered", body="<html>"),
        Fault(endpoint, nth=2, action="status", status=503),
        Fault(endpoint, nth=3, action="reset"),
    ]
    with Sandbox(items=30, faults=faults) as sandbox:
        assert download(client_of(sandbox, clock), tmp_path, limit=10).successful == 30
        assert sandbox.faults_done.total() == 3  # type: ignore[attr-defined]


def test_batches_are_listed_over_pages_each_once() -> None:
    batches = [{"id": number, "name": f"batch {number}"} for number in [*range(150), *range(100, 250)]]
    with Sandbox(project=Project(batch_objects=batches)) as sandbox:
        found = bounded(client_of(sandbox).list_batches("sample-project"))
        assert sandbox.counts["batches"] == 3
    assert [batch.id for batch in found] == list(range(250))


@pytest.mark.parametrize(("status", "code"), [(503, "listing_failed"), (403, "forbidden"), (401, "unauthorized")])
def test_without_the_batches_there_are_no_files(status: int, code: str, tmp_path: Path, clock: Clock) -> None:
    with Sandbox(items=300, faults=[Fault("batches", action="status", status=status)]) as sandbox:
        error, summary = failed_download(client_of(sandbox, clock), tmp_path)
    assert (error.code, summary.successful) == (code, 0)


def test_bad_pages_are_errors_of_the_one_call(clock: Clock) -> None:
    with Sandbox(faults=[Fault("batches", action="status", status=422)]) as sandbox, pytest.raises(RejectedError):
        bounded(client_of(sandbox, clock).list_batches("sample-project"))
    with Sandbox(faults=[Fault("batches", action="altered", body="1")]) as sandbox, pytest.raises(CFError) as caught:
        bounded(client_of(sandbox, clock).list_batches("sample-project"))
    assert caught.value.code == "invalid_json"
