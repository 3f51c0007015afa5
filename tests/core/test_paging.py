from __future__ import annotations

import pytest

from cf_ai_platform_client.core.paging import IDLE_PAGES, Cursors, Unique, total_warning
from cf_ai_platform_client.errors import ListingError
from cf_ai_platform_client.models import KeysetPaginationMeta


def test_a_listing_ends_without_a_cursor() -> None:
    cursors = Cursors("work items")
    assert cursors.following(None) is None
    assert cursors.following(KeysetPaginationMeta()) is None
    assert cursors.following(KeysetPaginationMeta(cursorNext="")) is None


@pytest.mark.parametrize("spelling", ["cursorNext", "cursor_next"])
def test_both_spellings_lead_on(spelling: str) -> None:
    meta = KeysetPaginationMeta.model_validate({"object": "work_item", "limit": 20, spelling: "b"})
    assert Cursors("work items").following(meta) == "b"


@pytest.mark.parametrize("circle", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
def test_a_circle_ends_within_one_round(circle: list[str]) -> None:
    cursors = Cursors("work items")
    for cursor in circle[:-1]:
        assert cursors.following(KeysetPaginationMeta(cursorNext=cursor)) == cursor
    with pytest.raises(ListingError, match="goes in a circle") as caught:
        cursors.following(KeysetPaginationMeta(cursorNext=circle[-1]))
    assert caught.value.code == "cursor_loop"
    assert f"page {len(circle)} leads back" in str(caught.value)
    assert not caught.value.retryable


def test_pages_without_anything_new_may_come_but_not_for_ever() -> None:
    cursors, number = Cursors("work items"), 0

    def follow(*, brought: bool) -> str | None:
        nonlocal number
        number += 1
        return cursors.following(KeysetPaginationMeta(cursorNext=str(number)), brought=brought)

    for brought in (*[False] * (IDLE_PAGES - 1), True, *[False] * (IDLE_PAGES - 1)):
        assert follow(brought=brought) == str(number)
    with pytest.raises(ListingError, match="1,000 pages in a row brought nothing new") as caught:
        follow(brought=False)
    assert caught.value.code == "cursor_loop"
    assert cursors.following(KeysetPaginationMeta(), brought=False) is None


def test_two_listings_do_not_share_their_cursors() -> None:
    for _ in range(2):
        assert Cursors("batches").following(KeysetPaginationMeta(cursorNext="a")) == "a"


def test_the_first_of_equal_keys_is_new() -> None:
    unique = Unique()
    assert [unique.is_new(key) for key in ("a", "b", "a")] == [True, True, False]


def test_a_total_that_differs_is_told() -> None:
    assert total_warning(None, 3) is None
    assert total_warning(3, 3) is None
    assert "counted 4 work items and listed 3" in str(total_warning(4, 3))
