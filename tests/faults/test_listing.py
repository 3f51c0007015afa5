"""L1 to L8: listings that go in circles, break off, count wrongly or are huge."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, WorkItem
from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.errors import ListingError, StatusError
from cf_ai_platform_client.events import Event, ItemFailed, ItemStored, ListingFinished, PageListed, Warned
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.project import Listing, Selection

from ..conftest import Clock, platform_port
from .promise import KEY, Kept, client_of, documents_of, run
from .witness import document_of, download_command, page, project_of, refused

A_PAGE = 10


def pages_of(*pages: tuple[str, Any], **more: Any) -> tuple[Project, list[Fault]]:
    """Make a project and the faults that list it so: each page is the letters of its items' ids, and its cursor."""
    letters = dict.fromkeys("".join(ids for ids, _ in pages))
    faults = [page(n, [{"id": item_id} for item_id in ids], cursor, **more) for n, (ids, cursor) in enumerate(pages, 1)]
    return project_of(*letters), faults


def run_pages(
    destination: Path, *pages: tuple[str, Any], clock: Clock | None = None, **more: Any
) -> tuple[Kept, Sandbox]:
    project, faults = pages_of(*pages, **more)
    with Sandbox(project=project, api_key=KEY, faults=faults, port=platform_port()) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
    return kept, sandbox


CIRCLES = {
    "at once": [("a", "1"), ("b", "1")],
    "A B A": [("a", "1"), ("b", "2"), ("c", "1")],
    "A B C B": [("a", "1"), ("b", "2"), ("c", "3"), ("d", "2")],
    "with nothing on it": [("", "1"), ("", "1")],
    "the same page": [("ab", "1"), ("ab", "1")],
    "numbers": [("a", 1), ("b", 2), ("c", 1)],
}


@pytest.mark.parametrize("pages", CIRCLES.values(), ids=CIRCLES)
@pytest.mark.parametrize("spelled", ["cursorNext", "cursor_next"])
def test_l1_a_circle_ends_within_one_cycle_and_keeps_the_files(
    pages: list[tuple[str, Any]], spelled: str, destination: Path
) -> None:
    kept, sandbox = run_pages(destination, *pages, spelled=spelled)
    ids = dict.fromkeys("".join(ids for ids, _ in pages))
    assert isinstance(kept.error, ListingError)
    assert (kept.code, exit_code_of(kept.error)) == ("cursor_loop", 5)
    assert sandbox.counts["work_items"] == len(pages)
    assert sorted(kept.files) == sorted(f"Default/{item_id}.json" for item_id in ids)
    assert kept.counts() == (len(ids), 0, 0, 0)
    assert kept.retries == []


def test_l1_batches_in_a_circle_end_the_run(destination: Path) -> None:
    body = json.dumps({"items": [{"id": 7, "name": "Seven"}], "meta": {"cursorNext": "x"}})
    with Sandbox(items=30, api_key=KEY, port=platform_port(), faults=[refused("batches", 200, body=body)]) as sandbox:
        kept = run(client_of(sandbox), destination)
        assert sandbox.counts["batches"] == 2
    assert (kept.code, kept.files) == ("cursor_loop", {})


def test_l1_a_circle_is_exit_code_5(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    project, faults = pages_of(*CIRCLES["A B A"])
    with Sandbox(project=project, api_key=KEY, faults=faults) as sandbox:
        said = download_command(capfd, sandbox, tmp_path / "out")
    assert said.code == 5
    assert "goes in a circle" in said.err
    assert "3 of 3" in said.out


def test_l1_a_rerun_after_a_circle_fetches_only_what_is_missing(destination: Path) -> None:
    kept, _ = run_pages(destination, *CIRCLES["A B A"])
    kept, sandbox = run_pages(destination, ("abc", "1"), ("d", None))
    assert (kept.error, kept.counts()) == (None, (1, 3, 0, 0))
    assert sorted(r.status for r in sandbox.requests if r.endpoint == "storage") == [200, 304, 304, 304]


@pytest.mark.parametrize(
    "pages",
    [
        [("abc", "1"), ("cde", None)],
        [("abc", "1"), ("abc", "2"), ("abc", None)],
        [("aab", None)],
        [("ab", "1"), ("", "2"), ("ba", None)],
    ],
    ids=["overlapping", "all the same", "on one page", "reversed"],
)
def test_l2_an_item_on_two_pages_is_one_file_and_counted_once(pages: list[tuple[str, Any]], destination: Path) -> None:
    kept, sandbox = run_pages(destination, *pages)
    ids = set("".join(ids for ids, _ in pages))
    assert (kept.error, kept.counts()) == (None, (len(ids), 0, 0, 0))
    assert len(kept.files) == len(ids)
    assert {sandbox.counts[endpoint] for endpoint in ("annotations", "storage")} == {len(ids)}


def test_l2_two_batches_for_one_item_are_one_file(destination: Path) -> None:
    faults = [
        page(1, [{"id": "a", "batchId": 1}], "1"),
        page(2, [{"id": "a", "batchId": 2}], None),
    ]
    project = project_of("a", batches=[{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}])
    with Sandbox(project=project, api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert (list(kept.files), kept.counts()) == (["One/a.json"], (1, 0, 0, 0))


@pytest.mark.parametrize("spelled", ["cursorNext", "cursor_next"])
def test_l3_an_empty_page_with_a_cursor_is_not_the_end(spelled: str, destination: Path) -> None:
    kept, sandbox = run_pages(destination, ("", "1"), ("ab", "2"), ("", "3"), ("", "4"), ("c", None), spelled=spelled)
    assert (kept.error, kept.counts()) == (None, (3, 0, 0, 0))
    assert sandbox.counts["work_items"] == 5


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        {"cursorNext": None, "cursor_next": None},
        {"cursorNext": ""},
        {"cursor_next": ""},
        {"cursorNext": None, "cursorPrev": "x", "page": "PREV"},
    ],
)
def test_l3_a_page_without_a_cursor_is_the_end(meta: Any, destination: Path) -> None:
    kept, sandbox = run_pages(destination, ("ab", "1"), ("c", None), meta=meta)
    assert (kept.error, kept.counts()) == (None, (2, 0, 0, 0))
    assert sandbox.counts["work_items"] == 1


