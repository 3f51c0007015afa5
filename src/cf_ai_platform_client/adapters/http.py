"""The only module that knows the HTTP library: sessions, redirects, proxies, limits, the guard on addresses.

The API session sends the key, to the base URL's origin only; the storage session holds no key and no cookies.
Neither follows redirects.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any
from urllib.request import getproxies
from weakref import WeakKeyDictionary

import aiohttp
import anyio
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from .._version import __version__
from ..core.addresses import AddressRules
from ..core.decoding import decompress, too_large
from ..core.digests import check_digests
from ..core.proxies import proxy_for
from ..core.redaction import Secret, printable, without_query
from ..core.requests import ApiCall, Reply
from ..errors import CFError, NetworkError, RequestTimeoutError, ResponseError, UnsafeURLError
from ..settings import Limits
from .runtime import Runtime

_USER_AGENT = f"cf-ai-platform-client/{__version__}"
_READ_BUFFER = 1 << 20
_ENCODINGS = "gzip, deflate"


class Http:
    """Sessions to the platform and to its storage, a pair for each event loop that uses them."""

    def __init__(self, api_key: Secret, base_url: str, rules: AddressRules, limits: Limits, runtime: Runtime) -> None:
        self._key = api_key
        self._base_url = base_url
        self._rules = rules
        self._limits = limits
        self._runtime = runtime
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sessions] = WeakKeyDictionary()

    def _use(self) -> AbstractAsyncContextManager[_Sessions]:
        sessions = self._open.get(asyncio.get_running_loop())
        return nullcontext(sessions) if sessions is not None else self.connected()

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[_Sessions, None]:
        """Keep the connections of this event loop until the outermost such block ends."""
        loop = asyncio.get_running_loop()
        sessions = self._open.get(loop) or _Sessions(self._key, self._base_url, self._rules, self._limits)
        self._open[loop] = sessions
        sessions.users += 1
        try:
            yield sessions
        finally:
            sessions.users -= 1
            if not sessions.users:
                self._open.pop(loop, None)
                with anyio.CancelScope(shield=True):
                    await sessions.close()

    async def call(self, call: ApiCall) -> Reply:
        """Make one request to the platform."""
        async with self._use() as sessions:
            url = self._base_url + call.target
            headers = {"Content-Type": "application/json"} if call.body is not None else None
            request = sessions.api.request(
                call.method, URL(url, encoded=True), data=call.body, headers=headers, **sessions.options(url)
            )
            return await self._read(request, url, call.method, self._limits.api_bytes)

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Read a signed URL, without the key; the digests that come with it are checked."""
        self._rules.check_url(url)
        async with self._use() as sessions:
            options = sessions.options(url)
            request = sessions.storage.request("GET", URL(url, encoded=True), headers=headers, **options)
            return await self._read(request, url, "GET", self._limits.document_bytes, digests=True)

    async def _read(self, request: Any, url: str, method: str, limit: int, *, digests: bool = False) -> Reply:
        try:
            async with request as response:
                encoded = await self._body(response, limit)
                headers = {name.lower(): value for name, value in response.headers.items()}
                status: int = response.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise _error_of(error, url) from error
        if digests and status == 200:
            check_digests(headers, encoded)
        encoding = headers.get("content-encoding")
        body = decompress(encoded, encoding, limit) if encoding and encoded else encoded
        return Reply(status, headers, body, url, method)

    async def _body(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        announced = response.content_length
        if announced is not None and announced > limit:
            raise too_large(limit)
        pieces: list[bytes] = []
        size, start = 0, self._runtime.monotonic()
        while piece := await response.content.readany():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            elapsed = self._runtime.monotonic() - start
            if elapsed > self._limits.slow_after and size < elapsed * self._limits.slow_rate:
                raise RequestTimeoutError(f"Only {size} bytes came in {elapsed:.0f} seconds.", code="too_slow")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Sessions:
    """One event loop's sessions."""

    def __init__(self, api_key: Secret, base_url: str, rules: AddressRules, limits: Limits) -> None:
        self.users = 0
        self._proxies = getproxies()
        self._tls: ssl.SSLContext | None = None
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=limits.connect_timeout, sock_read=limits.read_timeout
        )
        self.api = self._session(aiohttp.TCPConnector(limit=0), {"X-API-Key": api_key.reveal()})
        self.storage = self._session(aiohttp.TCPConnector(limit=0, resolver=_GuardedResolver(rules)), {})

    def _session(self, connector: aiohttp.TCPConnector, headers: Mapping[str, str]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": _ENCODINGS, "Accept": "*/*", **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER,
        )

    def options(self, url: str) -> dict[str, Any]:
        """Return what every request needs: no redirects, the proxy and the trusted certificates."""
        options: dict[str, Any] = {"allow_redirects": False}
        if self._proxies and (proxy := proxy_for(url, self._proxies)):
            options["proxy"] = _check_proxy(proxy)
        if url.startswith("https:"):
            if self._tls is None:
                self._tls = httpx.create_ssl_context()
            options["ssl"] = self._tls
        return options

    async def close(self) -> None:
        await self.api.close()
        await self.storage.close()


class _GuardedResolver(AbstractResolver):
    """Refuses names that lead to this machine or to a cloud's metadata."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            if not self._rules.allows_resolved(host, result["host"]):
                raise UnsafeURLError(
                    f"The storage host {printable(host)} leads to {result['host']}, inside this network.",
                    code="unsafe_url",
                    hint="If that host is yours, pass allowed_hosts=[…] to the client.",
                )
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _check_proxy(proxy: str) -> URL:
    url = URL(proxy)
    if url.scheme not in {"http", "https"}:
        raise NetworkError(
            f"The proxy {without_query(proxy)} cannot be used: only http and https proxies are.",
            code="network",
            hint="Set HTTPS_PROXY to an http:// proxy, or NO_PROXY for the hosts concerned.",
        )
    return url


def _error_of(error: Exception, url: str) -> CFError:
    host = printable(URL(without_query(url)).host or "the server")
    if isinstance(error, asyncio.TimeoutError):
        return RequestTimeoutError(f"No answer from {host} in time.", code="timeout")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return NetworkError(
            f"The certificate of {host} is not trusted ({printable(str(error), 160)}).",
            code="network",
            hint="Behind a company proxy, point SSL_CERT_FILE to its certificate.",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return NetworkError(
            f"No connection to {host}: {printable(error.strerror or str(error.os_error))}.",
            code="network",
            hint="Check the base URL, the network and the proxy settings.",
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return ResponseError(f"The answer of {host} ended too early.", code="truncated")
    if isinstance(error, aiohttp.InvalidURL):
        return UnsafeURLError(f"{printable(without_query(url))} cannot be called.", code="unsafe_url")
    return NetworkError(f"The connection to {host} broke ({type(error).__name__}).", code="network")
