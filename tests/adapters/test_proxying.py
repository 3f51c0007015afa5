from __future__ import annotations

import asyncio
import base64
import gc
import ssl
import traceback
from pathlib import Path

import pytest
import trustme

from cf_ai_platform_client.adapters.http import Http
from cf_ai_platform_client.core.requests import Reply
from cf_ai_platform_client.errors import CFError, NetworkError

from .wire import CALL, KEY, PUBLIC, RawServer, UnreadRules, make_http, ok, proxy_to, raw_server

API = "http://platform.example/api/v1"
STORED = "https://storage.example/a%2Fb.json?X-Amz-Signature=1%2F2"
CREDENTIALS = "Basic " + base64.b64encode(b"user:can@ary").decode()


async def both(http: Http, url: str) -> tuple[Reply, Reply, Reply]:
    async with http.connected():
        return await http.call(CALL), await http.fetch(url), await http.fetch(url)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return what a server needs to be the platform and its storage, to clients whose SSL_CERT_FILE this sets."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("platform.example", "storage.example").configure_cert(context)
    return context


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_goes_through_the_proxy_as_it_is(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> tuple[RawServer, RawServer]:
        async with raw_server(ok()) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            await both(make_http(API), STORED.replace("https", "http"))
            return server, proxy

    server, proxy = asyncio.run(run())
    assert server.heads[0].startswith("GET http://platform.example/api/v1/projects/p/batches HTTP/1.1\r\n")
    assert server.heads[1].startswith(f"GET {STORED.replace('https', 'http')} HTTP/1.1\r\n")
    assert [server.header("X-API-Key", n) for n in range(3)] == [KEY, None, None]
    assert proxy.connections == 2  # each session keeps its own


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "all_proxy"])
def test_https_goes_through_a_tunnel_that_tells_the_proxy_nothing(
    variable: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> tuple[RawServer, RawServer]:
        async with raw_server(ok(), tls) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv(variable, f"127.0.0.1:{proxy.port}")
            replies = await both(make_http(PUBLIC), STORED)
            assert [reply.body for reply in replies] == [b"{}"] * 3
            return server, proxy

    server, proxy = asyncio.run(run())
    assert [head.partition("\r\n")[0] for head in proxy.heads] == [
        "CONNECT platform.example:443 HTTP/1.1",
        "CONNECT storage.example:443 HTTP/1.1",
    ]
    assert KEY not in str(proxy.heads)
    assert server.heads[1].startswith("GET /a%2Fb.json?X-Amz-Signature=1%2F2 HTTP/1.1\r\n")
    assert [server.header("X-API-Key", n) for n in range(3)] == [KEY, None, None]
    gc.collect()


def test_a_proxy_on_this_machine_is_the_users_own(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> RawServer:
        async with raw_server(ok(), tls) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", "unrelated.example")
            await both(make_http(PUBLIC), STORED)
            return proxy

    assert len(asyncio.run(run()).heads) == 2


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> RawServer:
        async with raw_server(ok()) as server, proxy_to(1) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", "storage.example,127.0.0.1")
            await both(make_http(server.url("/api")), server.url())
            return proxy

    assert asyncio.run(run()).connections == 0


def test_what_no_proxy_names_is_not_exempt_from_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with pytest.raises(CFError, match=r"leads to 127\.0\.0\.1"):
        asyncio.run(make_http(PUBLIC, rules=UnreadRules).fetch("https://localhost/a"))


def test_proxy_variables_are_read_when_connections_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> int:
        async with raw_server(ok()) as server:
            http = make_http(API)
            async with proxy_to(server.port) as proxy:
                monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
                return (await http.call(CALL)).status

    assert asyncio.run(run()) == 200


def test_user_and_password_go_to_the_proxy_only(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> tuple[RawServer, RawServer, RawServer]:
        async with (
            raw_server(ok()) as plain,
            raw_server(ok(), tls) as secure,
            proxy_to(plain.port) as first,
            proxy_to(secure.port) as second,
        ):
            monkeypatch.setenv("HTTP_PROXY", f"http://user:can%40ary@127.0.0.1:{first.port}")
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:can%40ary@127.0.0.1:{second.port}")
            await both(make_http(API), STORED)
            return plain, secure, second

    plain, secure, second = asyncio.run(run())
    assert plain.header("Proxy-Authorization") == CREDENTIALS  # the proxy's part: this one passes it on
    assert second.header("Proxy-Authorization") == CREDENTIALS
    assert "authorization" not in str(secure.heads).lower()
    assert "\r\nauthorization" not in str(plain.heads).lower()


def test_every_request_on_a_kept_connection_carries_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> tuple[RawServer, RawServer]:
        async with raw_server(ok()) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://user:can%40ary@127.0.0.1:{proxy.port}")
            await both(make_http(API), STORED.replace("https", "http"))
            return server, proxy

    server, proxy = asyncio.run(run())
    assert [server.header("Proxy-Authorization", n) for n in range(3)] == [CREDENTIALS] * 3
    assert proxy.connections == 2


def failure(base_url: str = PUBLIC) -> NetworkError:
    """Return the error of a call; nothing that can be seen of it holds the proxy's password or the key."""
    with pytest.raises(NetworkError) as caught:
        asyncio.run(make_http(base_url).call(CALL))
    chain: traceback.TracebackException | None = traceback.TracebackException.from_exception(caught.value)
    seen = [repr(caught.value), repr(vars(caught.value)), repr(caught.value.__cause__), repr(caught.value.__context__)]
    while chain:
        seen += chain.format_exception_only()
        chain = chain.__cause__ or chain.__context__
    assert not [text for text in seen if "canary" in text or KEY in text]
    assert caught.value.code == "network"
    return caught.value


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS"])
def test_socks_proxies_are_refused_in_a_sentence(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://user:canary@127.0.0.1:1080")
    said = str(failure())
    assert said.startswith(f"The proxy {scheme.lower()}://127.0.0.1:1080 cannot be used: only http and https proxies")
    assert "Set HTTPS_PROXY" in said


@pytest.mark.parametrize(
    "proxy", ["http://user:canary@127.0.0.1:port", "http://user:canary@[::1", "http://user:canary@", "user:canary@:1"]
)
def test_a_proxy_that_is_no_address_is_refused_in_a_sentence(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert "cannot be used" in str(failure())


def test_a_proxy_that_refuses_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(ready: asyncio.Future[int], end: asyncio.Event) -> None:
        async with proxy_to(1, refuse="407 Proxy Authentication Required") as proxy:
            ready.set_result(proxy.port)
            await end.wait()

    async def run() -> NetworkError:
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        end = asyncio.Event()
        serving = asyncio.ensure_future(serve(ready, end))
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{await ready}")
        try:
            return await asyncio.to_thread(failure)
        finally:
            end.set()
            await serving

    said = str(asyncio.run(run()))
    assert said.startswith("The proxy refused to connect to platform.example (407 Proxy Authentication Required).")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@127.0.0.1:1")
    assert str(failure()).startswith("No connection to the proxy 127.0.0.1: ")


def test_a_proxy_whose_name_leads_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@nowhere.invalid:1")
    assert str(failure()).startswith("No connection to the proxy nowhere.invalid: ")


def test_credentials_of_netrc_are_never_sent_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login user password canary")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def run() -> RawServer:
        async with raw_server(ok()) as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            await both(make_http(API), STORED.replace("https", "http"))
            return server

    assert "authorization" not in str(asyncio.run(run()).heads).lower()