@pytest.mark.parametrize("meta", [{"cursorNext": None, "cursor_next": "1"}, {"cursorNext": "1", "cursor_next": None}])
def test_l3_a_null_in_one_spelling_does_not_hide_the_cursor_in_the_other(meta: Any, destination: Path) -> None:
    project = project_of("a", "b")
    faults = [page(1, [{"id": "a"}], meta=meta), page(2, [{"id": "b"}])]
    with Sandbox(project=project, api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert kept.counts() == (2, 0, 0, 0)


@pytest.mark.parametrize("cursor", [True, {"a": 1}, 1.5])
def test_l3_a_cursor_that_is_none_does_not_end_the_listing_quietly(
    cursor: Any, destination: Path, clock: Clock
) -> None:
    project = project_of("a")
    fault = Fault(
        "work_items", action="altered", body=json.dumps({"items": [{"id": "a"}], "meta": {"cursorNext": cursor}})
    )
    with Sandbox(project=project, api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, clock), destination)
    assert kept.code == "listing_failed"


# L4 and L5: items as they should not be, and as nobody knows them yet

SAVED = {
    "a bad resultUrl": {"id": "bad", "resultUrl": "not a url"},
    "a number for an id": {"id": 17},
    "an empty assetUrl": {"id": "bad", "assetUrl": ""},
    "a number for an assetUrl": {"id": "bad", "assetUrl": 5},
    "a bad batchId": {"id": "bad", "batchId": "seven"},
    "a list for a batchId": {"id": "bad", "batchId": [1]},
    "a batchId beyond 64 bits": {"id": "bad", "batchId": 2**80},
    "a number for a status": {"id": "bad", "status": 5},
    "a bad date": {"id": "bad", "updatedAt": "yesterday", "createdAt": {}},
    "everything at once": {
        "id": "bad",
        "batchId": {},
        "assetUrl": "",
        "resultUrl": 5,
        "status": [],
        "updatedAt": 1,
        "assetType": {},
    },
}
LOST = {
    "no id": {"batchId": 1},
    "null for an id": {"id": None},
    "an empty id": {"id": ""},
    "a blank id": {"id": "  "},
    "a list for an id": {"id": ["a"]},
    "true for an id": {"id": True},
    "a text": "text",
    "null": None,
    "a number": 5,
    "a list": [],
}


def with_one(entry: Any) -> tuple[Project, Fault]:
    """Make a project of 99 items and an odd one in their middle, and the fault that lists it."""
    entries: list[Any] = [{"id": f"item-{number}", "batchId": None} for number in range(99)]
    project = project_of(*(item["id"] for item in entries), items=[entry] if isinstance(entry, dict) else [])
    return project, page(1, [*entries[:50], entry, *entries[50:]], total=100)


