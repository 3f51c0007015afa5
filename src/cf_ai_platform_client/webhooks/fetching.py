"""One GET of the JWKS: no redirect, no more than 64 KiB, no longer than ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from .._version import __version__
from ..core.redaction import printable
from .key_cache import fresh_for
from .key_ring import FetchFailed
from .keys import parse_jwks

LONGEST_BODY = 64 << 10
LONGEST_TIME = 10.0

_HEADERS = {
    "User-Agent": f"cf-ai-platform-client/{__version__}",
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """Keys, and for how many seconds they are fresh."""

    keys: dict[str, bytes]
    fresh_for: float


def fetch_keys(url: str, monotonic: Callable[[], float] = time.monotonic) -> FetchedKeys:
    """Fetch the keys, blocking. Raises FetchFailed."""
    host = printable(urlsplit(url).hostname or "")
    try:
        with (
            httpx.Client(timeout=LONGEST_TIME, follow_redirects=False, headers=_HEADERS) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise FetchFailed(f"{host} answers {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise FetchFailed(f"the answer of {host} is compressed, which was not asked for")
            body = _read(response, host, monotonic)
            return FetchedKeys(parse_jwks(body), fresh_for(response.headers))
    except httpx.TimeoutException:
        raise FetchFailed(f"no answer from {host} in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise FetchFailed(f"no connection to {host} ({printable(str(error), 160) or type(error).__name__})") from None
    except ValueError as error:
        raise FetchFailed(f"what {host} answers is no key set: {error}") from None


def _read(response: httpx.Response, host: str, monotonic: Callable[[], float]) -> bytes:
    body, end = bytearray(), monotonic() + LONGEST_TIME
    for piece in response.iter_raw():
        body += piece
        if len(body) > LONGEST_BODY:
            raise FetchFailed(f"the answer of {host} is longer than {LONGEST_BODY >> 10} KiB")
        if monotonic() > end:
            raise FetchFailed(f"no whole answer from {host} in time")
    return bytes(body)
