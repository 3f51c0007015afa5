from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cf_ai_platform_client.core import arguments
from cf_ai_platform_client.core.arguments import (
    Filters,
    Moment,
    check_filters,
    check_handler,
    check_prune,
    check_since,
    parse_moment,
)

UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:30", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
        ("2026-01-31T10:30:05Z", datetime(2026, 1, 31, 10, 30, 5, tzinfo=UTC)),
        ("2026-01-31 10:30:05.25z", datetime(2026, 1, 31, 10, 30, 5, 250000, tzinfo=UTC)),
        ("2026-01-31T10:30:05.123456789+02:00", datetime(2026, 1, 31, 8, 30, 5, 123456, tzinfo=UTC)),
        ("2026-01-31T10:30:05-0530", datetime(2026, 1, 31, 16, 0, 5, tzinfo=UTC)),
        ("2026-01-31T10:30:05+02", datetime(2026, 1, 31, 8, 30, 5, tzinfo=UTC)),
        ("2026-01-31t10:30:05,5", datetime(2026, 1, 31, 10, 30, 5, 500000, tzinfo=UTC)),
        ("2026-01-31T10:30-00:30", datetime(2026, 1, 31, 11, 0, tzinfo=UTC)),
        (" 2026-01-31T10:30:05 Z ", datetime(2026, 1, 31, 10, 30, 5, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_moments_are_read(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "0000-01-01",
        "01.02.2026",
        "2026-01-31T25:00",
        "2026",
        "1",
        " ",
        "2026-01-31T10",
        "2026-01-31T10:30:60",
        "2026-01-31T10:30+99:00",
        "2026-01-31Z",
        "2026-01-31T10:30Zx",
        "٢٠٢٦-٠١-٣١",
        "2026-01-31 Jan",
    ],
)
@pytest.mark.parametrize("name", ["created_at_from", "created_at_to", "updated_at_from", "updated_at_to"])
def test_what_is_no_date_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is {re.escape(repr(text))}: it must be an ISO 8601 date"):
        check_filters(**{name: text})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [5, 1.5, b"2026-01-01", date(2026, 1, 1), ["2026-01-01"]], ids=str)
def test_an_object_that_is_no_date_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="^created_at_from is "):
        check_filters(created_at_from=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["created_at", "updated_at"])
def test_reversed_dates_are_refused(name: str) -> None:
    period = {f"{name}_from": "2026-02-01", f"{name}_to": "2026-01-01"}
    with pytest.raises(ValueError, match=f"{name}_from is '2026-02-01', which is later than {name}_to"):
        check_filters(**period)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "reversed_"),
    [
        ("2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z", False),
        ("2026-01-01T12:00:00+02:00", "2026-01-01T09:59:59.999Z", True),
        (datetime(2026, 1, 1, 12), "2026-01-01T11:59Z", True),
        (datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=9))), datetime(2026, 1, 1, 4), False),
        ("0001-01-01T00:00+23:00", "9999-12-31T23:59-23:00", False),
    ],
    ids=str,
)
def test_periods_are_compared_as_moments(start: Moment, end: Moment, reversed_: bool) -> None:
    with pytest.raises(ValueError, match="swap the two") if reversed_ else nullcontext():
        check_filters(updated_at_from=start, updated_at_to=end)


def test_dates_are_sent_as_they_were_given() -> None:
    filters = check_filters(created_at_from=" 2026-01-01", created_at_to="2026-01-01T10:00:00+02:00", updated_at_to="")
    assert (filters.created_at_from, filters.created_at_to) == ("2026-01-01", "2026-01-01T10:00:00+02:00")
    assert filters.updated_at_to is None


def test_datetimes_are_taken_as_utc_without_an_offset() -> None:
    zone = timezone(timedelta(hours=2))
    filters = check_filters(
        created_at_from=datetime(2026, 1, 1, 12), created_at_to=datetime(2026, 1, 1, 15, tzinfo=zone)
    )
    assert filters.created_at_from == "2026-01-01T12:00:00+00:00"
    assert filters.created_at_to == "2026-01-01T15:00:00+02:00"


def test_a_zone_without_an_offset_counts_as_none() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, _: datetime | None) -> timedelta | None:
            return None

    assert check_filters(created_at_from=datetime(2026, 1, 1, tzinfo=Nowhere())).created_at_from == (
        "2026-01-01T00:00:00+00:00"
    )


