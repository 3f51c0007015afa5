from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from multidict import MultiDict

from cf_ai_platform_client.sandbox.moments import parse_moment
from cf_ai_platform_client.sandbox.project import Selection
from cf_ai_platform_client.sandbox.queries import Page, Problem, cut_page, read_page, read_paths, read_selection


def query(text: str) -> MultiDict[str]:
    return MultiDict(parse_qsl(text, keep_blank_values=True))


def test_all_filters_are_read() -> None:
    text = (
        "status=COMPLETED&batchIds=1&batchIds=2&workItemIDs=b&workItemIDs=a&createdAtFrom=2026-01-01"
        "&createdAtTo=2026-01-31T10:00:00Z&updatedAtFrom=2026-02-01&updatedAtTo=2026-02-28T00:00:00%2B02:00&new=1"
    )
    assert read_selection(query(text)) == Selection(
        status="COMPLETED",
        batch_ids=frozenset({1, 2}),
        item_ids=("b", "a"),
        created=(parse_moment("2026-01-01"), parse_moment("2026-01-31T10:00:00Z")),
        updated=(parse_moment("2026-02-01"), parse_moment("2026-02-27T22:00:00Z")),
    )
    assert read_selection(query("")) == Selection()


def ids(name: str, count: int) -> str:
    return "&".join(f"{name}={number}" for number in range(count))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchIds=x", "batchIds must be a whole number, not 'x'"),
        ("batchIds=1,2", "batchIds must be a whole number, not '1,2'"),
        ("batchIds=", "batchIds must be a whole number, not ''"),
        (ids("batchIds", 101), "batchIds takes at most 100 ids, not 101"),
        (ids("workItemIDs", 101), "workItemIDs takes at most 100 ids, not 101"),
        ("createdAtFrom=soon", "createdAtFrom must be an ISO 8601 date, not 'soon'"),
        ("createdAtTo=2026-13-01", "createdAtTo must be an ISO 8601 date, not '2026-13-01'"),
        ("updatedAtFrom=", "updatedAtFrom must be an ISO 8601 date, not ''"),
        ("updatedAtTo=1767225600", "updatedAtTo must be an ISO 8601 date, not '1767225600'"),
    ],
)
def test_a_filter_that_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(Problem) as caught:
        read_selection(query(text))
    assert (caught.value.status, caught.value.message) == (422, message)


def test_a_hundred_ids_are_taken() -> None:
    selection = read_selection(query(f"{ids('batchIds', 100)}&{ids('workItemIDs', 100)}"))
    assert len(selection.batch_ids) == len(selection.item_ids) == 100


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("", Page(20, 0, 20, None)),
        ("limit=1", Page(1, 0, 1, None)),
        ("limit=100&page=NEXT", Page(100, 0, 100, None)),
        ("limit=5&cursor=ca", Page(5, 10, 15, "NEXT")),
        ("limit=5&cursor=ca&page=NEXT", Page(5, 10, 15, "NEXT")),
        ("limit=5&cursor=ca&page=PREV", Page(5, 5, 10, "PREV")),
        ("limit=20&cursor=ca&page=PREV", Page(20, 0, 10, "PREV")),
        ("cursor=c0&page=PREV", Page(20, 0, 0, "PREV")),
    ],
)
def test_pages_are_read(text: str, page: Page) -> None:
    assert read_page(query(text)) == page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit=0", "limit must be between 1 and 100, not 0"),
        ("limit=101", "limit must be between 1 and 100, not 101"),
        ("limit=-1", "limit must be between 1 and 100, not -1"),
        ("limit=ten", "limit must be a whole number, not 'ten'"),
        ("limit=", "limit must be a whole number, not ''"),
        ("page=LAST", "page must be NEXT or PREV"),
        *[
            (f"cursor={cursor}", "cursor is not one that this listing gave")
            for cursor in ("", "c", "10", "x10", "c-5", "c0x1", "cA", "c1_0", "c%201", "c" + "f" * 17)
        ],
    ],
)
def test_a_page_that_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(Problem) as caught:
        read_page(query(text))
    assert (caught.value.status, caught.value.message) == (422, message)


def pages(count: int, limit: int, direction: str, cursor: str | None = None) -> list[list[int]]:
    """Follow a listing of some numbers to its end."""
    listing: list[Any] = list(range(count))
    found: list[list[int]] = []
    while True:
        text = f"limit={limit}" + (f"&cursor={cursor}&page={direction}" if cursor else "")
        answer = cut_page(listing, read_page(query(text)), "number")
        found.append(answer["items"])
        cursor = answer["meta"]["cursorNext" if direction == "NEXT" else "cursorPrev"]
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("count", "limit", "found"),
    [
        (0, 3, [[]]),
        (3, 3, [[0, 1, 2]]),
        (4, 3, [[0, 1, 2], [3]]),
        (7, 3, [[0, 1, 2], [3, 4, 5], [6]]),
        (3, 100, [[0, 1, 2]]),
    ],
)
def test_a_listing_is_paged_to_its_end(count: int, limit: int, found: list[list[int]]) -> None:
    assert pages(count, limit, "NEXT") == found


@pytest.mark.parametrize(
    ("start", "limit", "found"),
    [
        ("c6", 3, [[3, 4, 5], [0, 1, 2]]),
        ("c7", 3, [[4, 5, 6], [1, 2, 3], [0]]),
        ("c2", 100, [[0, 1]]),
    ],
)
def test_a_listing_is_paged_back_to_its_beginning_with_nothing_twice(
    start: str, limit: int, found: list[list[int]]
) -> None:
    assert pages(7, limit, "PREV", start) == found


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ("limit=3", ("c3", None, None)),
        ("limit=3&cursor=c3&page=NEXT", ("c6", "c3", "NEXT")),
        ("limit=3&cursor=c6&page=NEXT", (None, "c6", "NEXT")),
        ("limit=3&cursor=c6&page=PREV", ("c6", "c3", "PREV")),
        ("limit=3&cursor=c3&page=PREV", ("c3", None, "PREV")),
        ("limit=3&cursor=cff&page=NEXT", (None, None, "NEXT")),
    ],
)
def test_a_page_tells_where_it_stands(text: str, meta: tuple[str | None, str | None, str | None]) -> None:
    listing: list[Any] = list(range(7))
    answer = cut_page(listing, read_page(query(text)), "number")["meta"]
    assert answer == {
        "object": "number",
        "limit": 3,
        "page": meta[2],
        "cursorNext": meta[0],
        "cursorPrev": meta[1],
    }


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_paths_to_sign_are_read(count: int) -> None:
    paths = [f"é/{number}" for number in range(count)]
    assert read_paths({"paths": paths, "more": 1}) == paths


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "paths must be a list"),
        ([], "paths must be a list"),
        ({}, "paths must be a list"),
        ({"paths": "a"}, "paths must be a list"),
        ({"paths": [1]}, "paths must be a list of strings"),
        ({"paths": ["a", ""]}, "strings that are not empty"),
        ({"paths": ["\ud800"]}, "paths must be a list of strings"),
        ({"paths": []}, "paths must hold 1 to 1000 paths, not 0"),
        ({"paths": ["a"] * 1001}, "paths must hold 1 to 1000 paths, not 1001"),
    ],
    ids=lambda value: str(ascii(value))[:40],
)
def test_paths_that_cannot_be_signed_are_refused(body: Any, message: str) -> None:
    with pytest.raises(Problem, match=message) as caught:
        read_paths(body)
    assert caught.value.status == 422
