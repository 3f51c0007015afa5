"""The only module that knows the HTTP library: sessions, redirects, proxies, limits, the guard on addresses.

Calls to the platform carry the key, to the base URL's origin only; the storage is shown none. Neither session has
cookies or follows redirects.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from types import TracebackType
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

    def connected(self) -> _Connected:
        """Keep the connections of this event loop until the outermost such block ends."""
        return _Connected(self._open, partial(_Sessions, self._rules, self._limits))

    async def call(self, call: ApiCall) -> Reply:
        """Make one request to the platform."""
        url = self._base_url + call.target
        headers = {"X-API-Key": self._key.reveal()}  # not the session's, whose headers a proxy is told in a CONNECT
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        async with self.connected() as sessions:
            options = {"data": call.body, "headers": headers, **sessions.options(url)}
            response, encoded = await self._read(sessions.api, call.method, url, options, self._limits.api_bytes)
        return _reply(response, encoded, url, self._limits.api_bytes)

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Read a signed URL, without the key; the digests that come with it are checked."""
        self._rules.check_url(url)
        limit = self._limits.document_bytes
        async with self.connected() as sessions:
            options = {"headers": headers, **sessions.options(url)}
            response, encoded = await self._read(sessions.storage, "GET", url, options, limit)
        if response.status == 200:
            check_digests(_headers(response), encoded)
        return _reply(response, encoded, url, limit)

    async def _read(
        self, session: aiohttp.ClientSession, method: str, url: str, options: dict[str, Any], limit: int
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        try:
            with anyio.fail_after(2 * self._limits.connect_timeout + self._limits.read_timeout):  # headers may trickle
                response = await session.request(method, URL(url, encoded=True), **options)
            async with response:
                return response, await self._body(response, limit)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            failure = _error_of(error, url)
        raise failure  # not from the library's error, whose text holds the whole URL or a proxy's password

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


class _Connected:
    """Holds the running event loop's sessions; no generator, which the end of the loop would close on its own."""

    def __init__(
        self, held: MutableMapping[asyncio.AbstractEventLoop, _Sessions], make: Callable[[], _Sessions]
    ) -> None:
        self._held = held
        self._make = make

    async def __aenter__(self) -> _Sessions:
        loop = asyncio.get_running_loop()
        sessions = self._held.get(loop)
        if sessions is None:
            sessions = self._held[loop] = self._make()
        sessions.users += 1
        return sessions

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        sessions = self._held[loop]
        sessions.users -= 1
        if not sessions.users:
            del self._held[loop]
            with anyio.CancelScope(shield=True):
                await sessions.close()


class _Sessions:
    """One event loop's sessions."""

    def __init__(self, rules: AddressRules, limits: Limits) -> None:
        self.users = 0
        self._proxies = getproxies()
        passed = frozenset(_proxy_hosts(self._proxies))
        self._tls: ssl.SSLContext | None = None
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=limits.connect_timeout, sock_read=limits.read_timeout
        )
        self.api = self._session(aiohttp.TCPConnector(limit=0))
        self.storage = self._session(aiohttp.TCPConnector(limit=0, resolver=_GuardedResolver(rules, passed)))

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": _ENCODINGS, "Accept": "*/*"},
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
        if url[:6].lower() == "https:":
            if self._tls is None:
                self._tls = _trusted()
            options["ssl"] = self._tls
        return options

    async def close(self) -> None:
        await self.api.close()
        await self.storage.close()


class _GuardedResolver(AbstractResolver):
    """Refuses names that lead to this machine or to a cloud's metadata, the user's own proxies aside."""

    def __init__(self, rules: AddressRules, passed: frozenset[str]) -> None:
        self._rules = rules
        self._passed = passed
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            if host not in self._passed and not self._rules.allows_resolved(host, result["host"]):
                raise UnsafeURLError(
                    f"The storage host {printable(host)} leads to {result['host']}, inside this network.",
                    code="unsafe_url",
                    hint="If that host is yours, pass allowed_hosts=[…] to the client.",
                )
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lower-case name; those that come several times are joined."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _reply(response: aiohttp.ClientResponse, encoded: bytes, url: str, limit: int) -> Reply:
    headers = _headers(response)
    encoding = headers.get("content-encoding")
    try:
        body = decompress(encoded, encoding, limit) if encoding and encoded else encoded
    except ResponseError:
        if response.status < 400:
            raise
        body = b""  # the status says enough
    return Reply(response.status, headers, body, url, response.method)


def _trusted() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise NetworkError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({printable(str(error), 160)}).",
            code="network",
            hint="Point it to a file in PEM form, or unset it.",
        ) from error


def _proxy_hosts(proxies: Mapping[str, str]) -> set[str]:
    hosts: set[str] = set()
    for proxy in [value for name, value in proxies.items() if name != "no"]:
        with suppress(ValueError):
            hosts.add(URL(proxy if "://" in proxy else f"http://{proxy}").host or "")
    return hosts


def _check_proxy(proxy: str) -> URL:
    with suppress(ValueError):  # its text may hold the password
        url = URL(proxy)
        if url.scheme in {"http", "https"} and url.host:
            return url
    raise NetworkError(
        f"The proxy {printable(without_query(proxy))} cannot be used: only http and https proxies are.",
        code="network",
        hint="Set HTTPS_PROXY to an address like http://host:port, or NO_PROXY for the hosts concerned.",
    )


def _error_of(error: Exception, url: str) -> CFError:
    host = printable(URL(without_query(url)).host or "the server")
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return RequestTimeoutError(f"No answer from {host} in time.", code="timeout")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NetworkError(
            f"The certificate of {host} is not trusted ({printable(str(error.certificate_error), 160)}).",
            code="network",
            hint="Behind a company proxy, point SSL_CERT_FILE to its certificate.",
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NetworkError(
            f"The proxy refused to connect to {host} ({error.status} {printable(error.message, 100)}).",
            code="network",
            hint="Check HTTPS_PROXY, and the user and password in it.",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        host = f"the proxy {error.host}" if isinstance(error, aiohttp.ClientProxyConnectionError) else host
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