def test_ids_of_every_kind_are_taken() -> None:
    item = UUID("0520a8e8-6160-5229-842a-5eeff9033a39")
    filters = check_filters(batch_ids=(n for n in (1, "2")), work_item_ids=(item, " b "))  # type: ignore[misc]
    assert filters == Filters(batch_ids=(1, 2), work_item_ids=(str(item), "b"))


class Column(list[object]):
    """Like a column of a table: it does not say whether it is empty."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a column is ambiguous")


def test_lists_of_every_kind_are_taken() -> None:
    for ids in ([2, 1], (2, 1), Column([2, 1]), {2: "b", 1: "a"}, iter([2, 1])):
        assert check_filters(batch_ids=ids).batch_ids == (2, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [1, 100])
def test_a_page_size_in_range_is_taken(limit: int) -> None:
    assert check_filters(limit=limit).limit == limit


def test_a_hundred_ids_are_taken() -> None:
    assert len(check_filters(batch_ids=range(100)).batch_ids) == 100


@pytest.mark.parametrize("none", [None, [], (), set()], ids=str)
def test_empty_lists_are_no_filter(none: Any) -> None:
    assert check_filters(batch_ids=none, work_item_ids=none) == Filters()


@pytest.mark.parametrize(
    ("arguments_", "says"),
    [
        ({"batch_ids": range(101)}, "batch_ids holds 101 ids: at most 100 are allowed a call, so split them"),
        ({"work_item_ids": (str(n) for n in range(102))}, "work_item_ids holds 102 ids"),
        ({"work_item_ids": b"abc"}, "work_item_ids is b'abc': it must be a list"),
        ({"work_item_ids": UUID(int=1)}, "work_item_ids is UUID.*: it must be a list"),
        ({"work_item_ids": [5]}, "work_item_ids is 5"),
        ({"work_item_ids": [None]}, "work_item_ids is None"),
        ({"work_item_ids": [".."]}, "work_item_ids is '..': it must be an id"),
        ({"batch_ids": "12"}, "batch_ids is '12': it must be a list"),
        ({"batch_ids": 0}, "batch_ids is 0: it must be a list"),
        ({"batch_ids": [1.0]}, "batch_ids holds 1.0"),
        ({"batch_ids": [None]}, "batch_ids holds None"),
        ({"batch_ids": ["-1"]}, "batch_ids holds '-1'"),
        ({"limit": 1.0}, "limit is 1.0"),
        ({"limit": "5"}, "limit is '5'"),
        ({"work_item_ids": ["a"] * 101}, "work_item_ids holds 101 ids"),
        ({"work_item_ids": "abc"}, "work_item_ids is 'abc': it must be a list"),
        ({"batch_ids": 7}, "batch_ids is 7: it must be a list"),
        ({"batch_ids": [True]}, "batch_ids holds True"),
        ({"batch_ids": ["x"]}, "batch_ids holds 'x'"),
        ({"work_item_ids": [""]}, "work_item_ids is ''"),
        ({"limit": 0}, "limit is 0: it must be a whole number between 1 and 100"),
        ({"limit": 101}, "limit is 101"),
        ({"limit": True}, "limit is True"),
        ({"status": ""}, "status is ''"),
    ],
)
def test_what_cannot_be_right_is_refused(arguments_: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_filters(**arguments_)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "  ", ".", " .. ", "a\nb", "\ud800", "a\u202eb", None, 5, b"a"], ids=ascii)
def test_ids_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="^project_id is "):
        arguments.check_identifier("project_id", value)


def test_identifiers_are_strings_without_space_around() -> None:
    assert arguments.check_identifier("x", UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert arguments.check_identifier("x", " a/b c ") == "a/b c"


@pytest.mark.parametrize("value", ["", " ", b"", None, 5, "a\0b", ["a"]], ids=ascii)
def test_destinations_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="^destination is "):
        arguments.check_destination(value)  # type: ignore[arg-type]


def test_a_destination_stays_as_it_was_given() -> None:
    assert arguments.check_destination("./out") == "./out"
    assert arguments.check_destination(" out/ ") == " out/ "
    assert arguments.check_destination(Path("out")) == "out"
    assert arguments.check_destination(b"out") == "out"  # type: ignore[arg-type]


def test_a_zip_files_path_is_checked_likewise() -> None:
    assert arguments.check_archive_path(Path("export.zip")) == "export.zip"
    with pytest.raises(ValueError, match="^path is ' ': it must be the path of a zip file"):
        arguments.check_archive_path(" ")


@pytest.mark.parametrize("value", [1, 100, "auto"])
def test_workers_in_range_are_taken(value: int) -> None:
    assert arguments.check_max_workers(value) == value


@pytest.mark.parametrize("value", [0, -1, 101, "many", "AUTO", "10", True, False, 1.5, None, []], ids=ascii)
def test_workers_out_of_range_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match='between 1 and 100, or "auto"'):
        arguments.check_max_workers(value)  # type: ignore[arg-type]


def test_results_are_one_of_three() -> None:
    assert [arguments.check_results(kept) for kept in ("all", "failed", "none")] == ["all", "failed", "none"]
    with pytest.raises(ValueError, match="results is 'some'"):
        arguments.check_results("some")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "narrows"),
    [
        (Filters(), False),
        (Filters(limit=5), False),
        (Filters(status="CLIENT_REVIEW"), True),
        (Filters(batch_ids=(1,)), True),
        (Filters(work_item_ids=("a",)), True),
        (Filters(created_at_from="2026-01-01"), True),
        (Filters(created_at_to="2026-01-01"), True),
        (Filters(updated_at_from="2026-01-01"), True),
        (Filters(updated_at_to="2026-01-01"), True),
    ],
    ids=str,
)
def test_filters_know_whether_they_narrow(filters: Filters, narrows: bool) -> None:
    assert filters.narrows is narrows


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({}, []),
        ({"limit": 7}, []),
        ({"status": "CLIENT_REVIEW"}, ["status"]),
        ({"updated_at_to": "2026-01-01", "batch_ids": [1]}, ["batch_ids", "updated_at_to"]),
        ({"work_item_ids": ["a"], "created_at_from": "2026-01-01"}, ["work_item_ids", "created_at_from"]),
    ],
)
def test_filters_that_are_set_are_named(filters: dict[str, Any], named: list[str]) -> None:
    assert check_filters(**filters).named == named


@pytest.mark.parametrize(
    ("value", "filters", "complaint"),
    [
        (None, Filters(), None),
        (None, Filters(updated_at_from="2026-01-01"), None),
        ("last", Filters(), None),
        ("last", Filters(created_at_from="2026-01-01", batch_ids=(1,), status="X"), None),
        ("", Filters(), "since is '': it must be \"last\" or None; for a date use updated_at_from."),
        ("2026", Filters(), "since is '2026': it must be \"last\" or None; for a date use updated_at_from."),
        (["last"], Filters(), "since is ['last']: it must be \"last\" or None; for a date use updated_at_from."),
        (
            "last",
            Filters(updated_at_from="2026-01-01"),
            "since='last' cannot be combined with updated_at_from and updated_at_to.",
        ),
        (
            "last",
            Filters(updated_at_to="2026-01-01"),
            "since='last' cannot be combined with updated_at_from and updated_at_to.",
        ),
    ],
)
def test_a_listing_goes_on_from_the_last_run_or_from_nowhere(
    value: object, filters: Filters, complaint: str | None
) -> None:
    if complaint is None:
        assert check_since(value, filters) == value
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
            check_since(value, filters)


@pytest.mark.parametrize(
    ("filters", "since", "narrowing"),
    [
        (Filters(), None, None),
        (Filters(limit=7), None, None),
        (Filters(batch_ids=(1,)), None, "batch_ids"),
        (Filters(status="X", updated_at_from="2026-01-01"), None, "status and updated_at_from"),
        (Filters(), "last", "since"),
        (Filters(batch_ids=(1,), status="X"), "last", "status, batch_ids and since"),
        (Filters(work_item_ids=("a",)), "last", "work_item_ids and since"),
    ],
)
def test_pruning_needs_the_whole_project_listed(filters: Filters, since: str | None, narrowing: str | None) -> None:
    assert check_prune(False, filters, since) is False
    if narrowing is None:
        assert check_prune(True, filters, since) is True
    else:
        with pytest.raises(ValueError, match=f"^prune=True needs the whole project listed: leave out {narrowing}\\.$"):
            check_prune(True, filters, since)


@pytest.mark.parametrize("value", [None, print, list[int]().append])
def test_handlers_are_functions(value: object) -> None:
    assert check_handler("on_event", value) is value


@pytest.mark.parametrize("value", ["print", 1, []])
def test_what_cannot_be_called_is_no_handler(value: object) -> None:
    with pytest.raises(ValueError, match=r"^on_event is .*: it must be a function that takes one event, or None\.$"):
        check_handler("on_event", value)
