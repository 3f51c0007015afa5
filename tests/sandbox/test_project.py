from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Document, Project
from cf_ai_platform_client.sandbox.moments import parse_moment
from cf_ai_platform_client.sandbox.project import JSONObject, RepeatedSample, Selection, read_sample
from cf_ai_platform_client.sandbox.queries import Page, cut_page
from cf_ai_platform_client.sandbox.server import read_data

from .conftest import DOCUMENT, NUCLEUS

MILLION = 1_000_000


def sample(count: int | None = None) -> RepeatedSample:
    return read_sample(read_data, count)


def listed(listing: Iterable[JSONObject]) -> list[JSONObject]:
    """Loop over a listing, but not for ever where it does not end."""
    return list(islice(listing, 1000))


def test_the_sample_is_36_items_in_4_batches() -> None:
    project = sample()
    items = listed(project.select(Selection()))
    assert len(items) == len({item["id"] for item in items}) == 36
    assert items[25] == {
        "id": NUCLEUS,
        "resultUrl": None,
        "batchId": 104,
        "assetUrl": "assets/nuclei_1_1.jpg",
        "status": "COMPLETED",
        "createdAt": "2026-01-26T08:25:00Z",
        "updatedAt": "2026-02-08T16:25:00Z",
        "assetType": "image",
    }
    assert {batch["id"]: batch["totalCount"] for batch in project.batches()} == {101: 6, 102: 12, 103: 2, 104: 16}


@pytest.mark.parametrize("count", [0, 1, 35, 36, 37, 72, 100])
def test_every_number_of_items_can_be_listed(count: int) -> None:
    project = sample(count)
    items = listed(project.select(Selection()))
    assert len(items) == len({item["id"] for item in items}) == count
    assert [item["assetUrl"] for item in items] == [sample().item(n % 36)["assetUrl"] for n in range(count)]
    batches = project.batches()
    assert sum(batch["totalCount"] for batch in batches) == count
    for batch in batches:
        listing = project.select(Selection(batch_ids=frozenset({batch["id"]})))
        assert len(listed(listing)) == len(listing) == batch["totalCount"] == batch["completedCount"]


def test_a_million_items_cost_nothing_until_they_are_asked_for() -> None:
    read: list[str] = []

    def reading(name: str) -> bytes:
        read.append(name)
        return read_data(name)

    tracemalloc.start()
    try:
        project = read_sample(reading, MILLION)
        for selection in (Selection(), Selection(batch_ids=frozenset({103}))):
            listing = project.select(selection)
            page = cut_page(listing, Page(100, len(listing) - 100, len(listing), "NEXT"), "work_item")
            assert len(page["items"]) == 100
            assert page["meta"]["cursorNext"] is None
        assert sum(batch["totalCount"] for batch in project.batches()) == MILLION
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
    assert read == ["project.json"]


@pytest.mark.parametrize("number", [0, 35, 36, 37, 4711, MILLION - 1])
def test_an_id_tells_which_item_it_is(number: int) -> None:
    project = sample(MILLION)
    item_id = project.item(number)["id"]
    assert [item["id"] for item in project.select(Selection(item_ids=(item_id,)))] == [item_id]
    annotation = project.annotation(item_id)
    assert annotation is not None
    assert annotation["workItemID"] == item_id
    path = annotation["metadata"]["coco_results_url"].removeprefix("s3://sandbox/spaces/sample-space/")
    first = sample().item(number % 36)["id"]
    assert project.document(path) == Document.of(read_data(f"coco/{first}.json"))
    assert project.document(path) is project.document(path)


@pytest.mark.parametrize(
    "item_id",
    [
        "",
        "no-such-id",
        NUCLEUS.upper(),
        NUCLEUS[:-1] + "5",
        sample(MILLION).item(100)["id"],  # an id of a larger sandbox
        sample(MILLION).item(50)["id"][:-1] + "?",
        "00000032-5a5a-4000-8000-000000000000",
        "00000001-5a5a-4000-8000-000000000000",  # item 1 goes by its own id
    ],
)
def test_an_unknown_id_is_unknown_everywhere(item_id: str) -> None:
    project = sample(100)
    assert project.annotation(item_id) is None
    assert project.document(f"coco_output/{item_id}.json") is None
    assert len(project.select(Selection(item_ids=(item_id,)))) == 0


