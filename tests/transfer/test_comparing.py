from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.journal import StoredFile
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.manifest import ManifestPage
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.planning import Entry, Rerun, Version, asset_mark
from cf_ai_platform_client.errors import ItemError
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.transfer.books import Books
from cf_ai_platform_client.transfer.comparing import Comparing
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.order import Order
from cf_ai_platform_client.transfer.planning import EachOnce, Planned

from ..conftest import Clock
from .runs import bounded, make_calls

UPDATED = "2026-02-01T00:00:00Z"


def item(item_id: str, updated_at: str | None = UPDATED) -> WorkItem:
    return WorkItem(id=item_id, batch_id=7, updated_at=updated_at)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Make a destination with the files of some items, a byte each."""
    out = tmp_path / "out"
    books = books_of(out)
    with closing(LocalStore(str(out))) as store:
        journal, run = bounded(books.open())
        for item_id in "abc":
            staged = store.stage(SafeName("plots"), SafeName(f"{item_id}.json"), item_id.encode())
            store.publish(staged)
            path = f"plots/{item_id}.json"
            version = Version(UPDATED, None, '"etag"', asset_mark(item(item_id)))
            journal.list_items(run, {item_id: "7"}, 1.0)
            known = Entry("7", path, version, staged.state, store.sha256(path))
            journal.record(run, [StoredFile(item_id, known, None)], 2.0)
    books.close("finished")
    return out


def books_of(out: Path, how: Rerun | None = None) -> Books:
    calls = make_calls("http://127.0.0.1:9/api/v1", Clock())
    return Books(calls, Order("p", "s", rerun=how or Rerun()), Ledger("all", print), str(out))


def planned(books: Books, *pages: list[WorkItem | ItemError]) -> list[list[Planned]]:
    """Plan some pages in one run."""

    async def run() -> list[list[Planned]]:
        return [list((await comparing.plan(ManifestPage(page, None, None))).items) for page in pages]

    comparing = Comparing(books)
    try:
        return bounded(run())
    finally:
        comparing.close()
        books.close("finished")


def verdicts(plans: list[Planned]) -> list[tuple[str, str]]:
    return [(plan.item.id, plan.verdict) for plan in plans if isinstance(plan.item, WorkItem)]


def test_each_item_is_compared_with_its_file(out: Path) -> None:
    (out / "plots" / "b.json").unlink()
    (plans,) = planned(books_of(out), [item("a"), item("b"), item("c", "2026-03-01"), item("d")])
    assert verdicts(plans) == [("a", "skip"), ("b", "fetch"), ("c", "ask"), ("d", "fetch")]
    assert [plan.path for plan in plans] == [f"{out}/plots/a.json", "", "", ""]
    assert plans[3].entry is None
    assert plans[2].entry is not None


def test_an_item_that_is_listed_twice_is_planned_once(out: Path) -> None:
    first, second = planned(books_of(out), [item("a"), item("d"), item("a")], [item("d"), item("b"), item("a")])
    assert verdicts(first) == [("a", "skip"), ("d", "fetch")]
    assert verdicts(second) == [("b", "skip")]


def test_entries_without_an_id_stay_where_they_are(out: Path) -> None:
    error = ItemError("no id", code="invalid_item")
    (plans,) = planned(books_of(out), [error, item("a"), error])
    assert [plan.item for plan in plans] == [error, item("a"), error]


def test_a_file_that_was_touched_is_read_once_and_its_time_is_kept(out: Path) -> None:
    for name in ("a.json", "b.json"):
        os.utime(out / "plots" / name, ns=(1, 1))
    (out / "plots" / "b.json").write_bytes(b"x")
    for _ in range(2):
        (plans,) = planned(books_of(out), [item("a"), item("b")])
        assert verdicts(plans) == [("a", "skip"), ("b", "fetch")]
    books = books_of(out)
    journal, run = bounded(books.open())
    known = journal.list_items(run, {"a": "7", "b": "7"}, 9.0)
    books.close("finished")
    states = [entry.state.mtime_ns for entry in known.values() if entry and entry.state]
    assert states[0] == 1
    assert states[1] != (out / "plots" / "b.json").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("how", "verdict"), [(Rerun(overwrite=True), "fetch"), (Rerun(verify=True), "skip"), (Rerun(recheck=True), "ask")]
)
def test_what_the_user_wants_is_asked_of_the_plan(how: Rerun, verdict: str, out: Path) -> None:
    (plans,) = planned(books_of(out, how), [item("a")])
    assert verdicts(plans) == [("a", verdict)]


def test_long_pages_are_planned_in_portions_and_the_newest_update_is_kept(out: Path) -> None:
    books = books_of(out)
    page: list[WorkItem | ItemError] = [
        item(f"{number}", f"2026-01-01T00:{number % 60:02}:00Z") for number in range(1201)
    ]
    (plans,) = planned(books, [*page, page[0]])
    assert [plan.item for plan in plans] == page
    assert books.newest == "2026-01-01T00:59:00Z"


def test_those_who_keep_no_files_fetch_everything_once() -> None:
    error = ItemError("no id", code="invalid_item")
    planner = EachOnce([])

    async def run() -> list[Planned]:
        pages = [[item("a"), error, item("a")], [item("b"), item("a")]]
        found = [await planner.plan(ManifestPage(page, 3, None)) for page in pages]
        assert [page.total for page in found] == [3, 3]
        return [plan for page in found for plan in page.items]

    assert bounded(run()) == [Planned(item("a")), Planned(error), Planned(item("b"))]
