from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.core.arguments import check_filters
from cf_ai_platform_client.core.filter_checks import IgnoredFilters
from cf_ai_platform_client.models import WorkItem


@pytest.mark.parametrize(
    ("filters", "inside", "outside"),
    [
        ({}, [{}, {"status": "COMPLETED"}], [{"status": "CLIENT_REVIEW"}]),
        ({"status": "CLIENT_REVIEW"}, [{"status": "CLIENT_REVIEW"}, {}], [{"status": "COMPLETED"}]),
        ({"batch_ids": [7, 8]}, [{"batch_id": 7}, {"batch_id": 8}], [{"batch_id": 9}, {"batch_id": None}]),
        ({"work_item_ids": ["a", "B"]}, [{"id": "a"}, {"id": "A"}, {"id": "b"}], [{"id": "c"}]),
        (
            {"created_at_from": "2026-02-01T00:00:00Z"},
            [{"created_at": "2026-02-01"}, {"created_at": "2026-01-31T00:00:00Z"}, {"created_at": "9999-12-31"}],
            [{"created_at": "2026-01-30T23:59:59Z"}, {"created_at": "0001-01-01"}],
        ),
        (
            {"updated_at_to": "2026-02-01"},
            [{"updated_at": "2026-02-02T00:00:00Z"}, {"updated_at": "0001-01-01"}],
            [{"updated_at": "2026-02-02T00:00:01Z"}, {"updated_at": "9999-12-31"}],
        ),
        (
            {"updated_at_from": "2026-02-01", "updated_at_to": "2026-02-03"},
            [{"updated_at": "2026-02-02"}, {"updated_at": None}, {"updated_at": "soon"}, {"created_at": "2020-01-01"}],
            [{"updated_at": "2026-01-01"}, {"updated_at": "2026-03-01"}],
        ),
        ({"created_at_from": "0001-01-01", "created_at_to": "9999-12-31"}, [{"created_at": "2026-02-01"}], []),
    ],
    ids=repr,
)
def test_what_is_outside_of_a_filter(
    filters: dict[str, Any], inside: list[dict[str, Any]], outside: list[dict[str, Any]]
) -> None:
    for fields, count in [*((fields, 0) for fields in inside), *((fields, 1) for fields in outside)]:
        name = next(iter(filters), "status").removesuffix("_from").removesuffix("_to")
        ids = {} if "id" in fields else {"id": "a"}
        ignored = IgnoredFilters(check_filters(**filters))
        ignored.look_at([WorkItem(**ids, **fields)])
        said = f"The platform seems to ignore the filter {name}: 1 of the listed work items is outside of it."
        assert ignored.warnings() == [said] * count, fields


def test_each_filter_is_counted_over_all_pages() -> None:
    ignored = IgnoredFilters(check_filters(batch_ids=[1], work_item_ids=["a"]))
    for _ in range(600):
        ignored.look_at([WorkItem(id="x", batch_id=2), WorkItem(id="a", batch_id=2), WorkItem(id="a", batch_id=1)])
    assert ignored.warnings() == [
        "The platform seems to ignore the filter batch_ids: 1,200 of the listed work items are outside of it.",
        "The platform seems to ignore the filter work_item_ids: 600 of the listed work items are outside of it.",
    ]


def test_what_keeps_to_the_filters_is_not_mentioned() -> None:
    ignored = IgnoredFilters(check_filters(batch_ids=[1]))
    ignored.look_at([])
    ignored.look_at([WorkItem(id="a", batch_id=1)])
    assert ignored.warnings() == []
