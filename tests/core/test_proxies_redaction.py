from __future__ import annotations

import pickle

import pytest

from cf_ai_platform_client.core.proxies import proxy_for
from cf_ai_platform_client.core.redaction import Secret, printable, shown_headers, without_query

PROXIES = {"https": "http://p:1", "http": "q:2"}


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("https://a.example/x", "", "http://p:1"),
        ("http://a.example/x", "", "http://q:2"),
        ("https://a.example/x", "*", None),
        ("https://a.example/x", "b.example, A.example", None),
        ("https://sub.a.example/x", "a.example", None),
        ("https://a.example/x", ".a.example", "http://p:1"),
        ("https://sub.a.example/x", ".a.example", None),
        ("https://nota.example/x", "a.example", "http://p:1"),
        ("https://127.0.0.1/x", "127.0.0.1", None),
        ("https://127.0.0.2/x", "127.0.0.1", "http://p:1"),
        ("https://[::1]/x", "::1", None),
        ("https://[::1]/x", "[::1]", None),
        ("https://localhost/x", "localhost", None),
        ("https://sub.localhost/x", "localhost", "http://p:1"),
        ("https://a.example:8443/x", "a.example:8443", None),
        ("https://a.example/x", "a.example:8443", "http://p:1"),
        ("https://a.example/x", "https://a.example", None),
    ],
)
def test_proxies_are_chosen_as_httpx_does(url: str, no_proxy: str, proxy: str | None) -> None:
    assert proxy_for(url, {**PROXIES, "no": no_proxy}) == proxy


def test_a_proxy_for_all_counts_last() -> None:
    assert proxy_for("https://a.example", {"all": "r:3"}) == "http://r:3"
    assert proxy_for("https://a.example", {}) is None


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("canary")
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    assert hash(secret) == hash(Secret("canary"))
    assert secret != Secret("other")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("url", "cut"),
    [
        ("https://u:p@x.example:1/a?b=c#d", "https://x.example:1/a"),
        ("/a?b", "/a"),
        ("https://[x/a?canary", "(not a URL)"),
    ],
)
def test_queries_are_cut(url: str, cut: str) -> None:
    assert without_query(url) == cut


def test_text_is_made_printable() -> None:
    assert printable("a\x1b[31m\r\n\tb \u202e \ud800") == "a\\x1b[31m b \\u202e \\ud800"
    assert printable("see https://x.example/a?sig=1 now") == "see https://x.example/a now"
    assert printable("x" * 400, 10) == "xxxxxxxxx…"


def test_only_headers_that_help_are_shown() -> None:
    assert shown_headers({"ETag": "1", "Set-Cookie": "canary", "X-API-Key": "canary"}) == {"etag": "1"}
