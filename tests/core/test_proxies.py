from __future__ import annotations

import pytest

from cf_ai_platform_client.core.proxies import proxy_for

PROXIES = {"https": "http://p:1", "http": "q:2"}


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("https://a.example/x", "", "http://p:1"),
        ("https://a.example/x", " , ", "http://p:1"),
        ("http://a.example/x", "", "http://q:2"),
        ("https://a.example/x", "*", None),
        ("https://a.example/x", "b.example, *", None),
        ("https://a.example/x", "b.example, A.example", None),
        ("https://sub.a.example/x", "a.example", None),
        ("https://a.example/x", ".a.example", "http://p:1"),
        ("https://sub.a.example/x", ".a.example", None),
        ("https://nota.example/x", "a.example", "http://p:1"),
        ("https://127.0.0.1/x", "127.0.0.1", None),
        ("https://127.0.0.2/x", "127.0.0.1", "http://p:1"),
        ("https://x.127.0.0.1/x", "127.0.0.1", "http://p:1"),
        ("https://[::1]/x", "::1", None),
        ("https://[::1]/x", "[::1]", None),
        ("https://[::1]:8443/x", "[::1]:8443", None),
        ("https://[::1]/x", "[::1", "http://p:1"),
        ("https://localhost/x", "LOCALHOST", None),
        ("https://sub.localhost/x", "localhost", "http://p:1"),
        ("https://a.example:8443/x", "a.example:8443", None),
        ("https://sub.a.example:8443/x", "a.example:8443", None),
        ("https://a.example/x", "a.example:8443", "http://p:1"),
        ("https://a.example/x", "a.example:port", "http://p:1"),
        ("https://a.example/x", "https://a.example", None),
        ("http://a.example/x", "https://a.example", "http://q:2"),
        ("https://sub.a.example/x", "https://a.example", "http://p:1"),
        ("https://a.example/x", "all://a.example", None),
        ("https://sub.a.example/x", "https://*.a.example", None),
        ("https://a.example/x", "https://*.a.example", "http://p:1"),
        ("https://a.example/x", "https://*a.example", None),
        ("https://a.example/x", "https://*", None),
        ("http://a.example/x", "https://*", "http://q:2"),
    ],
)
def test_proxies_are_chosen_as_httpx_does(url: str, no_proxy: str, proxy: str | None) -> None:
    assert proxy_for(url, {**PROXIES, "no": no_proxy}) == proxy


@pytest.mark.parametrize(
    ("proxies", "proxy"),
    [
        ({"all": "r:3"}, "http://r:3"),
        ({"all": "socks5://r:3"}, "socks5://r:3"),
        ({"all": "r:3", "https": "p:1"}, "http://p:1"),
        ({"http": "q:2"}, None),
        ({"https": ""}, None),
        ({}, None),
    ],
)
def test_the_proxy_of_the_scheme_comes_before_the_one_for_all(proxies: dict[str, str], proxy: str | None) -> None:
    assert proxy_for("https://a.example", proxies) == proxy
