from __future__ import annotations

import pytest

from cf_ai_platform_client.core.addresses import AddressRules, check_base_url
from cf_ai_platform_client.errors import UnsafeURLError

OUTSIDE = AddressRules.for_base_url("https://api.example/api/v1", ["Minio.local", "b\u00fccher.local"])


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/a?X=1",
        "https://8.8.8.8/a",
        "https://[2001:4860:4860::8888]/a",
        "http://minio.local:9000/a",
        "https://MINIO.LOCAL/a",
        "https://localhost.example/a",
        "https://1.2.3.4.5/a",
        "https://999.1.1.1/a",
        "https://0x.example/a",
        "https://08.1/a",
        "https://2130706433000/a",
        "https://b\u00fccher.local/a",
        "https://B\u00dcCHER.local:9000/a",
        "https://xn--bcher-kva.example/a",
        "https://bucket.example/b\u00fccher/\uff0e",
        "https://[64:ff9b::808:808]/a",
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
        "https://@x.example/a",
        "https://minio.local@evil.example/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://LOCALHOST./a",
        "https://10.0.0.1/a",
        "https://172.16.0.1/a",
        "https://100.64.0.1/a",
        "https://192.168.1.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/a",
        "https://[::1]/a",
        "https://[fe80::1%25eth0]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://0177.0.0.1/a",
        "https://0x7F000001/a",
        "https://0300.0250.1.1/a",
        "https://127.1/a",
        "https://127.0.1/a",
        "https://127.0.0.1./a",
        "https://10.1/a",
        "https://0/a",
        "https://[fd00::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://[::]/a",
        "https://\uff11\uff12\uff17.0.0.1/a",
        "https://10\u30020\u30020\u30021/a",
        "https://10\uff0e0\uff0e0\uff0e1/a",
        "https://10\uff610\uff610\uff611/a",
        "https://8\u30028\u30028\u30028/a",
        "https://1\uff10.0.0.1/a",
        "https://\u2460\u24ea.\u24ea.\u24ea.\u2460/a",
        "https://10\u20240\u20240\u20241/a",
        "https://\u24dbocalhost/a",
        "https://loc\u00e0lhost/a",
        "https://b\u00fccher.example/a",
        "https://b\u00fccher.local.example/a",
        "https://%31%30.0.0.1/a",
        "https://[64:ff9b::a00:1]/a",
        "https://[64:ff9b::10.0.0.1]/a",
        "https://[64:ff9b::127.0.0.1]/a",
        "https://[64:ff9b::a9fe:a9fe]/a",
        "https://[64:ff9b:1::a00:1]/a",
        "https://[64:ff9b:1::8.8.8.8]/a",
        "https://[2002:a00:1::]/a",
        "https://[2002:7f00:1::1]/a",
        "https://[2002:a9fe:a9fe::]/a",
        "https://[::10.0.0.1]/a",
        "https://[::127.0.0.1]/a",
        "https://[2001:0:808:808:0:0:f5ff:fffe]/a",
        "https://[2001:0:a00:1::]/a",
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
    assert not caught.value.retryable


@pytest.mark.parametrize("url", ["ftp://minio.local/a", "https://u:pw@minio.local/a", "https://minio.local/a b"])
@pytest.mark.parametrize("rules", [OUTSIDE, AddressRules(trusting=True)], ids=["allowed", "trusting"])
def test_no_rule_allows_odd_urls(rules: AddressRules, url: str) -> None:
    with pytest.raises(UnsafeURLError):
        rules.check_url(url)


def test_a_refused_url_is_named_without_its_query() -> None:
    with pytest.raises(UnsafeURLError, match=r"the URL https://10\.0\.0\.1/a, which") as caught:
        OUTSIDE.check_url("https://10.0.0.1/a?sig=canary")
    assert "allowed_hosts" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "base",
    ["http://127.0.0.1:8080", "https://localhost/api", "https://10.1.2.3/api", "http://x.example", "https://[::1]/"],
)
def test_whoever_works_inside_may_call_inside(base: str) -> None:
    AddressRules.for_base_url(base).check_url("http://127.0.0.1:9000/a")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("10.0.0.5", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.5", True),
        ("0.0.0.0", False),
        ("::", False),
        ("127.8.8.8", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2002:808:808::1", True),
        ("2002:a9fe:a9fe::", False),
        ("2002:c0a8:101::", False),
        ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", True),
        ("2001:0:808:808:0:0:f5ff:fffe", False),
        ("2001:0:a00:1:0:0:f7f7:f7f7", False),
        ("::127.0.0.1", False),
        ("::10.0.0.1", False),
    ],
)
def test_names_may_not_lead_to_this_machine_or_to_metadata(address: str, allowed: bool) -> None:
    assert OUTSIDE.allows_resolved("x.example", address) is allowed
    assert OUTSIDE.allows_resolved("MINIO.local", address)
    assert AddressRules(trusting=True).allows_resolved("x.example", address)


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        (" https://api.example/api/v1/ ", "https://api.example/api/v1"),
        ("https://api.example", "https://api.example"),
        ("HTTP://127.0.0.1:8080//", "http://127.0.0.1:8080"),
        ("https://[::1]:1/x", "https://[::1]:1/x"),
    ],
)
def test_base_urls_lose_their_slash_and_the_case_of_their_scheme(url: str, checked: str) -> None:
    assert check_base_url(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example",
        "canary-key",
        "u:canary@x",
        "//u:canary@x",
        "ftp://x",
        "https://",
        "https:///x",
        "https://u:canary@x",
        "https://canary@x",
        "https://:canary@x",
        "https://@x",
        "https://x?y=canary",
        "https://x?",
        "https://x#canary",
        "https://x/#",
        "https://[x",
        "https://u:canary@[x",
        "https://x:99999",
        "https://x:port",
        "https://x y",
        "https://x\ny",
        "https://x/\x00",
    ],
    ids=ascii,
)
def test_base_urls_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="^base_url is ") as caught:
        check_base_url(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost", True),
        ("http://localhost.:1", True),
        ("http://10.0.0.1", False),
        ("http://x", False),
        ("/x", False),
    ],
)
def test_loopback_is_known(url: str, loopback: bool) -> None:
    assert AddressRules.is_loopback(url) is loopback
