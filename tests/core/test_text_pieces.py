from __future__ import annotations

import pytest

from cf_ai_platform_client.core.text_pieces import UnreadableError, decoded, lines


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("text", ["", "a", "é€😀\r\n\u2028", "\ufeffb"])
def test_text_is_whole_wherever_it_was_cut(text: str, size: int) -> None:
    raw = text.encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert "".join(decoded(pieces)) == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    "raw", [b"\xff", "é".encode("latin-1"), "€".encode()[:2], "a".encode("utf-16"), b"\xed\xa0\x80"]
)
def test_what_is_not_utf8(raw: bytes) -> None:
    with pytest.raises(UnreadableError, match="not UTF-8"):
        list(decoded([raw[:1], raw[1:]]))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], [""]),
        (["a"], ["a"]),
        (["a\n"], ["a", ""]),
        (["a", "b\nc", "\n", "\nd"], ["ab", "c", "", "d"]),
        (["a\r\nb\u2028c\x0bd\x85"], ["a\r", "b\u2028c\x0bd\x85"]),
    ],
)
def test_a_line_ends_at_a_line_feed_only(texts: list[str], expected: list[str]) -> None:
    assert list(lines(texts, 10)) == expected


@pytest.mark.parametrize("texts", [["abcd"], ["ab", "cd"], ["ab\nabcd\n"], ["a\nab", "cd"]])
def test_a_line_that_is_too_long(texts: list[str]) -> None:
    with pytest.raises(UnreadableError, match="larger than 3 bytes"):
        list(lines(texts, 3))
    list(lines(texts, 4))
