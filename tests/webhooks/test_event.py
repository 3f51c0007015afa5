from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.webhooks import WebhookError, WebhookEvent

from .signing import FIELDS, body_of


def test_the_fields_are_typed() -> None:
    event = WebhookEvent.from_body(body_of())
    assert (event.work_item_id, event.status) == (FIELDS["workItemID"], "COMPLETED")
    assert (event.asset_type, event.asset_url) == ("image", "assets/a.jpg")
    assert event.created_at == datetime(2026, 1, 1, 8, tzinfo=timezone.utc)
    assert event.updated_at == datetime(2026, 5, 28, 18, 26, 40, tzinfo=timezone.utc)
    assert event.updated_at.utcoffset() == timedelta(hours=2)
    assert event.delivered_at.microsecond == 500_000
    assert (event.extra, event.body) == ({}, body_of())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01T00:59:60.5+01:00", "2017-01-01T01:00:00.500000+01:00"),
        ("2026-01-01t00:00:00z", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456+00:00"),
        ("2026-01-01T05:30:00+05:30", "2026-01-01T00:00:00+00:00"),
        ("2025-12-31T12:00:00-12:00", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00"),
    ],
)
def test_every_time_is_aware(text: str, expected: str) -> None:
    event = WebhookEvent.from_body(body_of(updatedAt=text))
    assert event.updated_at.utcoffset() is not None
    assert event.updated_at == datetime.fromisoformat(expected)


def test_what_is_not_known_is_kept() -> None:
    body = body_of(status="NEW_STATUS", priority=3, nested={"a": [1]}, assetType=None, assetUrl=...)
    event = WebhookEvent.from_body(body)
    assert event.extra == {"priority": 3, "nested": {"a": [1]}}
    assert (event.status, event.asset_type, event.asset_url) == ("NEW_STATUS", None, None)


def test_it_is_a_value() -> None:
    event = WebhookEvent.from_body(body_of(nested={"a": [1]}))
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.status = "x"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event
    assert len({event, WebhookEvent.from_body(event.body)}) == 1


def test_the_key_is_the_same_for_a_delivery_that_comes_again() -> None:
    key = WebhookEvent.from_body(body_of()).delivery_key
    same = {"deliveredAt": "2027-01-01T00:00:00Z", "updatedAt": "2026-05-28T18:26:40.000000Z", "assetUrl": "b", "x": 1}
    assert WebhookEvent.from_body(body_of(**same)).delivery_key == key
    for change in ({"workItemID": "b"}, {"status": "b"}, {"updatedAt": "2026-05-28T18:26:40.000001Z"}):
        assert WebhookEvent.from_body(body_of(**change)).delivery_key != key


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=2, max_size=2, unique=True))
def test_no_two_changes_share_a_key(pairs: list[tuple[str, str]]) -> None:
    """Lone surrogates, which JSON can spell, are no exception."""
    keys = {WebhookEvent.from_body(body_of(workItemID=item, status=status)).delivery_key for item, status in pairs}
    assert len(keys) == 2
    assert all(key.isascii() and len(key) == 64 for key in keys)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "it is not JSON in UTF-8"),
        (b"[]", "it is not a JSON object"),
        (body_of(workItemID=...), "workItemID is missing"),
        (body_of(status=5), "status is not a string with something in it"),
        (body_of(assetType={}), "assetType is not a string"),
        (body_of(updatedAt="yesterday"), "updatedAt is not an RFC 3339 time"),
        (body_of(deliveredAt=None), "deliveredAt is missing"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(body: bytes, why: str) -> None:
    with pytest.raises(WebhookError, match=why) as caught:
        WebhookEvent.from_body(body)
    assert (caught.value.reason, caught.value.code, caught.value.retryable) == ("invalid_body", "invalid_item", False)
