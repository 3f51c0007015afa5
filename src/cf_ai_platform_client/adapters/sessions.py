"""The connections of an event loop: sessions, proxies, trusted certificates, and the guard on where names lead.

Neither session has cookies, follows redirects or holds the key, of which a proxy would be told.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple
from urllib.request import getproxies
from weakref import WeakKeyDictionary, ref

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
from .patience import Watch

_USER_AGENT = f"cf-ai-platform-client/{__version__}"
_READ_BUFFER = 1 << 20
_ENCODINGS = "gzip, deflate"


class Broken(Exception):
    """Carries past the library what it would take for a reason to make a DELETE once more."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


class Held:
    """The sessions of each event loop that uses some; the last one asked for is found at once."""

    def __init__(self, make: Callable[[], Sessions]) -> None:
        self._make = make
        self._of: WeakKeyDictionary[asyncio.AbstractEventLoop, Sessions] = WeakKeyDictionary()
        self._last: tuple[ref[asyncio.AbstractEventLoop], Sessions] | None = None

    def take(self) -> Sessions:
        """Return the running event loop's sessions, made where there are none, to be given back."""
        sessions = self._get()
        sessions.users += 1
        return sessions

    def give_back(self, sessions: Sessions) -> bool:
        """Tell whether nobody uses them any more: who gave them back last closes them."""
        sessions.users -= 1
        if sessions.users:
            return False
        self._last = None
        del self._of[asyncio.get_running_loop()]
        return True

    def _get(self) -> Sessions:
        loop, last = asyncio.get_running_loop(), self._last
        if last is not None and last[0]() is loop:
            return last[1]
        sessions = self._of.get(loop)
        if sessions is None:
            sessions = self._of[loop] = self._make()
        self._last = ref(loop), sessions
        return sessions


class Connected:
    """Holds the running event loop's sessions; no generator, which the end of the loop would close on its own."""

    def __init__(self, held: Held) -> None:
        self._held = held

    async def __aenter__(self) -> Sessions:
        self._sessions = self._held.take()
        return self._sessions

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held.give_back(self._sessions):
            await self._sessions.close()


class Line(NamedTuple):
    """A session, and what looks after the deadlines of its requests."""

    session: aiohttp.ClientSession
    watch: Watch


class Sessions:
    """One event loop's sessions."""

    def __init__(self, rules: AddressRules, limits: Limits) -> None:
        self.users = 0
        self._watch = Watch()
        self._proxies = getproxies()
        passed = frozenset(_proxy_hosts(self._proxies))
        self._tls: ssl.SSLContext | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout, sock_read=None)
        self.api = self._line(aiohttp.TCPConnector(limit=0))
        self._changing: Line | None = None
        self.storage = self._line(aiohttp.TCPConnector(limit=0, resolver=_GuardedResolver(rules, passed)))

    def line_for(self, changes: bool) -> Line:
        """Return the session for calls to the platform; those that change something get a new connection each.

        An old one may have been closed by the server, and then nobody knows whether it saw the request.
        """
        if not changes:
            return self.api
        if self._changing is None:
            self._changing = self._line(aiohttp.TCPConnector(limit=0, force_close=True), _at_most_once)
        return self._changing

    def _line(self, connector: aiohttp.TCPConnector, *middlewares: aiohttp.ClientMiddlewareType) -> Line:
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": _ENCODINGS, "Accept": "*/*"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            middlewares=middlewares,
        )
        return Line(session, self._watch)

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
        """Close the connections, also where the task is being cancelled."""
        self._watch.close()
        with anyio.CancelScope(shield=True):
            try:
                await self.api.session.close()
            finally:  # a second cancellation passes the shield
                try:
                    await self.storage.session.close()
                finally:
                    if self._changing is not None:
                        await self._changing.session.close()


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


async def _at_most_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken(error) from error


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
