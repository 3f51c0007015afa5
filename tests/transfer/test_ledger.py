from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import Event, ItemFailed, ItemStored, ListingFinished
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.transfer import ledger as module
from cf_ai_platform_client.transfer.job import Job
from cf_ai_platform_client.transfer.ledger import Ledger

ERROR = CFError("It failed for https://x.example/a?sig=canary.", code="not_found", hint="So it is.")


async def admit(ledger: Ledger, count: int) -> list[Job]:
    return [await ledger.admit(WorkItem(id=f"item {number}")) for number in range(count)]


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("all", [None, "not_found", "not_attempted", "not_attempted"]),
        ("failed", ["not_found", "not_attempted", "not_attempted"]),
        ("none", []),
    ],
)
def test_every_item_ends_once_and_results_are_in_listing_order(
    keep: Literal["all", "failed", "none"], kept: list[str | None]
) -> None:
    events: list[Event] = []
    ledger = Ledger(keep, events.append)
    first, second, third, _ = asyncio.run(admit(ledger, 4))
    ledger.count_not_attempted(third)
    ledger.count_failed(second, ERROR)
    ledger.count_stored(first, "out/a.json", 10, ("not_coco",))
    summary = ledger.summary(2.5)
    assert (summary.total_items, summary.successful, summary.failed, summary.not_attempted) == (4, 1, 1, 2)
    assert (summary.bytes, summary.elapsed, ledger.in_flight) == (10, 2.5, 0)
    assert [result.error_code for result in summary.results] == kept
    if keep == "all":
        assert (summary.results[0].file_path, summary.results[0].warnings) == ("out/a.json", ["not_coco"])
    said = "It failed for https://x.example/a So it is."
    assert events == [ItemFailed("item 1", "not_found", said), ItemStored("item 0", "out/a.json", 10)]


def test_it_is_done_once_the_listing_and_every_item_ended() -> None:
    ledger = Ledger("none", lambda event: None)
    jobs = asyncio.run(admit(ledger, 2))
    ledger.count_failed(jobs[0], ERROR)
    ledger.listing_ended()
    assert not ledger.done.is_set()
    ledger.count_not_attempted(jobs[1])
    assert ledger.done.is_set()


def test_an_empty_listing_is_done_at_once() -> None:
    events: list[Event] = []
    ledger = Ledger("all", events.append)
    ledger.listing_ended()
    assert ledger.done.is_set()
    assert events == [ListingFinished(0)]


def test_the_window_bounds_what_is_on_its_way_and_what_nobody_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 3)

    async def run() -> None:
        ledger, unread = Ledger("none", lambda event: None), [0]
        ledger.unread = lambda: unread[0]
        jobs = await admit(ledger, 3)
        waiting = asyncio.ensure_future(admit(ledger, 2))
        await asyncio.sleep(0)
        ledger.count_stored(jobs[0], "", 1, ())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (ledger.listed, ledger.in_flight, waiting.done()) == (4, 3, False)
        unread[0] = 1
        ledger.count_stored(jobs[1], "", 1, ())
        await asyncio.sleep(0)
        assert not waiting.done()
        unread[0] = 0
        ledger.make_room()
        await asyncio.wait_for(waiting, 10)
        assert ledger.in_flight == 3

    asyncio.run(run())


def test_the_first_error_ends_the_run_and_stopping_is_told_once() -> None:
    ledger, told = Ledger("none", lambda event: None), list[int]()
    ledger.on_stop = lambda: told.append(1)
    ledger.end_with(ERROR)
    assert (ledger.stopping, told) == (False, [])
    for code in ("unauthorized", "unauthorized"):
        ledger.stop(CFError("x", code=code))  # type: ignore[arg-type]
    assert (ledger.stopping, told, ledger.ended_by) == (True, [1], ERROR)
