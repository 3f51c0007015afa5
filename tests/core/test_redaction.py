from __future__ import annotations

import copy
import pickle

import pytest

from cf_ai_platform_client.core.redaction import Secret, printable, shown_headers, without_query


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("canary")
    assert secret.reveal() == "canary"
    assert "canary" not in f"{secret} {secret!r} {[secret]} {secret!s}"
    assert not hasattr(secret, "__dict__")


def test_secrets_are_compared_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_secret_leaves_no_copy(duplicate: object) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        duplicate(Secret("canary"))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("url", "cut"),
    [
        ("https://u:p@x.example:1/a?b=c#d", "https://x.example:1/a"),
        ("https://x.example/a#canary", "https://x.example/a"),
        ("https://u@p@x.example/a", "https://x.example/a"),
        ("/a?b", "/a"),
        ("https://[x/a?canary", "(not a URL)"),
    ],
)
def test_query_fragment_and_user_are_cut(url: str, cut: str) -> None:
    assert without_query(url) == cut


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\r\n\tb  c\n", "a b c", id="one line"),
        pytest.param("a\x1b[31m\x00\x7f\x9b", "a\\x1b[31m\\x00\\x7f\\x9b", id="controls"),
        pytest.param("a\u202eb\u2066c", "a\\u202eb\\u2066c", id="direction"),
        pytest.param("\ud800", "\\ud800", id="half a pair"),
        pytest.param("é 文 ✓", "é 文 ✓", id="other letters"),
        pytest.param("see https://x.example/a?sig=1 now", "see https://x.example/a now", id="query"),
        pytest.param("<s3://b/a#canary>", "<s3://b/a>", id="fragment"),
        pytest.param('"https://x/a?b"', '"https://x/a"', id="in quotes"),
        pytest.param("https://x/a?n='f'&sig=canary", "https://x/a", id="an apostrophe in the query"),
        pytest.param("a https://x/?1 https://y/?2", "a https://x/ https://y/", id="two"),
        pytest.param("https://u:canary@x.example/a@b", "https://x.example/a@b", id="user"),
        pytest.param("GET /k?X-Amz-Signature=canary&a=1", "GET /k?X-Amz-Signature=***&a=1", id="no scheme"),
        pytest.param(r'"https:\/\/h\/x?sig=canary"', r'"https:\/\/h\/x?sig=***"', id="escaped"),
        pytest.param("a\u200b\u200f\u061cb", "a\\u200b\\u200f\\u061cb", id="invisible"),
        pytest.param("mail me@x.example", "mail me@x.example", id="an address is no user"),
        pytest.param("what? https://x/a", "what? https://x/a", id="a question is no query"),
    ],
)
def test_text_is_made_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut() -> None:
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("x" * 11, 10) == "x" * 9 + "…"
    assert len(printable("x" * 400)) == 300


def test_a_query_that_is_cut_off_is_cut_all_the_same() -> None:
    assert printable("https://x/a?" + "canary" * 1000, 20) == "https://x/a"


@pytest.mark.parametrize("text", ["a" * 3_000_000, "a://" * 1_000_000, "\x1b" * 3_000_000], ids=["a", "a://", "esc"])
def test_megabytes_of_a_servers_text_cost_nothing(text: str) -> None:
    """Without the cut this takes hours."""
    assert len(printable(text)) <= 300


def test_only_headers_that_help_are_shown() -> None:
    headers = {"ETag": "1", "Set-Cookie": "canary", "X-API-Key": "canary", "Server": "a\x1b", "Location": "canary"}
    assert shown_headers(headers) == {"etag": "1", "server": "a\\x1b"}
