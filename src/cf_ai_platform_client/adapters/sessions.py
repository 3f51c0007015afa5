"""The connections of an event loop: sessions, proxies, trusted certificates, and the guard on where names lead.

Neither session has cookies, follows redirects or holds the key, of which a proxy would be told.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.request import getproxies

import aiohttp
import anyio
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from .._version import __version__
from ..core.addresses import AddressRules
from ..core.proxies import proxy_for
from ..core.redaction import printable, without_query
from ..errors import NetworkError, UnsafeURLError
from ..settings import Limits

_USER_AGENT = f"cf-ai-platform-client/{__version__}"
_READ_BUFFER = 1 << 20
_ENCODINGS = "gzip, deflate"


class Connected:
    """Holds the running event loop's sessions; no generator, which the end of the loop would close on its own."""

    def __init__(self, held: MutableMapping[asyncio.AbstractEventLoop, Sessions], make: Callable[[], Sessions]) -> None:
        self._held = held
        self._make = make

    async def __aenter__(self) -> Sessions:
        loop = asyncio.get_running_loop()
        sessions = self._held.get(loop)
        if sessions is None:
            sessions = self._held[loop] = self._make()
        self._sessions = sessions
        sessions.users += 1
        return sessions

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sessions = self._sessions
        sessions.users -= 1
        if not sessions.users:
            del self._held[asyncio.get_running_loop()]
            with anyio.CancelScope(shield=True):
                await sessions.close()


class Sessions:
    """One event loop's sessions."""

    def __init__(self, rules: AddressRules, limits: Limits) -> None:
        self.users = 0
        self._proxies = getproxies()
        passed = frozenset(_proxy_hosts(self._proxies))
        self._tls: ssl.SSLContext | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout, sock_read=None)
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
        try:
            await self.api.close()
        finally:  # a second cancellation passes the shield
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
