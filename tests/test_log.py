from __future__ import annotations

import logging
from typing import get_args

import pytest

from cf_ai_platform_client.events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    ConcurrencyChanged,
    Event,
    ExportBytes,
    ExportStatusChanged,
    ExportStored,
    ItemFailed,
    ItemPruned,
    ItemSkipped,
    ItemStored,
    ListingFinished,
    PageListed,
    RetryScheduled,
    Warned,
)
from cf_ai_platform_client.log import log_event

EVENTS: list[tuple[Event, int, str]] = [
    (ItemStored("a", "plots/a.json", 7), logging.DEBUG, "Stored a, 7 bytes, as plots/a.json"),
    (ItemSkipped("a", "plots/a.json"), logging.DEBUG, "Unchanged a, as plots/a.json"),
    (AssetStored("a", "plots/a.jpg", 7), logging.DEBUG, "Stored the asset of a, 7 bytes, as plots/a.jpg"),
    (AssetSkipped("a", "plots/a.jpg"), logging.DEBUG, "Unchanged the asset of a, as plots/a.jpg"),
    (AssetMissing("a"), logging.DEBUG, "Work item a names no asset"),
    (AssetFailed("a", "mismatch", "a page"), logging.ERROR, "The asset of work item a failed (mismatch): a page"),
    (ItemPruned("a", "plots/a.json"), logging.INFO, "Deleted plots/a.json, which is no longer in the project (a)"),
    (ItemPruned("", "plots/a.json"), logging.INFO, "Deleted plots/a.json, which its work item left when it moved"),
    (ItemFailed("a", "not_found", "gone"), logging.ERROR, "Work item a failed (not_found): gone"),
    (ItemFailed("", "invalid_item", "no id"), logging.ERROR, "Work item without an id failed (invalid_item): no id"),
    (
        RetryScheduled("storage", 2, 1.25, "truncated", "a"),
        logging.INFO,
        "truncated for storage a: attempt 2 in 1.2 s",
    ),
    (
        RetryScheduled("batches", 1, 0.5, "network", None),
        logging.INFO,
        "network for batches: attempt 1 in 0.5 s",
    ),
    (Warned("100 % odd"), logging.WARNING, "100 % odd"),
    (PageListed(20, 36), logging.DEBUG, "Listed 20 work items of 36"),
    (PageListed(20, None), logging.DEBUG, "Listed 20 work items of an unknown number"),
    (PageListed(0, 0), logging.DEBUG, "Listed 0 work items of 0"),
    (ListingFinished(36), logging.INFO, "Listed 36 work items in all"),
    (ConcurrencyChanged("storage", 20), logging.DEBUG, "storage: at most 20 calls at once"),
    (ExportStatusChanged("e", "PENDING", 1.4), logging.INFO, "Export e is PENDING after 1 s"),
    (ExportBytes("e", 7, 9), logging.DEBUG, "Export e: 7 bytes of 9"),
    (ExportBytes("e", 7, None), logging.DEBUG, "Export e: 7 bytes of an unknown number"),
    (ExportStored("e", "out/e.zip", 7), logging.INFO, "Export e is stored, 7 bytes, as out/e.zip"),
    (ExportStored("e", "out/e.zip", 7, False), logging.INFO, "Export e was here already, 7 bytes, as out/e.zip"),
]


@pytest.mark.parametrize(("event", "level", "text"), EVENTS, ids=[text for _, _, text in EVENTS])
def test_each_event_is_one_record(event: Event, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "cf_ai_platform_client"):
        log_event(event)
    assert caplog.record_tuples == [("cf_ai_platform_client.transfer", level, text)]


@pytest.mark.parametrize(
    "event",
    [
        ItemStored("a\nINFO forged\x1b[2J", "plots/a.json", 7),
        ItemFailed("a\nINFO forged\x1b[2J", "not_found", "gone"),
        AssetStored("a\nINFO forged\x1b[2J", "plots/a.jpg", 7),
        AssetFailed("a\nINFO forged\x1b[2J", "not_found", "gone"),
        RetryScheduled("storage", 2, 1.25, "truncated", "a\nINFO forged\x1b[2J"),
        ExportStatusChanged("e", "a\nINFO forged\x1b[2J", 0.0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_id_cannot_forge_a_record(event: Event, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "cf_ai_platform_client"):
        log_event(event)
    assert r"a INFO forged\x1b[2J" in caplog.messages[0]
    assert caplog.messages[0].isprintable()


def test_every_kind_of_event_is_in_the_table() -> None:
    assert {type(event) for event, _, _ in EVENTS} == set(get_args(Event))


def test_nothing_is_said_where_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    log_event(PageListed(1, 1))
    assert capsys.readouterr() == ("", "")
