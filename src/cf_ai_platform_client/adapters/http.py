"""Requests over the HTTP library, which only this module, `sessions` and `http_errors` know.

Calls to the platform carry the key, to the base URL's origin only; the storage is shown none. Answers are read under
limits of time and size.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from weakref import WeakKeyDictionary

import aiohttp
import anyio
from yarl import URL

from ..core.addresses import AddressRules
from ..core.decoding import decompress, too_large
from ..core.digests import check_digests
from ..core.redaction import Secret
from ..core.requests import ApiCall, Reply
from ..errors import RequestTimeoutError, ResponseError
from ..settings import Limits
from .http_errors import error_of_library
from .runtime import Runtime
from .sessions import Connected, Sessions

_REFUSAL_BYTES = 1 << 16
_SHORTEST_SECRET = 8


class Http:
    """Sessions to the platform and to its storage, a pair for each event loop that uses them."""

    def __init__(self, api_key: Secret, base_url: str, rules: AddressRules, limits: Limits, runtime: Runtime) -> None:
        self._key = api_key
        self._base_url = base_url
        self._rules = rules
        self._limits = limits
        self._runtime = runtime
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, Sessions] = WeakKeyDictionary()

    def check_url(self, url: str) -> None:
        """Raise UnsafeURLError unless a signed URL may be called."""
        self._rules.check_url(url)

    def connected(self) -> Connected:
        """Keep the connections of this event loop until the outermost such block ends."""
        return Connected(self._open, partial(Sessions, self._rules, self._limits))

    async def call(self, call: ApiCall) -> Reply:
        """Make one request to the platform."""
        url = self._base_url + call.target
        headers = {"X-API-Key": self._key.reveal()}  # not the session's, whose headers a proxy is told in a CONNECT
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        async with self.connected() as sessions:
            options = {"data": call.body, "headers": headers, **sessions.options(url)}
            response, encoded = await self._read(sessions.api, call.method, url, options, self._limits.api_bytes)
        return _reply(response, encoded, url, self._limits.api_bytes, {self._key.reveal()})

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Read a signed URL, without the key; the digests that come with it are checked."""
        self._rules.check_url(url)
        limit = self._limits.document_bytes
        async with self.connected() as sessions:
            options = {"headers": headers, **sessions.options(url)}
            response, encoded = await self._read(sessions.storage, "GET", url, options, limit)
        if response.status == 200:
            check_digests(_headers(response), encoded)
        return _reply(response, encoded, url, limit, {value for _, value in parse_qsl(urlsplit(url).query)})

    async def _read(
        self, session: aiohttp.ClientSession, method: str, url: str, options: dict[str, Any], limit: int
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        try:
            with anyio.fail_after(2 * self._limits.connect_timeout + self._limits.read_timeout) as patience:
                async with await session.request(method, URL(url, encoded=True), **options) as response:
                    if response.status >= 400:
                        patience.deadline = math.inf
                        return response, await self._refusal(response)
                    return response, await self._body(response, limit, patience)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            failure = error_of_library(error, url)
        raise failure  # not from the library's error, whose text holds the whole URL or a proxy's password

    async def _refusal(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the beginning of an error's body: where it is broken, slow or endless, the status says enough."""
        body = b""
        with suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError):
            with anyio.move_on_after(self._limits.read_timeout):
                while len(body) < _REFUSAL_BYTES and (piece := await response.content.readany()):
                    body += piece
        if not response.content.at_eof():
            response.close()
        return body[:_REFUSAL_BYTES]

    async def _body(self, response: aiohttp.ClientResponse, limit: int, patience: anyio.CancelScope) -> bytes:
        """Read a body; `patience` lasts from piece to piece, since what only frames them may trickle for ever."""
        announced = response.content_length
        if announced is not None and announced > limit:
            raise too_large(limit)
        pieces: list[bytes] = []
        size, start = 0, self._runtime.monotonic()
        now = asyncio.get_running_loop().time
        patience.deadline = now() + self._limits.read_timeout
        while piece := await response.content.readany():
            patience.deadline = now() + self._limits.read_timeout
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            elapsed = self._runtime.monotonic() - start
            if elapsed > self._limits.slow_after and size < elapsed * self._limits.slow_rate:
                raise RequestTimeoutError(f"Only {size} bytes came in {elapsed:.0f} seconds.", code="too_slow")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lower-case name; those that come several times are joined."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _reply(response: aiohttp.ClientResponse, encoded: bytes, url: str, limit: int, secrets: set[str]) -> Reply:
    headers = _headers(response)
    encoding = headers.get("content-encoding")
    try:
        body = decompress(encoded, encoding, limit) if encoding and encoded else encoded
    except ResponseError:
        if response.status < 400:
            raise
        body = b""  # the status says enough
    if response.status >= 400 or "json" not in headers.get("content-type", "json"):
        body = _without(secrets, body)  # what errors show
        headers = {name: _without(secrets, value.encode()).decode() for name, value in headers.items()}
    return Reply(response.status, headers, body, url, response.method)


def _without(secrets: set[str], text: bytes) -> bytes:
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for spelling in {secret, quote(secret, safe="")}:
                text = text.replace(spelling.encode(), b"********")
    return text
