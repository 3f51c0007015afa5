"""One GET of the JWKS: no redirect, no more than 64 KiB, no longer than ten seconds in all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from .._version import __version__
from ..core.addresses import AddressRules
from ..core.redaction import printable
from .key_cache import fresh_for
from .key_ring import FetchFailed
from .keys import parse_jwks

T = TypeVar("T")

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


def fetch_keys(url: str, longest: float = LONGEST_TIME) -> FetchedKeys:
    """Fetch the keys, blocking, in a thread that runs no event loop. Raises FetchFailed."""
    host = printable(urlsplit(url).hostname or "")
    try:
        headers, body = _within(longest, lambda: _ask(url, host))
    except (asyncio.TimeoutError, httpx.TimeoutException):
        raise FetchFailed(f"no whole answer from {host} in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ImportError, ValueError) as error:
        raise FetchFailed(f"no connection to {host} ({printable(str(error), 160) or type(error).__name__})") from None
    try:
        keys = parse_jwks(body)
    except ValueError as error:
        raise FetchFailed(f"what {host} answers is no key set: {error}") from None
    if not keys:
        raise FetchFailed(f"what {host} answers holds no Ed25519 key that signs")
    return FetchedKeys(keys, fresh_for(headers))


def _within(longest: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run this in a loop of its own: a blocking client has no limit for all of a request."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(ask(), longest))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _ask(url: str, host: str) -> tuple[Mapping[str, str], bytes]:
    trusting = not AddressRules.is_loopback(url)  # a proxy is no way to this machine
    async with (
        httpx.AsyncClient(timeout=LONGEST_TIME, follow_redirects=False, headers=_HEADERS, trust_env=trusting) as client,
        client.stream("GET", url) as response,
    ):
        if response.status_code != 200:
            raise FetchFailed(f"{host} answers {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed(f"the answer of {host} is compressed, which was not asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LONGEST_BODY:
                raise FetchFailed(f"the answer of {host} is longer than {LONGEST_BODY >> 10} KiB")
        return response.headers, bytes(body)
