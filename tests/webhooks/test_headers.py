from __future__ import annotations

from typing import Any

import httpx
import pytest
from multidict import CIMultiDict
from starlette.datastructures import Headers as StarletteHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

from cf_ai_platform_client.webhooks import WebhookError
from cf_ai_platform_client.webhooks.headers import read_headers

from .signing import NOW, Signer

GOOD = Signer().headers(b"")
PAIRS = [*GOOD.items()]
FORMS: dict[str, Any] = {
    "a mapping": GOOD,
    "in small letters": {name.lower(): value for name, value in PAIRS},
    "in capitals": {name.upper(): value for name, value in PAIRS},
    "pairs": PAIRS,
    "an iterator": iter(PAIRS),
    "bytes": [(name.lower().encode(), value.encode()) for name, value in PAIRS],
    "a mapping of bytes": {name.encode(): value.encode() for name, value in PAIRS},
    "among others": {"Host": "x", **GOOD, "Cookie": "\xe9"},
    "with spaces around": {name: f"  {value} " for name, value in PAIRS},
    "httpx": httpx.Headers(GOOD),
    "aiohttp": CIMultiDict(GOOD),
    "starlette": StarletteHeaders(GOOD),
    "werkzeug": WerkzeugHeaders(GOOD),
}


@pytest.mark.parametrize("headers", FORMS.values(), ids=FORMS)
def test_headers_come_in_many_forms(headers: Any) -> None:
    read = read_headers(headers)
    assert (len(read.signature), read.key_id, read.timestamp) == (64, "key-1", int(NOW))


DOUBLED = [*PAIRS, PAIRS[1]]
RAW = [(name.lower().encode(), value.encode()) for name, value in DOUBLED]


@pytest.mark.parametrize(
    "headers", [DOUBLED, RAW, CIMultiDict(DOUBLED), StarletteHeaders(raw=RAW), WerkzeugHeaders(DOUBLED)]
)
def test_doubled_headers_are_seen_in_all_that_show_them(headers: Any) -> None:
    with pytest.raises(WebhookError, match="X-Payload-Key-Id is there 2 times") as caught:
        read_headers(headers)
    assert caught.value.reason == "doubled_header"


@pytest.mark.parametrize("name", ["X-Payload-Signature", "X-Payload-Timestamp"])
def test_a_doubled_header_that_was_joined_is_malformed(name: str) -> None:
    with pytest.raises(WebhookError) as caught:
        read_headers(httpx.Headers([*PAIRS, (name, GOOD[name])]))
    assert caught.value.reason == "malformed_header"


@pytest.mark.parametrize("headers", [None, 7, [1], [("a",)], [("a", "b", "c")], ["abc"], object()])
def test_what_are_no_headers_is_the_one_error(headers: Any) -> None:
    with pytest.raises(WebhookError, match="neither a mapping nor pairs") as caught:
        read_headers(headers)
    assert caught.value.reason == "malformed_header"
