from __future__ import annotations

import httpx
import pytest
from httpx._utils import URLPattern, get_environment_proxies
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.proxies import proxy_for

HOSTS = st.sampled_from(
    [
        "a.example",
        "sub.a.example",
        "nota.example",
        "example",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "localhost",
        "x.localhost",
    ]
)
PORTS = st.sampled_from(["", "", ":80", ":443", ":8443"])
SCHEMES = st.sampled_from(["http", "https"])
URLS = st.builds(lambda scheme, host, port: f"{scheme}://{host}{port}/a?b", SCHEMES, HOSTS, PORTS)
ENTRIES = (
    st.builds(lambda dot, host, port: f"{dot}{host}{port}", st.sampled_from(["", ".", "*."]), HOSTS, PORTS)
    | st.builds(lambda scheme, host, port: f"{scheme}{host}{port}", SCHEMES.map("{}://".format), HOSTS, PORTS)
    | st.sampled_from(["*", "", " ", "::1", "A.Example", "LOCALHOST", "10.0.0.0/8", "10.0.0.1/8", "all://a.example"])
    | st.sampled_from(["https://*.a.example", "https://*a.example", "xample", ".example"])
).filter(lambda entry: "[" not in entry or "://" in entry)  # httpx raises for [::1]
PROXIES = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(["p:1", "http://q:2", ""]) for name in ("http", "https", "all")}
)


def of_httpx(url: str, proxies: dict[str, str]) -> str | None:
    """Ask httpx which proxy it would take in this environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http", "https", "all", "no"):
            patch.setenv(f"{name}_proxy", proxies.get(name, ""))
        mounts = get_environment_proxies()
    patterns = sorted(map(URLPattern, mounts))
    return next((mounts[pattern.pattern] for pattern in patterns if pattern.matches(httpx.URL(url))), None)


@given(URLS, PROXIES, st.lists(ENTRIES, max_size=3))
def test_the_proxy_is_the_one_that_httpx_would_take(url: str, proxies: dict[str, str], exempt: list[str]) -> None:
    environment = {**proxies, "no": ",".join(exempt)}
    assert proxy_for(url, environment) == of_httpx(url, environment)


@given(URLS, st.text(max_size=20))
def test_no_list_of_exemptions_is_too_odd(url: str, exempt: str) -> None:
    assert proxy_for(url, {"all": "p:1", "no": exempt}) in {None, "http://p:1"}
