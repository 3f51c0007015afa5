from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest

from cf_ai_platform_client.core.export_orders import (
    ExportOrder,
    check_export_id,
    check_format,
    check_limit,
    check_order,
    check_seconds,
)
from cf_ai_platform_client.models import ExportContent, ExportFormat

PROJECT = UUID("0520a8e8-6160-5229-842a-5eeff9033a39")


def sent(*arguments: Any, **more: Any) -> Any:
    return json.loads(check_order(*arguments, **more).body)


def test_what_is_sent() -> None:
    assert sent("nightly", ExportFormat.COCO_JSON) == {"name": "nightly", "format": "COCO_JSON"}
    assert sent(
        "n ü",
        "CSV",
        project_ids=(PROJECT, " p "),
        batch_ids=iter([1, "2"]),
        content="INFERENCE",
        created_at_from=datetime(2026, 1, 1, tzinfo=timezone.utc),
        created_at_to="2026-01-02",
        updated_at_from="2026-01-03T10:00:00+02:00",
        updated_at_to="2026-02-01T00:00:00Z",
    ) == {
        "name": "n ü",
        "format": "CSV",
        "projectIds": [str(PROJECT), "p"],
        "batchIds": [1, 2],
        "content": "INFERENCE",
        "createdAtFrom": "2026-01-01T00:00:00+00:00",
        "createdAtTo": "2026-01-02",
        "updatedAtFrom": "2026-01-03T10:00:00+02:00",
        "updatedAtTo": "2026-02-01T00:00:00Z",
    }


def test_nothing_in_a_list_means_no_filter() -> None:
    order = check_order("n", "JSON", project_ids=[], batch_ids=(), content=None, created_at_from="")
    assert order == ExportOrder("n", ExportFormat.JSON)


def test_formats_and_contents_of_a_newer_platform_are_passed_on() -> None:
    assert sent("n", "PARQUET", content="EVERYTHING") == {"name": "n", "format": "PARQUET", "content": "EVERYTHING"}


@pytest.mark.parametrize("content", ["INFERENCE", ExportContent.ASSET_METADATA])
def test_content_goes_with_some_formats_only(content: str) -> None:
    with pytest.raises(ValueError, match=r"^content is '[A-Z_]+': there is no COCO_JSON of it, so ask for JSON"):
        check_order("n", "COCO_JSON", content=content)
    for name in ("JSON", "CSV", "NEW"):
        assert check_order("n", name, content=content).content == content
    assert check_order("n", "COCO_JSON", content="ANNOTATION").content == ExportContent.ANNOTATION


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "name is ''"),
        ({"name": " \t"}, "name is ' \\t'"),
        ({"name": "a\nb"}, "name is 'a\\nb'"),
        ({"name": 7}, "name is 7"),
        ({"export_format": ""}, "export_format is '': it must be one of COCO_JSON, JSON, CSV."),
        ({"export_format": None}, "export_format is None"),
        ({"content": " "}, "content is ' ': it must be one of ANNOTATION, ASSET_METADATA, INFERENCE."),
        ({"content": "a\0"}, "content is 'a\\x00'"),
        ({"content": 7}, "content is 7"),
        ({"project_ids": ["p"] * 51}, "project_ids holds 51 ids: at most 50"),
        ({"project_ids": "p"}, "project_ids is 'p': it must be a list"),
        ({"project_ids": [""]}, "project_ids is ''"),
        ({"project_ids": [".."]}, "project_ids is '..'"),
        ({"batch_ids": range(101)}, "batch_ids holds 101 ids: at most 100"),
        ({"batch_ids": ["x"]}, "batch_ids holds 'x'"),
        ({"created_at_from": "soon"}, "created_at_from is 'soon'"),
        ({"updated_at_from": "2026-02-01", "updated_at_to": "2026-01-01"}, "which is later than updated_at_to"),
    ],
)
def test_what_cannot_be_right_is_said(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_order(**{"name": "n", "export_format": "CSV", **wrong})
    assert said in str(caught.value)


def test_the_most_that_is_allowed() -> None:
    order = check_order("n", "CSV", project_ids=map(str, range(1, 51)), batch_ids=range(100))
    assert (len(order.project_ids), len(order.batch_ids)) == (50, 100)


def test_export_ids() -> None:
    assert check_export_id(PROJECT) == check_export_id(f" {str(PROJECT).upper()} ") == str(PROJECT)
    assert check_export_id("not-a-uuid") == "not-a-uuid"
    for wrong in ("", "..", None, "a\nb"):
        with pytest.raises(ValueError, match="^export_id is "):
            check_export_id(wrong)


@pytest.mark.parametrize("value", [0, 0.0, 5, 0.5, float("inf")])
def test_seconds(value: float) -> None:
    assert check_seconds("timeout", value) == value


@pytest.mark.parametrize("value", [-1, float("nan"), True, "5", None])
def test_no_seconds(value: Any) -> None:
    with pytest.raises(ValueError, match="^timeout is .*: it must be a number of seconds, 0 or more"):
        check_seconds("timeout", value)


@pytest.mark.parametrize("value", [10**400, 10**5000], ids=["400 digits", "5000 digits"])
def test_seconds_beyond_all_numbers(value: int) -> None:
    with pytest.raises(ValueError, match="^timeout is beyond any number of seconds"):
        check_seconds("timeout", value)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [(check_limit, [None, 1, 100], [0, 101, "5", True]), (lambda value: check_format("f", value), ["NEW"], [7, ""])],
)
def test_limits_and_formats(check: Callable[[Any], Any], good: list[Any], bad: list[Any]) -> None:
    assert [check(value) for value in good] == good
    for value in bad:
        with pytest.raises(ValueError, match=" is "):
            check(value)
