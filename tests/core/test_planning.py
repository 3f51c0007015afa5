from __future__ import annotations

import pytest
from msgspec.structs import replace

from cf_ai_platform_client.core.planning import (
    Entry,
    FileState,
    Place,
    Rerun,
    Verdict,
    Version,
    asset_mark,
    kept,
    kept_etag,
    newest,
    plan,
    plan_asset,
    since,
)
from cf_ai_platform_client.models import WorkItem

ITEM = WorkItem(id="a", batch_id=7, asset_url="https://s/a.jpg?sig=1", updated_at="2026-02-01T10:00:00Z")
VERSION = Version(ITEM.updated_at, "coco_output/a.json", '"etag"', asset_mark(ITEM))
FILE = FileState(100, 1_000)
ENTRY = Entry("7", "plots/a.json", VERSION, FILE, b"digest")
PLAIN, OVERWRITE, VERIFY, RECHECK = Rerun(), Rerun(overwrite=True), Rerun(verify=True), Rerun(recheck=True)

UPDATED = ITEM.model_copy(update={"updated_at": "2026-02-02"})
UNDATED = ITEM.model_copy(update={"updated_at": None})
MOVED = ITEM.model_copy(update={"batch_id": 8})
OUT_OF_BATCHES = ITEM.model_copy(update={"batch_id": None})
OTHER_ASSET = UPDATED.model_copy(update={"asset_url": "https://s/b.jpg"})
SIGNED_ANEW = UPDATED.model_copy(update={"asset_url": "https://s/a.jpg?sig=2"})
WITHOUT_ETAG = replace(ENTRY, version=replace(VERSION, etag=None))
WITHOUT_DATE = replace(ENTRY, version=replace(VERSION, updated_at=None))
FAILED = replace(ENTRY, failed=True)
LISTED = Entry("7")
TOUCHED, LONGER = FileState(100, 2_000), FileState(101, 1_000)
ELSEWHERE = replace(ENTRY, origin=Place("https://staging.example/api/v1", "s"))
FROM_SOMEWHERE = replace(ENTRY, origin=Place(None, ""))


@pytest.mark.parametrize(
    ("item", "entry", "found", "how", "verdict"),
    [
        pytest.param(ITEM, ENTRY, FILE, PLAIN, "skip", id="unchanged"),
        pytest.param(ITEM, None, None, PLAIN, "fetch", id="never seen"),
        pytest.param(ITEM, None, FILE, PLAIN, "fetch", id="never seen, and a file of somebody's"),
        pytest.param(ITEM, LISTED, None, PLAIN, "fetch", id="listed and never fetched"),
        pytest.param(ITEM, LISTED, FILE, PLAIN, "fetch", id="listed and never fetched, and a file of somebody's"),
        pytest.param(ITEM, FAILED, FILE, PLAIN, "fetch", id="failed"),
        pytest.param(MOVED, ENTRY, FILE, PLAIN, "fetch", id="in another batch"),
        pytest.param(OUT_OF_BATCHES, ENTRY, FILE, PLAIN, "fetch", id="in no batch any more"),
        pytest.param(OUT_OF_BATCHES, replace(ENTRY, batch=""), FILE, PLAIN, "skip", id="in no batch as before"),
        pytest.param(ITEM, ENTRY, None, PLAIN, "fetch", id="file missing"),
        pytest.param(ITEM, ENTRY, LONGER, PLAIN, "fetch", id="file of another size"),
        pytest.param(ITEM, ENTRY, TOUCHED, PLAIN, "hash", id="file touched"),
        pytest.param(ITEM, ENTRY, FILE, VERIFY, "hash", id="verify"),
        pytest.param(ITEM, ENTRY, LONGER, VERIFY, "fetch", id="verify, another size"),
        pytest.param(ITEM, ENTRY, FILE, OVERWRITE, "fetch", id="overwrite"),
        pytest.param(ITEM, ENTRY, TOUCHED, Rerun(True, True, True), "fetch", id="overwrite outweighs the others"),
        pytest.param(ITEM, ENTRY, FILE, RECHECK, "ask", id="recheck"),
        pytest.param(ITEM, ENTRY, TOUCHED, RECHECK, "hash", id="recheck, file touched"),
        pytest.param(ITEM, WITHOUT_ETAG, FILE, RECHECK, "fetch", id="recheck, nothing to ask with"),
        pytest.param(UPDATED, ENTRY, FILE, PLAIN, "ask", id="updated"),
        pytest.param(UPDATED, WITHOUT_ETAG, FILE, PLAIN, "fetch", id="updated, nothing to ask with"),
        pytest.param(OTHER_ASSET, ENTRY, FILE, PLAIN, "fetch", id="updated, another asset, which the file repeats"),
        pytest.param(SIGNED_ANEW, ENTRY, FILE, PLAIN, "ask", id="updated, the same asset signed anew"),
        pytest.param(UNDATED, ENTRY, FILE, PLAIN, "ask", id="no date any more"),
        pytest.param(ITEM, ELSEWHERE, FILE, PLAIN, "fetch", id="from another place"),
        pytest.param(ITEM, ELSEWHERE, TOUCHED, VERIFY, "fetch", id="from another place, which needs no look"),
        pytest.param(ITEM, FROM_SOMEWHERE, FILE, PLAIN, "ask", id="from an unknown place"),
        pytest.param(ITEM, FROM_SOMEWHERE, TOUCHED, PLAIN, "hash", id="from an unknown place, file touched"),
        pytest.param(ITEM, WITHOUT_DATE, FILE, PLAIN, "ask", id="no date before"),
        pytest.param(UNDATED, WITHOUT_DATE, FILE, PLAIN, "ask", id="no date, now and before"),
    ],
)
def test_what_is_done_with_an_item(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun, verdict: Verdict
) -> None:
    assert plan(item, entry, found, how) == verdict


