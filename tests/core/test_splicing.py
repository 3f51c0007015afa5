from __future__ import annotations

import pytest

from cf_ai_platform_client.core.splicing import guess, same, splice

BIG = b"[" + b"1, " * 40_000 + b"2]"


@pytest.mark.parametrize(
    ("source", "right"),
    [
        (b'{"info": {"year": 1}, "images": ' + BIG + b"}", True),
        (b'{"a": [1, "\xc3\xa9"], "info": {"asset_url": "b"}, "images": ' + BIG + b"}", True),
        (b'\xef\xbb\xbf{"images": ' + BIG + b', "categories": []}', True),
        (b'{"info": null, "images": ' + BIG + b"}", True),
        (b"{ }", True),
        (b'{"images": ' + BIG + b', "info": {}}', False),
        (b'{"info": {}, "images": ' + BIG + b', "info": {"asset_url": 1}}', False),
        (b'{"info": {"asset_url": NaN}}', False),
    ],
)
def test_the_beginning_of_a_document_tells_most_likely_what_to_change(source: bytes, right: bool) -> None:
    assert same(guess(source, "a"), splice(source, "a").parts) is right


@pytest.mark.parametrize("source", [b"", b"[1]", b'{"a', b"{" * 100_000, b'{"a":' * 20_000, b"\xff\xfe"])
def test_a_guess_about_anything_is_harmless(source: bytes) -> None:
    before, _, after = guess(source, "a")
    assert bytes(before) + bytes(after) == source


def test_parts_are_the_same_by_their_lengths_and_by_what_is_new() -> None:
    parts = (b"{", b'"info": 1', b"}")
    assert same(parts, (memoryview(b"{"), b'"info": 1', b"}"))
    assert not same(parts, (b"{", b'"info": 2', b"}"))
    assert not same(parts, (b"{ ", b'"info": 1', b"}"))
    assert not same(parts, (b'{"info": 1}',))
