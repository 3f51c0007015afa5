from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.arguments import parse_moment
from cf_ai_platform_client.core.planning import (
    OVERLAP,
    Entry,
    FileState,
    Rerun,
    Version,
    asset_mark,
    kept,
    kept_etag,
    newest,
    plan,
    since,
)
from cf_ai_platform_client.models import WorkItem

ITEMS = st.builds(
    WorkItem,
    id=st.just("a"),
    batch_id=st.sampled_from([None, 1, 2]),
    asset_url=st.sampled_from([None, "https://s/a.jpg?sig=1", "https://s/a.jpg?sig=2", "https://s/b.jpg"]),
    updated_at=st.sampled_from([None, "2026-01-01", "2026-02-01?x", "bad\n"]),
)
STATES = st.builds(FileState, size=st.integers(0, 2), mtime_ns=st.integers(0, 2))
MARKS = ITEMS.map(asset_mark) | st.none()
VERSIONS = st.builds(
    Version,
    updated_at=st.sampled_from([None, "2026-01-01", "2026-02-01"]),
    etag=st.sampled_from([None, '"1"']),
    asset=MARKS,
)
ENTRIES = st.builds(
    Entry,
    batch=st.sampled_from(["", "1", "2"]),
    version=VERSIONS,
    state=STATES | st.none(),
    failed=st.booleans(),
)
RERUNS = st.builds(Rerun, st.booleans(), st.booleans(), st.booleans())
MAYBE = st.sampled_from([None, True, False])
MOMENTS = st.datetimes(
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
TEXTS = MOMENTS.map(datetime.isoformat) | st.text(max_size=5)


@given(ITEMS, ENTRIES | st.none(), STATES | st.none(), RERUNS, MAYBE)
def test_nothing_is_left_alone_that_may_not_be_right(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun, same_bytes: bool | None
) -> None:
    verdict = plan(item, entry, found, how, same_bytes=same_bytes)
    if verdict == "fetch":
        return
    assert entry is not None
    assert found is not None
    assert entry.state is not None
    assert not entry.failed
    assert not how.overwrite
    assert found.size == entry.state.size
    assert same_bytes is not False
    if verdict != "hash":
        assert same_bytes or (found == entry.state and not how.verify)
    if verdict == "skip":
        assert entry.version.updated_at == kept(item.updated_at) is not None
        assert not how.recheck
    if verdict == "ask":
        assert entry.version.etag
        assert entry.version.asset == asset_mark(item)


@given(ITEMS, ENTRIES | st.none(), STATES | st.none(), RERUNS, st.booleans())
def test_after_one_look_at_the_bytes_the_plan_is_made(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun, same_bytes: bool
) -> None:
    assert plan(item, entry, found, how, same_bytes=same_bytes) != "hash"


@given(ITEMS, ENTRIES | st.none(), STATES | st.none(), RERUNS)
def test_what_is_fetched_is_fetched_whatever_the_bytes_are(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun
) -> None:
    verdict = plan(item, entry, found, how)
    if verdict == "fetch":
        assert {plan(item, entry, found, how, same_bytes=same) for same in (True, False)} == {"fetch"}


@given(st.text(st.characters(exclude_categories=()), max_size=20) | st.text(min_size=999, max_size=1002))
def test_what_is_kept_is_short_printable_and_without_a_query(text: str) -> None:
    for left in (kept(text), kept_etag(text)):
        assert left is None or (len(left) <= 1000 and left.isprintable())
    assert "?" not in (kept(text) or "")
    assert kept_etag(text) in {None, text}


@given(st.lists(TEXTS | st.none(), max_size=6), TEXTS | st.none(), st.data())
def test_the_newest_does_not_depend_on_the_order(
    moments: list[str | None], before: str | None, data: st.DataObject
) -> None:
    latest = newest(moments, before)
    assert newest(data.draw(st.permutations([*moments, before]))) == latest
    assert newest(moments[3:], newest(moments[:3], before)) == latest


@given(st.integers(0, 4_000_000_000), MOMENTS.map(datetime.isoformat))
def test_a_listing_goes_on_before_the_start_and_before_what_was_seen(started: int, updated: str) -> None:
    start = parse_moment(since(started, updated))
    first = min(datetime.fromtimestamp(started, timezone.utc), parse_moment(updated))
    beginning = datetime.min.replace(tzinfo=timezone.utc)
    assert start == beginning or timedelta(0) <= first - start - OVERLAP < timedelta(seconds=1)
    assert start >= beginning
