from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from cf_ai_platform_client.core import arguments
from cf_ai_platform_client.core.arguments import Filters, check_filters, parse_moment

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
    ],
)
def test_moments_are_read(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-02-30", "01.02.2026", "2026-01-31T25:00", "2026", "1"]
)
@pytest.mark.parametrize("name", ["created_at_from", "created_at_to", "updated_at_from", "updated_at_to"])
def test_what_is_no_date_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is '{text}': it must be an ISO 8601 date"):
        check_filters(**{name: text})  # type: ignore[arg-type]


def test_an_object_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="created_at_from is 5"):
        check_filters(created_at_from=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["created_at", "updated_at"])
def test_reversed_dates_are_refused(name: str) -> None:
    period = {f"{name}_from": "2026-02-01", f"{name}_to": "2026-01-01"}
    with pytest.raises(ValueError, match=f"{name}_from is '2026-02-01', which is later than {name}_to"):
        check_filters(**period)  # type: ignore[arg-type]


def test_dates_are_sent_as_they_were_given() -> None:
    filters = check_filters(created_at_from="2026-01-01", created_at_to="2026-01-01T10:00:00+02:00", updated_at_to="")
    assert (filters.created_at_from, filters.created_at_to) == ("2026-01-01", "2026-01-01T10:00:00+02:00")
    assert filters.updated_at_to is None


def test_datetimes_are_taken_as_utc_without_an_offset() -> None:
    zone = timezone(timedelta(hours=2))
    filters = check_filters(
        created_at_from=datetime(2026, 1, 1, 12), created_at_to=datetime(2026, 1, 1, 15, tzinfo=zone)
    )
    assert filters.created_at_from == "2026-01-01T12:00:00+00:00"
    assert filters.created_at_to == "2026-01-01T15:00:00+02:00"


def test_ids_of_every_kind_are_taken() -> None:
    item = UUID("0520a8e8-6160-5229-842a-5eeff9033a39")
    filters = check_filters(batch_ids=(n for n in (1, "2")), work_item_ids=(item, " b "))  # type: ignore[misc]
    assert filters == Filters(batch_ids=(1, 2), work_item_ids=(str(item), "b"))


def test_a_page_size_in_range_is_taken() -> None:
    assert check_filters(limit=100).limit == 100


def test_empty_lists_are_no_filter() -> None:
    assert check_filters(batch_ids=[], work_item_ids=()) == Filters()


@pytest.mark.parametrize(
    ("arguments_", "says"),
    [
        ({"batch_ids": range(101)}, "batch_ids holds 101 ids: at most 100"),
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


@pytest.mark.parametrize("value", ["", "  ", ".", "..", "a\nb", None, 5])
def test_ids_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="^project_id is "):
        arguments.check_identifier("project_id", value)


@pytest.mark.parametrize("value", ["", " ", None, 5, "a\0b"])
def test_destinations_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="^destination is "):
        arguments.check_destination(value)  # type: ignore[arg-type]


def test_a_destination_stays_as_it_was_given() -> None:
    assert arguments.check_destination("./out") == "./out"
    assert arguments.check_destination(Path("out")) == "out"


@pytest.mark.parametrize("value", [1, 100, "auto"])
def test_workers_in_range_are_taken(value: int) -> None:
    assert arguments.check_max_workers(value) == value


@pytest.mark.parametrize("value", [0, -1, 101, "many", True, 1.5, None])
def test_workers_out_of_range_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match='between 1 and 100, or "auto"'):
        arguments.check_max_workers(value)  # type: ignore[arg-type]


def test_results_are_one_of_three() -> None:
    assert arguments.check_results("failed") == "failed"
    with pytest.raises(ValueError, match="results is 'some'"):
        arguments.check_results("some")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "narrows"),
    [(Filters(), False), (Filters(batch_ids=(1,)), True), (Filters(updated_at_from="2026-01-01"), True)],
)
def test_filters_know_whether_they_narrow(filters: Filters, narrows: bool) -> None:
    assert filters.narrows is narrows