@pytest.mark.parametrize("entry", SAVED.values(), ids=SAVED)
def test_l4_an_odd_item_is_saved_where_what_is_needed_is_there(entry: Any, destination: Path) -> None:
    project, fault = with_one(entry)
    with Sandbox(project=project, api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert (kept.error, kept.counts()) == (None, (100, 0, 0, 0))
    (odd,) = [content for name, content in kept.files.items() if "item-" not in name]
    assert json.loads(odd)["images"] == json.loads(document_of(entry["id"]))["images"]


@pytest.mark.parametrize("entry", LOST.values(), ids=LOST)
def test_l4_an_item_without_what_is_needed_fails_alone(entry: Any, destination: Path) -> None:
    project, fault = with_one(entry)
    with Sandbox(project=project, api_key=KEY, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert (kept.error, kept.counts(), kept.codes) == (None, (99, 0, 1, 0), {"invalid_item"})
    assert kept.summary is not None
    assert [result.error_code for result in kept.summary.results].index("invalid_item") == 50
    assert kept.retries == []


@dataclass(frozen=True)
class Newer:
    """A project as a newer server lists it, whatever it is asked for."""

    project: Project
    project_id: str = "sample-project"
    space_id: str = "sample-space"

    def batches(self) -> Any:
        return self.project.batches()

    def select(self, selection: Selection) -> Listing:
        return self.project.items

    def annotation(self, item_id: str) -> Any:
        return {**(self.project.annotation(item_id) or {}), "quality": 0.5}

    def document(self, path: str) -> Any:
        return self.project.document(path)


def test_l5_unknown_values_and_fields_are_accepted_and_kept(destination: Path) -> None:
    fields = {"status": "DISPUTED", "assetType": "HOLOGRAM", "priority": {"level": [1, 2]}, "snake_case": True}
    batch = {"id": 7, "name": "Seven", "priority": "URGENT", "tags": ["x"]}
    project = project_of(items=[{"id": "a", "batchId": 7, **fields}], batches=[batch])
    with Sandbox(project=Newer(project), api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
        items, batches = asyncio.run(_listings(client_of(sandbox)))
    assert (kept.error, list(kept.files)) == (None, ["Seven/a.json"])
    assert (items[0].status, items[0].asset_type) == ("DISPUTED", "HOLOGRAM")
    assert items[0].model_extra == {"priority": {"level": [1, 2]}, "snake_case": True}
    assert (batches[0].priority, batches[0].model_extra) == ("URGENT", {"tags": ["x"]})


async def _listings(client: CFUserClient) -> tuple[list[WorkItem], list[Any]]:
    items = [item async for item in client.iter_work_items("sample-project")]
    return items, await client.list_batches("sample-project")


def test_l5_unknown_fields_of_a_page_are_accepted(destination: Path) -> None:
    kept, _ = run_pages(destination, ("ab", None), links={"next": None}, meta={"page": "SIDEWAYS", "limit": "many"})
    assert (kept.error, kept.counts()) == (None, (2, 0, 0, 0))


# L6 and warnings


@pytest.mark.parametrize(("total", "warned"), [(3, False), (4, True), (0, True), (2, True), (10**12, True)])
def test_l6_a_total_that_differs_is_a_warning(total: int, warned: bool, destination: Path) -> None:
    kept, _ = run_pages(destination, ("ab", "1"), ("c", None), total=total)
    assert (kept.error, kept.counts()) == (None, (3, 0, 0, 0))
    assert kept.summary is not None
    expected = [f"The platform counted {total} work items and listed 3: it may have changed during the run."] * warned
    assert kept.summary.warnings == expected
    assert [event.message for event in kept.events if isinstance(event, Warned)] == expected


def test_l6_a_total_that_changes_from_page_to_page_counts_as_it_was_last(destination: Path) -> None:
    project = project_of(*"abc")
    faults = [page(1, [{"id": "a"}], "1", total=1), page(2, [{"id": "b"}, {"id": "c"}], total=3)]
    with Sandbox(project=project, api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert kept.summary is not None
    assert (kept.counts(), kept.summary.warnings) == ((3, 0, 0, 0), [])


FILTERS: dict[str, dict[str, Any]] = {
    "batch_ids": {"batch_ids": [1]},
    "work_item_ids": {"work_item_ids": ["a"]},
    "updated_at": {"updated_at_from": "2026-03-01"},
    "created_at": {"created_at_to": "2025-01-01"},
    "status": {"status": "CLIENT_REVIEW"},
}


@pytest.mark.parametrize(("name", "options"), FILTERS.items(), ids=FILTERS)
def test_l6_filters_that_the_server_ignores_are_a_warning(
    name: str, options: dict[str, Any], destination: Path
) -> None:
    dates = {"updatedAt": "2026-02-01T00:00:00Z", "createdAt": "2026-02-01T00:00:00Z"}
    items = [
        {"id": item_id, "batchId": batch, "status": "COMPLETED", **dates}
        for item_id, batch in zip("abc", (1, 2, 3), strict=True)
    ]
    with Sandbox(project=Newer(project_of(items=items)), api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination, **options)
    assert kept.counts() == (3, 0, 0, 0)
    assert kept.summary is not None
    (warning,) = kept.summary.warnings
    assert f"seems to ignore the filter {name}" in warning
    assert "2 of the listed" in warning or "3 of the listed" in warning


def test_l6_filters_that_are_kept_are_no_warning(destination: Path) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination, batch_ids=[104], updated_at_from="2026-01-01", status="COMPLETED")
    assert kept.summary is not None
    assert kept.summary.warnings == []
    assert kept.counts()[0] > 0


# L7 and L8


@pytest.mark.parametrize(
    ("status", "pages"), [(503, 39), (404, 39), (200, 39), (503, 0)], ids=["503", "404", "html", "the first"]
)
def test_l7_a_page_that_fails_for_good_keeps_the_pages_before(
    status: int, pages: int, destination: Path, clock: Clock
) -> None:
    fault = refused("work_items", status, nth=range(pages + 1, 1000), body="<html>" if status == 200 else "")
    with Sandbox(items=50 * A_PAGE, api_key=KEY, port=platform_port(), faults=[fault]) as sandbox:
        sources = documents_of(sandbox)
        kept = run(client_of(sandbox, clock), destination, expected=sources, limit=A_PAGE)
        asked = sandbox.counts["work_items"] - pages
    assert asked == {503: 12, 200: 2}.get(status, 1)
    assert kept.error is not None
    assert isinstance(kept.error, StatusError) == (status != 200)
    assert (kept.code, exit_code_of(kept.error)) == ("not_found" if status == 404 else "listing_failed", 5)
    assert kept.counts() == (pages * A_PAGE, 0, 0, 0)
    assert kept.summary is not None
    assert len(kept.summary.warnings) == bool(pages)
    if pages:
        assert "broke off after 390 work items" in kept.summary.warnings[0]
    if status == 503 and pages:
        _rerun(destination, sources, pages)


def _rerun(destination: Path, sources: dict[str, bytes], pages: int) -> None:
    """List again and fetch only what is not here; what is here is not pruned before, nor after."""
    with Sandbox(items=50 * A_PAGE, api_key=KEY, port=platform_port()) as sandbox:
        again = run(client_of(sandbox), destination, expected=sources, limit=A_PAGE)
        assert (again.error, again.counts()) == (None, ((50 - pages) * A_PAGE, pages * A_PAGE, 0, 0))
        assert (sandbox.counts["work_items"], sandbox.counts["storage"]) == (50, (50 - pages) * A_PAGE)


def test_l7_a_partial_listing_prunes_nothing_and_is_not_the_last_complete_one(destination: Path, clock: Clock) -> None:
    with Sandbox(items=30, api_key=KEY, port=platform_port()) as sandbox:
        first = run(client_of(sandbox), destination, limit=A_PAGE)
    with Sandbox(items=30, api_key=KEY, port=platform_port(), faults=[refused("work_items", 404, nth=2)]) as sandbox:
        kept = run(client_of(sandbox, clock), destination, limit=A_PAGE, prune=True)
    assert (kept.code, kept.counts()) == ("not_found", (0, 10, 0, 0))
    assert kept.files == first.files
    assert kept.summary is not None
    assert (kept.summary.pruned, kept.summary.stale) == (0, 0)


def test_l7_a_partial_listing_is_exit_code_5(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(items=30, api_key=KEY, port=platform_port(), faults=[refused("work_items", 404, nth=2)]) as sandbox:
        said = download_command(capfd, sandbox, tmp_path / "out", "--limit", 10, "--json")
    assert said.code == 5
    body = json.loads(said.out)
    assert (body["successful"], body["exit_code"], body["error"]["code"]) == (10, 5, "not_found")
    assert "broke off after 10" in body["warnings"][0]


def test_l8_tasks_and_items_on_their_way_are_bounded(destination: Path) -> None:
    listed = done = most_items = most_tasks = 0

    def watch(event: Event) -> None:
        nonlocal listed, done, most_items, most_tasks
        listed += event.items if isinstance(event, PageListed) else 0
        done += isinstance(event, ItemStored | ItemFailed)
        most_items = max(most_items, listed - done)
        most_tasks = max(most_tasks, len(asyncio.all_tasks()))

    items, workers = 3000, 16
    fault = refused("annotations", 404, match="-5a5a-4000-8000-0")
    with Sandbox(items=items, api_key=KEY, record=False, faults=[fault]) as sandbox:
        kept = run(client_of(sandbox), destination, on_event=watch, results="none", max_workers=workers)
    assert (listed, done) == (items, items)
    assert most_items <= 1000 + 100
    assert most_tasks <= 2 * workers + 15  # two stages of workers
    assert kept.summary is not None
    assert kept.summary.results == []
    assert [event.items for event in kept.events if isinstance(event, ListingFinished)] == [items]
