from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.journal import StoredFile
from cf_ai_platform_client.adapters.journal_queries import totals
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.arguments import Filters
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.planning import Entry, Version
from cf_ai_platform_client.events import Event, ItemPruned
from cf_ai_platform_client.models import DownloadSummary
from cf_ai_platform_client.transfer.books import Books
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.order import Order
from cf_ai_platform_client.transfer.pruning import settle_stale

from ..conftest import Clock, files_below
from .runs import bounded, make_calls

PRUNE = Order("p", "s", prune=True)


def settled(
    out: Path,
    order: Order = PRUNE,
    *,
    stored: str = "",
    listed: str = "",
    complete: bool = True,
    fell_short: bool = False,
) -> tuple[DownloadSummary, list[Event]]:
    """Make one run that stores some items, lists others, and settles what is stale."""
    events: list[Event] = []
    ledger, store = Ledger("all", events.append), LocalStore(str(out))
    books = Books(make_calls("http://127.0.0.1:9/api/v1", Clock(), events.append), order, ledger, str(out))
    ledger.complete, ledger.fell_short, ledger.listed = complete, fell_short, len(stored + listed)
    ledger.counted = True

    async def run() -> DownloadSummary:
        journal, run = await books.open()
        known = journal.list_items(run, dict.fromkeys(stored + listed, "7"), 1.0)
        for item_id in stored:
            staged = store.stage(SafeName("plots"), SafeName(f"{item_id}.json"), item_id.encode())
            store.publish(staged)
            path = f"plots/{item_id}.json"
            new = Entry("7", path, Version(), staged.state, store.sha256(path))
            journal.record(run, [StoredFile(item_id, new, known[item_id])], 2.0)
        summary = DownloadSummary(total_items=0, successful=0, failed=0)
        await settle_stale(books, ledger, summary, events.append)
        return summary

    try:
        return bounded(run()), events
    finally:
        store.close()
        books.close("finished")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Make a destination with files of three items."""
    settled(tmp_path / "out", stored="abc")
    return tmp_path / "out"


def test_what_left_the_project_is_deleted_and_told(out: Path) -> None:
    summary, events = settled(out, listed="a")
    assert (summary.stale, summary.pruned, summary.warnings) == (2, 2, [])
    assert events == [ItemPruned(item_id, f"{out}/plots/{item_id}.json") for item_id in "bc"]
    assert list(files_below(out)) == ["plots/a.json"]
    assert settled(out, listed="a")[0].stale == 0


@pytest.mark.parametrize(
    ("order", "complete", "stale"),
    [
        (replace(PRUNE, prune=False), True, 2),
        (replace(PRUNE, filters=Filters(batch_ids=(7,))), True, 0),
        (replace(PRUNE, filters=Filters(status="X")), True, 0),
        (replace(PRUNE, since_last=True), True, 0),
        (replace(PRUNE, only_failed=True), True, 0),
        (PRUNE, False, 0),
    ],
)
def test_nothing_is_deleted_that_was_not_asked_for_or_is_not_sure(
    order: Order, complete: bool, stale: int, out: Path
) -> None:
    summary, events = settled(out, order, listed="a", complete=complete)
    assert (summary.stale, summary.pruned, summary.warnings, events) == (stale, 0, [], [])
    assert len(files_below(out)) == 3


@pytest.mark.parametrize(
    ("listed", "fell_short", "reason"),
    [
        ("", False, "the platform listed no work item at all, which may be a mistake."),
        ("a", True, "the platform listed fewer work items than it counted, or some without an id."),
    ],
)
def test_a_listing_that_may_be_wrong_deletes_nothing(listed: str, fell_short: bool, reason: str, out: Path) -> None:
    summary, _ = settled(out, listed=listed, fell_short=fell_short)
    assert (summary.pruned, summary.warnings) == (0, [f"Nothing was pruned: {reason}"])
    assert len(files_below(out)) == 3


def test_what_somebody_touched_is_deleted_and_what_was_altered_is_kept(out: Path) -> None:
    (out / "plots" / "a.json").touch()
    (out / "plots" / "b.json").write_bytes(b"x")
    (out / "plots" / "c.json").unlink()
    for stale, pruned in ((2, 1), (1, 0)):
        summary, _ = settled(out, listed="d")
        assert (summary.stale, summary.pruned) == (stale, pruned)
        assert summary.warnings == ["1 stale files were altered by somebody and are kept."]
    assert files_below(out) == {"plots/b.json": b"x"}


def test_what_is_gone_from_the_disk_is_not_stale(out: Path) -> None:
    (out / "plots" / "b.json").unlink()
    for _ in range(2):
        assert settled(out, replace(PRUNE, prune=False), listed="a")[0].stale == 1
    shutil.rmtree(out / "plots")
    assert settled(out, replace(PRUNE, prune=False), listed="a")[0].stale == 0


def test_of_items_that_were_last_listed_with_another_status_nothing_is_known(out: Path) -> None:
    settled(out, replace(PRUNE, prune=False, filters=Filters(status="X")), stored="d", listed="b")
    summary, events = settled(out, listed="a")
    assert (summary.stale, summary.pruned) == (1, 1)
    assert events == [ItemPruned("c", f"{out}/plots/c.json")]
    assert list(files_below(out)) == ["plots/a.json", "plots/b.json", "plots/d.json"]
    assert settled(out, listed="ab")[0].stale == 0
    assert settled(out, listed="a")[0].pruned == 1  # b was listed as usual meanwhile


@pytest.mark.parametrize(("fell_short", "left"), [(False, 1), (True, 3)])
def test_items_that_left_and_never_had_a_file_are_forgotten(fell_short: bool, left: int, tmp_path: Path) -> None:
    order = replace(PRUNE, prune=False)
    settled(tmp_path, order, listed="abc")
    settled(tmp_path, order, listed="a", fell_short=fell_short)
    books = Books(make_calls("http://127.0.0.1:9/api/v1", Clock()), order, Ledger("all", print), str(tmp_path))
    journal, _ = bounded(books.open())
    assert totals(journal, "p").not_attempted == left
    books.close("finished")
