from __future__ import annotations

import pytest

from cf_ai_platform_client.core.addresses import AddressRules, check_base_url
from cf_ai_platform_client.errors import UnsafeURLError

OUTSIDE = AddressRules.for_base_url("https://api.example/api/v1", ["Minio.local"])


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/a?X=1",
        "https://8.8.8.8/a",
        "https://[2001:4860:4860::8888]/a",
        "http://minio.local:9000/a",
    ],
)
def test_urls_outside_are_called(url: str) -> None:
    OUTSIDE.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket.s3.amazonaws.com/a",
        "ftp://x/a",
        "file:///etc/passwd",
        "/a",
        "https:///a",
        "https://user@x.example/a",
        "https://:pw@x.example/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://10.0.0.1/a",
        "https://192.168.1.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/a",
        "https://[::1]/a",
        "https://[fe80::1%25eth0]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://0177.0.0.1/a",
        "https://127.1/a",
        "https://[half/a",
        "https://x.example:99999/a",
        "https://x.example/a b",
        "https://x.example/a\n",
    ],
)
def test_urls_inside_or_odd_are_refused(url: str) -> None:
    with pytest.raises(UnsafeURLError) as caught:
        OUTSIDE.check_url(url)
    assert caught.value.code == "unsafe_url"
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8080", "https://localhost/api", "https://10.1.2.3/api", "http://x.example"]
)
def test_whoever_works_inside_may_call_inside(base: str) -> None:
    AddressRules.for_base_url(base).check_url("http://127.0.0.1:9000/a")


@pytest.mark.parametrize("host", ["x.example", "1.2.3.4.5", "999.1.1.1", "0x.example"])
def test_names_are_no_addresses(host: str) -> None:
    OUTSIDE.check_url(f"https://{host}/a")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("10.0.0.5", True),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:169.254.169.254", False),
    ],
)
def test_names_may_not_lead_to_this_machine_or_to_metadata(address: str, allowed: bool) -> None:
    assert OUTSIDE.allows_resolved("x.example", address) is allowed
    assert OUTSIDE.allows_resolved("minio.local", address)
    assert AddressRules(trusting=True).allows_resolved("x.example", address)


def test_base_urls_lose_their_slash() -> None:
    assert check_base_url(" https://api.example/api/v1/ ") == "https://api.example/api/v1"


@pytest.mark.parametrize(
    "url",
    ["api.example", "ftp://x", "https://", "https://u:canary@x", "https://x?y=canary", "https://[x", "https://x y"],
)
def test_base_urls_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="^base_url is ") as caught:
        check_base_url(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://127.0.0.1:1", True), ("http://localhost", True), ("http://10.0.0.1", False), ("http://x", False)],
)
def test_loopback_is_known(url: str, loopback: bool) -> None:
    assert AddressRules.is_loopback(url) is loopback