def test_ids_are_listed_once_and_in_the_order_of_the_project() -> None:
    project = sample(100)
    ids = [project.item(number)["id"] for number in (70, 3, 70, 40)]
    listing = project.select(Selection(item_ids=(*ids, "unknown")))
    assert [item["id"] for item in listing] == [project.item(number)["id"] for number in (3, 40, 70)]


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(status="COMPLETED"), 36),
        (Selection(status="CLIENT_REVIEW"), 0),
        (Selection(status=""), 36),
        (Selection(batch_ids=frozenset({101, 103, 999})), 8),
        (Selection(item_ids=(NUCLEUS,), batch_ids=frozenset({101})), 0),
        (Selection(created=(parse_moment("2026-01-26T08:25:00Z"), parse_moment("2026-01-26T08:25:00Z"))), 1),
        (Selection(created=(parse_moment("2026-01-26T08:25:01Z"), parse_moment("2026-01-26T23:00Z"))), 0),
        (Selection(updated=(None, parse_moment("2026-02-01T23:59:59Z"))), 9),
        (Selection(updated=(parse_moment("2026-02-22"), None), batch_ids=frozenset({104})), 4),
    ],
)
def test_selections(selection: Selection, count: int) -> None:
    listing = sample().select(selection)
    assert len(listing) == len(listed(listing)) == count


@pytest.mark.parametrize("position", [36, 37, -1, MILLION])
def test_beyond_a_listing_there_is_nothing(position: int) -> None:
    with pytest.raises(IndexError):
        sample().select(Selection())[position]


@pytest.mark.parametrize(
    "path", ["", "coco_output/", "coco_output", f"{NUCLEUS}.json", f"other/{NUCLEUS}.json", "../x"]
)
def test_there_is_nothing_at_other_paths(path: str) -> None:
    assert sample().document(path) is None


def test_documents_have_a_type_and_the_etag_of_their_bytes() -> None:
    image = sample().document("assets/nuclei_1_1.jpg")
    assert image is not None
    assert (image.content[:2], image.content_type) == (b"\xff\xd8", "image/jpeg")
    document = sample().document(DOCUMENT)
    assert document is not None
    assert (document.content[:1], document.content_type) == (b"{", "application/json")
    assert Document.of(b"hello").etag == '"5d41402abc4b2a76b9719d911017c592"'


HAND_MADE = Project(
    items=[
        {"id": "a", "batchId": 1, "createdAt": "2026-01-01T00:00:00Z"},
        {"id": "b", "status": "CLIENT_REVIEW"},
        {"batchId": 1, "createdAt": "soon"},
        {"id": 4},
    ],
    batch_objects=[{"id": 1, "name": "x"}],
    documents={"coco_output/a.json": b"{}", "pictures/a.jpg": b"\xff"},
    annotations={"b": {"id": "odd", "metadata": None}},
)


@pytest.mark.parametrize(
    ("selection", "positions"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection(status="COMPLETED"), [0, 2, 3]),
        (Selection(batch_ids=frozenset({1})), [0, 2]),
        (Selection(item_ids=("b", "a")), [0, 1]),
        (Selection(created=(datetime(2025, 1, 1, tzinfo=timezone.utc), None)), [0]),
    ],
)
def test_a_project_by_hand_is_served_as_it_is(selection: Selection, positions: list[int]) -> None:
    assert listed(HAND_MADE.select(selection)) == [HAND_MADE.items[position] for position in positions]


def test_a_project_by_hand_has_what_it_was_given() -> None:
    assert HAND_MADE.batches() == [{"id": 1, "name": "x"}]
    assert HAND_MADE.annotation("a") == {
        "id": "annotation-a",
        "projectID": "sample-project",
        "workItemID": "a",
        "metadata": {"coco_results_url": "s3://sandbox/spaces/sample-space/coco_output/a.json"},
    }
    assert HAND_MADE.annotation("b") == {"id": "odd", "metadata": None}
    assert HAND_MADE.annotation("4") is not None
    assert HAND_MADE.annotation("c") is None
    assert HAND_MADE.document("coco_output/a.json") == Document.of(b"{}")
    assert HAND_MADE.document("pictures/a.jpg") == Document.of(b"\xff", "image/jpeg")
    assert HAND_MADE.document("coco_output/c.json") is None


def test_an_empty_project_is_empty() -> None:
    assert listed(Project().select(Selection())) == []
    assert Project().annotation("a") is None


UTC: dict[str, Any] = {"tzinfo": timezone.utc}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, **UTC)),
        ("2026-01-31T10:30", datetime(2026, 1, 31, 10, 30, **UTC)),
        ("2026-01-31 10:30:59z", datetime(2026, 1, 31, 10, 30, 59, **UTC)),
        ("2026-01-31t10:30:59.5Z", datetime(2026, 1, 31, 10, 30, 59, 500_000, **UTC)),
        ("2026-01-31T10:30:59,123456789Z", datetime(2026, 1, 31, 10, 30, 59, 123_456, **UTC)),
        ("2026-01-31T10:30:00+05:30", datetime(2026, 1, 31, 5, 0, **UTC)),
        ("2026-01-31T10:30:00-0130", datetime(2026, 1, 31, 12, 0, **UTC)),
        ("2026-01-31T10:30:00-02", datetime(2026, 1, 31, 12, 30, **UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["", "soon", "2026", "2026-1-1", "2026-02-30", "2026-01-01T25:00", "2026-01-01T10:00+99:00", "20260101"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)
