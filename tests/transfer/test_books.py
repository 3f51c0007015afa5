from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.adapters.journal import Journal, Run
from cf_ai_platform_client.adapters.journal_queries import failures, last_complete, last_runs
from cf_ai_platform_client.core.arguments import Filters
from cf_ai_platform_client.errors import CFError, DiskError
from cf_ai_platform_client.events import Event, Warned
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.transfer.books import Books
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.order import Order

from ..adapters.journals import held
from ..adapters.wire import KEY
from ..conftest import Clock
from .runs import bounded, make_calls

NOBODY = "http://127.0.0.1:9/api/v1"
ORDER = Order("p", "s")


class Kept:
    """Books of one run, and what they say."""

    def __init__(self, out: Path, order: Order = ORDER, *, clock: Clock | None = None, base_url: str = NOBODY) -> None:
        self.clock = clock or Clock()
        self.events: list[Event] = []
        self.ledger = Ledger("all", self.events.append)
        self.calls = make_calls(base_url, self.clock, self.events.append)
        self.books = Books(self.calls, order, self.ledger, str(out))

    def open(self) -> tuple[Journal, Run]:
        return bounded(self.books.open())

    def listings(self) -> list[Filters]:
        async def run() -> list[Filters]:
            return [filters async for filters in self.books.listings()]

        return bounded(run())

    def folders(self, *batches: int | None) -> list[str]:
        async def run() -> list[str]:
            async with self.calls.http.connected():
                names = await self.books.folders()
            return [names.folder(batch) for batch in batches]

        return bounded(run())

    def fail(self, *item_ids: str) -> None:
        async def run() -> None:
            for item_id in item_ids:
                job = await self.ledger.admit(WorkItem(id=item_id))
                self.ledger.count_failed(job, CFError("It failed.", code="timeout", hint="So it is."))

        journal, of = self.open()
        journal.list_items(of, dict.fromkeys(filter(None, item_ids), ""), 1.0)
        bounded(run())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_nothing_is_made_before_it_is_needed(out: Path) -> None:
    kept = Kept(out)
    assert kept.listings() == [Filters()]
    kept.books.close("failed")
    assert not out.exists()


def test_the_journal_is_opened_once_and_closed_with_how_the_run_ended(out: Path) -> None:
    kept = Kept(out)
    journal, run = kept.open()
    assert kept.open() == (journal, run)
    kept.clock.now = 2000.0
    kept.books.close("cancelled")
    with_it = Journal.open(str(out))
    (last,) = last_runs(with_it)
    with_it.close()
    assert with_it is not journal
    assert (last.started, last.ended, last.outcome) == (1000.0, 2000.0, "cancelled")


@pytest.mark.parametrize(
    ("order", "outcome", "spoil", "is_complete"),
    [
        (ORDER, "finished", None, True),
        (replace(ORDER, since_last=True), "finished", None, True),
        (replace(ORDER, filters=Filters(status="X")), "finished", None, True),
        (replace(ORDER, filters=Filters(batch_ids=(1,))), "finished", None, False),
        (replace(ORDER, only_failed=True), "finished", None, False),
        (ORDER, "disk_full", None, False),
        (ORDER, "finished", lambda ledger: setattr(ledger, "complete", False), False),
        (ORDER, "finished", lambda ledger: setattr(ledger, "not_attempted", 1), False),
        (ORDER, "finished", lambda ledger: setattr(ledger, "failed", 1), True),
    ],
)
def test_a_run_to_go_on_from_listed_all_and_came_to_its_end(
    order: Order, outcome: str, spoil: Callable[[Ledger], Any] | None, is_complete: bool, out: Path
) -> None:
    kept = Kept(out, order)
    kept.open()
    kept.ledger.complete, kept.books.newest = True, "2026-01-01"
    if spoil:
        spoil(kept.ledger)
    kept.books.close(outcome)
    journal = Journal.open(str(out))
    found = last_complete(journal, "p", "s", order.filters.status)
    journal.close()
    assert found == ((1000.0, "2026-01-01") if is_complete else None)


def complete_run(out: Path, *failed: str, newest: str = "2026-01-01T12:00:00Z") -> None:
    kept = Kept(out, clock=Clock(1_800_000_000.0))
    kept.fail(*failed)
    kept.ledger.complete, kept.books.newest = True, newest
    kept.books.close("finished")