@pytest.mark.parametrize(
    ("item", "how", "same_bytes", "verdict"),
    [
        (ITEM, PLAIN, True, "skip"),
        (ITEM, PLAIN, False, "fetch"),
        (ITEM, VERIFY, True, "skip"),
        (ITEM, VERIFY, False, "fetch"),
        (ITEM, RECHECK, True, "ask"),
        (UPDATED, VERIFY, True, "ask"),
        (UPDATED, RECHECK, False, "fetch"),
    ],
)
def test_what_the_bytes_on_disk_answer(item: WorkItem, how: Rerun, same_bytes: bool, verdict: Verdict) -> None:
    assert plan(item, ENTRY, TOUCHED, how, same_bytes=same_bytes) == verdict


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://s/a.jpg?sig=1", "https://s/a.jpg?sig=2#x", True),
        ("assets/a.jpg", "assets/b.jpg", False),
        ("https://s/a.jpg", "https://t/a.jpg", False),
        (None, "a", False),
        (None, None, True),
        ("\ud800", "?", False),
    ],
    ids=ascii,
)
def test_an_asset_is_known_by_where_it_is(one: str | None, other: str | None, same: bool) -> None:
    marks = [asset_mark(WorkItem.model_construct(id="a", asset_url=url)) for url in (one, other)]
    assert (marks[0] == marks[1]) == same
    assert len(marks[0]) == 8


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (None, None),
        ("", None),
        ("2026-02-01T10:00:00Z", "2026-02-01T10:00:00Z"),
        ("coco/a.json?X-Amz-Signature=1f", "coco/a.json"),
        ("?all=query", ""),
        ("two\nlines", None),
        ("\ud800", None),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, None),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_kept_of_a_servers_text(value: str | None, left: str | None) -> None:
    assert kept(value) == left


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (None, None),
        ("", None),
        ('"5d41402a"', '"5d41402a"'),
        ('W/"5d?x"', 'W/"5d?x"'),
        ('"é"', None),
        ("*", None),
        ('"a", "b"', None),
        ("bare", None),
        ('"a\r\nX-Other: 1"', None),
        ("x" * 1001, None),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_which_etags_can_be_sent_back(value: str | None, left: str | None) -> None:
    assert kept_etag(value) == left


@pytest.mark.parametrize(
    ("moments", "before", "latest"),
    [
        ([], None, None),
        ([None, "soon", ""], None, None),
        ([], "2026-02-01", "2026-02-01"),
        (["2026-02-01", None, "2026-02-03T00:00:00Z", "2026-02-02"], None, "2026-02-03T00:00:00Z"),
        (["2026-02-01"], "2026-02-02", "2026-02-02"),
        (["2026-02-01"], "garbage", "2026-02-01"),
        (["2026-02-01T12:00:00+05:00", "2026-02-01T08:00:00Z"], None, "2026-02-01T08:00:00Z"),
        (["2026-02-30", "2026-01-01T10:00+99:00", "2026-01-01"], None, "2026-01-01"),
    ],
)
def test_the_newest_of_some_moments(moments: list[str | None], before: str | None, latest: str | None) -> None:
    assert newest(moments, before) == latest


NOON = 1_770_206_400.0  # 2026-02-04T12:00:00Z


@pytest.mark.parametrize(
    ("updated", "start"),
    [
        pytest.param(None, "2026-02-04T11:00:00Z", id="nothing seen"),
        pytest.param("soon", "2026-02-04T11:00:00Z", id="no moment"),
        pytest.param("2026-02-03T00:00:00Z", "2026-02-02T23:00:00Z", id="the newest is before the start"),
        pytest.param("2026-02-05T00:00:00Z", "2026-02-04T11:00:00Z", id="this clock is behind"),
        pytest.param("2026-02-01T12:30:00+05:00", "2026-02-01T06:30:00Z", id="another zone"),
        pytest.param("2026-02-01T00:00:00.750Z", "2026-01-31T23:00:00Z", id="fractions of seconds"),
        pytest.param("0900-01-01", "0899-12-31T23:00:00Z", id="four digits a year"),
        pytest.param("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", id="zero as some servers write it"),
        pytest.param("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00Z", id="before there are moments"),
    ],
)
def test_a_listing_goes_on_an_hour_before_what_was_seen(updated: str | None, start: str) -> None:
    assert since(NOON, updated) == start


@pytest.mark.parametrize(
    ("item", "entry", "verdict"),
    [
        pytest.param(ITEM, ENTRY, "skip", id="unchanged"),
        pytest.param(ITEM, None, "fetch", id="never seen"),
        pytest.param(ITEM.model_copy(update={"asset_url": "https://s/b.jpg"}), ENTRY, "fetch", id="another, same date"),
        pytest.param(UPDATED, ENTRY, "ask", id="updated"),
        pytest.param(SIGNED_ANEW, ENTRY, "ask", id="updated, signed anew"),
        pytest.param(MOVED, ENTRY, "fetch", id="in another batch"),
    ],
)
def test_what_is_done_with_an_asset(item: WorkItem, entry: Entry | None, verdict: Verdict) -> None:
    assert plan_asset(item, entry, FILE, PLAIN) == verdict


def test_the_bytes_of_an_asset_answer_too() -> None:
    assert plan_asset(ITEM, ENTRY, TOUCHED, PLAIN) == "hash"
    assert plan_asset(ITEM, ENTRY, TOUCHED, PLAIN, same_bytes=True) == "skip"
