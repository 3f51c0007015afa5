"""Requests over the HTTP library, which only this module, `bodies`, `sessions` and `http_errors` know.

Calls to the platform carry the key, to the base URL's origin only; the storage is shown none. Bodies are read by
`bodies`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp
from yarl import URL

from ..core.addresses import AddressRules
from ..core.redaction import Secret
from ..core.requests import ApiCall, Reply
from ..settings import Limits
from .bodies import Bodies, Body, Spool, SpoolError, Wanted, answer_bytes
from .http_errors import error_of_library
from .patience import Patience
from .runtime import Runtime
from .sessions import Broken, Connected, Held, Line, Sessions
from .streams import Begin, Pour

_SHORTEST_SECRET = 8
_WITH_BYTES = frozenset({200, 206})
_NO_FILE = 1 << 20

_Read = Callable[[aiohttp.ClientResponse, Mapping[str, str], Patience], Awaitable[Body]]


class Http:
    """Sessions to the platform and to its storage, a pair for each event loop that uses them."""

    def __init__(self, api_key: Secret, base_url: str, rules: AddressRules, limits: Limits, runtime: Runtime) -> None:
        self._key = api_key
        self._base_url = base_url
        self._rules = rules
        self._limits = limits
        self._runtime = runtime
        self._first_patience = limits.connect_timeout * 2 + limits.read_timeout
        self._bodies = Bodies(limits, runtime)
        self._held = Held(partial(Sessions, rules, limits))

    @property
    def export_bytes(self) -> int:
        """How long the file of an export may be."""
        return self._limits.export_bytes

    @property
    def asset_bytes(self) -> int:
        """How long an asset may be."""
        return self._limits.asset_bytes

    def connected(self) -> Connected:
        """Keep the connections of this event loop until the outermost such block ends."""
        return Connected(self._held)

    async def call(self, call: ApiCall) -> Reply:
        """Make one request to the platform."""
        url = self._base_url + call.target
        headers = {"X-API-Key": self._key.reveal()}  # not the session's, whose headers a proxy is told in a CONNECT
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        wanted = Wanted(answer_bytes(call.endpoint, self._limits))
        sessions = self._held.take()
        try:
            options = {"data": call.body, "headers": headers, **sessions.options(url)}
            line, read = sessions.line_for(call.changes), partial(self._body, wanted=wanted)
            reply = await self._request(line, call.method, url, options, read)
        finally:
            if self._held.give_back(sessions):
                await sessions.close()
        return _hiding({self._key.reveal()}, reply)

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None, spool: Spool | None = None) -> Reply:
        """Read a signed URL, without the key; the digests that come with it are checked.

        A document over 1 MiB goes to the file that `spool` opens, if given; what that raises is raised.
        """
        self._rules.check_url(url)
        wanted = Wanted(self._limits.document_bytes, digests=True, spool=spool)
        sessions = self._held.take()
        try:
            options = {"headers": headers, **sessions.options(url)}
            reply = await self._request(sessions.storage, "GET", url, options, partial(self._body, wanted=wanted))
        finally:
            if self._held.give_back(sessions):
                await sessions.close()
        if reply.status == 200:
            return reply  # no error shows it, and a document may well hold what its query holds
        return _hiding_query(url, reply)

    async def stream(self, url: str, headers: Mapping[str, str], begin: Begin, written: Callable[[], object]) -> Reply:
        """Read a signed URL, without the key, into the file that `begin` returns for a 200 or 206.

        The file says how long it may become: `export_bytes` is for the whole of one that comes in several goes.
        `written` is called, in the event loop, when more of it is there. What they raise is raised.
        """
        self._rules.check_url(url)
        pour = partial(self._pour, begin=begin, written=written)
        async with self.connected() as sessions:
            options = {"headers": headers, **sessions.options(url)}
            return _hiding_query(url, await self._request(sessions.storage, "GET", url, options, pour))

    async def _request(self, line: Line, method: str, url: str, options: dict[str, Any], read: _Read) -> Reply:
        failure: Exception
        try:
            with Patience(line.watch, self._first_patience, self._limits.read_timeout) as patience:
                async with await line.session.request(method, URL(url, encoded=True), **options) as response:
                    headers = _headers(response)
                    body, spooled = await read(response, headers, patience)
                    return Reply(response.status, headers, body, url, method, spooled)
        except SpoolError as error:
            failure = error.error
        except Broken as error:
            failure = self._failed(error.error, url, options)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            failure = self._failed(error, url, options)
        raise failure  # not from the library's error, whose text holds the whole URL or a proxy's password

    def _failed(self, error: Exception, url: str, options: Mapping[str, Any]) -> Exception:
        storage = not url.startswith(self._base_url)
        return error_of_library(error, url, storage=storage, proxied="proxy" in options)

    def _body(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str], patience: Patience, *, wanted: Wanted
    ) -> Awaitable[Body]:
        if response.status >= 400:
            patience.hold()
            return self._bodies.refusal(response, headers.get("content-encoding", ""))
        if response.status != 200:
            wanted = Wanted(wanted.limit)
        return self._bodies.read(response, headers, wanted, patience)

    async def _pour(
        self,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
        patience: Patience,
        *,
        begin: Begin,
        written: Callable[[], object],
    ) -> Body:
        if response.status not in _WITH_BYTES:
            return await self._body(response, headers, patience, wanted=Wanted(_NO_FILE))
        patience.hold()
        try:
            file = await begin(response.status, headers)
        except Exception as error:
            raise SpoolError(error) from error
        await Pour(file, self._limits, self._runtime, written).all_of(response, patience)
        return Body(b"")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lower-case name; those that come several times are joined."""
    sent = response.headers
    headers = {name.lower(): value for name, value in sent.items()}
    if len(headers) < len(sent):
        return {name: ", ".join(sent.getall(name)) for name in headers}
    return headers


def _hiding(secrets: set[str], reply: Reply) -> Reply:
    """Take secrets out of what errors show."""
    if reply.status < 400 and "json" in reply.headers.get("content-type", "json"):
        return reply
    headers = {name: _without(secrets, value.encode()).decode() for name, value in reply.headers.items()}
    return replace(reply, headers=headers, body=_without(secrets, reply.body))


def _hiding_query(url: str, reply: Reply) -> Reply:
    return _hiding({value for _, value in parse_qsl(urlsplit(url).query)}, reply)


def _without(secrets: set[str], text: bytes) -> bytes:
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for spelling in {secret, quote(secret, safe="")}:
                text = text.replace(spelling.encode(), b"********")
    return text