def test_a_listing_goes_on_from_the_last_run_and_takes_what_failed(out: Path) -> None:
    order = replace(ORDER, since_last=True, filters=Filters(batch_ids=(1,)))
    first = Kept(out, order)
    assert first.listings() == [order.filters]
    first.books.close("finished")
    complete_run(out, "a")
    again = Kept(out, order)
    assert again.listings() == [
        replace(order.filters, updated_at_from="2026-01-01T11:00:00Z"),
        replace(order.filters, work_item_ids=("a",)),
    ]
    assert again.books.newest == "2026-01-01T12:00:00Z"
    again.books.close("finished")


@pytest.mark.parametrize(("number", "calls"), [(0, []), (1, [1]), (100, [100]), (250, [100, 100, 50])])
def test_what_failed_is_listed_by_a_hundred_ids(number: int, calls: list[int], out: Path) -> None:
    complete_run(out, *(f"{n:03}" for n in range(number)))
    kept = Kept(out, replace(ORDER, only_failed=True))
    listings = kept.listings()
    kept.books.close("finished")
    assert [len(filters.work_item_ids) for filters in listings] == calls
    assert [item_id for filters in listings for item_id in filters.work_item_ids] == [f"{n:03}" for n in range(number)]


def test_failures_are_kept_with_what_they_say(out: Path) -> None:
    kept = Kept(out)
    kept.fail("a", "")
    journal, _ = kept.open()
    assert [(each.item_id, each.code, each.error) for each in failures(journal, "p")] == [
        ("a", "timeout", "It failed. So it is.")
    ]
    kept.books.close("finished")


def serving(*batches: tuple[int, str]) -> Sandbox:
    return Sandbox(
        project=Project(
            batch_objects=[{"id": number, "projectId": "p", "name": name} for number, name in batches], project_id="p"
        ),
        api_key=KEY,
    )


def folders_of(sandbox: Sandbox, out: Path, *batches: int | None) -> tuple[list[str], list[str]]:
    """Return the folders that a run uses, and what it warns of."""
    with sandbox:
        kept = Kept(out, base_url=sandbox.base_url)
        found = kept.folders(*batches)
        kept.books.close("finished")
    return found, kept.ledger.warnings


def test_folders_stay_and_renamed_batches_are_told_once(out: Path) -> None:
    assert folders_of(serving((1, "a"), (2, "b"), (3, "c")), out, 1, 2, 3, None) == (["a", "b", "c", "Default"], [])
    renamed = serving((1, "x"), (2, "y"), (3, "c"), (4, "a"))
    found, warnings = folders_of(renamed, out, 1, 2, 3, 4, None)
    assert found == ["a", "b", "c", "a (4)", "Default"]
    assert len(warnings) == 1
    assert warnings[0].startswith('Batch 1 is called "x" here and was "a" in an earlier run: its')
    assert warnings[0].endswith(" its files stay in the folder a, and 1 more likewise.")
    assert folders_of(renamed, out, 1, 2, 3, 4) == (["a", "b", "c", "a (4)"], [])


def test_batches_that_cannot_be_listed_make_no_journal(out: Path) -> None:
    with Sandbox(faults=[Fault("batches", "status", status=422)], api_key=KEY) as sandbox:
        kept = Kept(out, base_url=sandbox.base_url)
        with pytest.raises(CFError):
            kept.folders(1)
    kept.books.close("listing_failed")
    assert not out.exists()


def test_a_journal_that_another_process_keeps_is_waited_for_and_given_up(out: Path) -> None:
    with held(out):
        kept = Kept(out)
        with pytest.raises(DiskError) as caught:
            kept.open()
        kept.books.close("disk_error")
    assert (
        str(caught.value) == f"Another run is writing to {out}. Wait until it has ended, or choose another destination."
    )
    assert sum(kept.clock.slept) == 10.0
    assert kept.events == [Warned(f"Another run is writing to {out}: waiting for it to end.", passing=True)]
    assert kept.ledger.warnings == []
    kept.open()
    kept.books.close("finished")


def test_a_damaged_journal_is_in_the_summary(out: Path) -> None:
    (out / ".cf-ai").mkdir(parents=True)
    (out / ".cf-ai" / "journal.sqlite3").write_bytes(b"no database" * 1000)
    kept = Kept(out)
    kept.open()
    kept.books.close("finished")
    (warning,) = kept.ledger.warnings
    assert warning.startswith("The journal of the destination was damaged and is made anew")
    assert kept.events == [Warned(warning)]
