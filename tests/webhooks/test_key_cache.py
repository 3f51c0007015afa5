from __future__ import annotations

from math import inf

import pytest

from cf_ai_platform_client.webhooks.key_cache import KeyCache, fresh_for

KEY = bytes(32)
FETCHED = KeyCache().fetched({"a": KEY}, 300, 1000, 600).fetching(999)


@pytest.mark.parametrize(
    ("cache", "key_id", "now", "wanted"),
    [
        (KeyCache(), "a", 0, True),
        (KeyCache().fetching(0), "a", 59.9, False),
        (KeyCache().fetching(0), "a", 60, True),
        (FETCHED, "a", 1000, False),
        (FETCHED, "a", 1299.9, False),
        (FETCHED, "a", 1300, True),
        (FETCHED, "b", 1000, False),
        (FETCHED, "b", 1058.9, False),
        (FETCHED, "b", 1059, True),
        (FETCHED.fetching(1300), "a", 1300, False),
        (KeyCache({"a": KEY}, inf, inf, inf), "b", 10**12, False),
    ],
)
def test_when_keys_are_fetched(cache: KeyCache, key_id: str, now: float, wanted: bool) -> None:
    assert cache.wants_fetch(key_id, now) is wanted


@pytest.mark.parametrize(
    ("key_id", "now", "found"),
    [("a", 1000, KEY), ("a", 1300, KEY), ("a", 1899.9, KEY), ("a", 1900, None), ("b", 1000, None)],
)
def test_which_keys_serve(key_id: str, now: float, found: bytes | None) -> None:
    assert FETCHED.find(key_id, now) == found


@pytest.mark.parametrize(
    ("control", "age", "seconds"),
    [
        (None, None, 300),
        ("", None, 300),
        ("public", None, 300),
        ("max-age=3600", None, 3600),
        ("public, max-age=3600, must-revalidate", None, 3600),
        ("Max-Age = 3600", None, 3600),
        ('max-age="3600"', None, 3600),
        ("s-maxage=7200, max-age=3600", None, 3600),
        ("s-maxage=7200", None, 300),
        ("max-age=0", None, 60),
        ("max-age=59", None, 60),
        ("max-age=31536000", None, 86_400),
        ("max-age=99999999999999999999", None, 86_400),
        ("max-age=600, max-age=70", None, 70),
        ("max-age=600", "9" * 20, 60),
        ("max-age=-5", None, 300),
        ("max-age=soon", None, 300),
        ("no-store", None, 60),
        ("no-cache, max-age=3600", None, 60),
        ('private="x", no-cache="set-cookie"', None, 60),
        ("max-age=3600", "600", 3000),
        ("max-age=3600", "9999", 60),
        ("max-age=3600", "-600", 3600),
        ("max-age=3600", "now", 3600),
        (None, "100", 300),
    ],
)
def test_how_long_keys_are_fresh(control: str | None, age: str | None, seconds: float) -> None:
    given = {"cache-control": control, "age": age}
    assert fresh_for({name: value for name, value in given.items() if value is not None}) == seconds
