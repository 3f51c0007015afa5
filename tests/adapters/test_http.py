from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import hashlib
import itertools
import pickle
import socket
import ssl
import traceback
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from cf_ai_platform_client._version import __version__
from cf_ai_platform_client.adapters.http import Http
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.core.requests import ApiCall, Reply
from cf_ai_platform_client.errors import (
    CFError,
    NetworkError,
    NoConnectionError,
    RequestTimeoutError,
    ResponseError,
    UnsafeURLError,
)

from .wire import CALL, KEY, PUBLIC, Answer, RawServer, UnreadRules, make_http, ok, raw_server, reset

SIGNED = "/spaces/s%2F1/a%3Ab/../c+d/%C3%A9%20.json?X-Amz-Signature=can%2Fary%3D&list=a+b&x=%2e%2e;y"


def fetched(
    answer: bytes | Answer, target: str = "/a.json?sig=canary", runtime: Runtime | None = None, **limits: Any
) -> Reply:
    """Read a signed URL of a server that answers so."""

    async def run() -> Reply:
        async with raw_server(answer) as server:
            http = make_http(server.url("/api"), runtime=runtime, **limits)
            return await asyncio.wait_for(http.fetch(server.url(target)), 10)

    return asyncio.run(run())


def called(answer: bytes | Answer, call: ApiCall = CALL, **limits: Any) -> Reply:
    """Make a call to a platform that answers so."""

    async def run() -> Reply:
        async with raw_server(answer) as server:
            return await asyncio.wait_for(make_http(server.url("/api"), **limits).call(call), 10)

    return asyncio.run(run())


def failure(run: Callable[[], object]) -> CFError:
    """Return the error that a run ends with; it may show no secret, however it is looked at."""
    with pytest.raises(CFError) as caught:
        run()
    error = caught.value
    chain: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    seen = [repr(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    while chain:
        seen += chain.format_exception_only()
        chain = chain.__cause__ or chain.__context__
    assert not [text for text in seen if "canary" in text]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


def test_the_key_goes_to_the_platform_only_and_no_cookie_comes_back() -> None:
    async def run() -> tuple[RawServer, RawServer]:
        answer = ok(b"{}", "Set-Cookie: session=1; Path=/")
        async with raw_server(answer) as platform, raw_server(answer) as storage:
            http = make_http(platform.url("/api/v1"))
            async with http.connected():
                await http.call(CALL)
                await http.call(CALL)
                for url in (storage.url(), storage.url(), platform.url("/api/v1/projects/p/batches")):
                    await http.fetch(url)
            return platform, storage

    platform, storage = asyncio.run(run())
    assert [platform.header("X-API-Key", n) for n in range(3)] == [KEY, KEY, None]
    assert KEY not in str(storage.heads)
    assert "cookie" not in str(platform.heads + storage.heads).lower()
    assert "authorization" not in str(platform.heads + storage.heads).lower()
    assert (platform.connections, storage.connections) == (2, 1)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_answers_and_not_followed(status: str) -> None:
    async def run() -> tuple[int, int, int]:
        async with raw_server(ok()) as elsewhere:
            async with raw_server(ok(b"", f"Location: {elsewhere.url()}", status=status)) as server:
                http = make_http(server.url("/api"))
                async with http.connected():
                    replies = [await http.call(CALL), await http.fetch(server.url())]
            return replies[0].status, replies[1].status, elsewhere.connections

    assert asyncio.run(run()) == (int(status[:3]), int(status[:3]), 0)


def test_signed_urls_travel_byte_for_byte() -> None:
    async def run() -> str:
        async with raw_server(ok()) as server:
            await make_http(server.url("/api")).fetch(server.url(SIGNED))
            return server.heads[0]

    assert asyncio.run(run()).startswith(f"GET {SIGNED} HTTP/1.1\r\n")


def test_calls_travel_as_they_were_made() -> None:
    async def run() -> RawServer:
        async with raw_server(ok()) as server:
            call = ApiCall("signed_urls", "POST", "/spaces/a%2Fb/signedurls", "x=%3A&y=1", b'{"paths": ["a"]}')
            http = make_http(server.url("/api/v1"))
            async with http.connected():
                await http.call(CALL)
                await http.call(call)
            return server

    server = asyncio.run(run())
    assert server.heads[1].startswith("POST /api/v1/spaces/a%2Fb/signedurls?x=%3A&y=1 HTTP/1.1\r\n")
    assert [server.header("Content-Type", n) for n in range(2)] == [None, "application/json"]
    assert server.header("Content-Length") == "16"
    assert server.header("User-Agent") == f"cf-ai-platform-client/{__version__}"
    assert server.header("Accept-Encoding") == "gzip, deflate"


@pytest.mark.parametrize("where", ["machine 127.0.0.1 login canary password canary", "default login canary password x"])
def test_credentials_of_netrc_are_never_sent(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(where)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(where)

    async def run() -> str:
        async with raw_server(ok()) as server:
            http = make_http(server.url("/api"))
            await http.call(CALL)
            await http.fetch(server.url())
            return str(server.heads)

    assert "authorization" not in asyncio.run(run()).lower()


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("GZIP", gzip.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", _raw_deflate(b'{"a": 1}')),
        ("deflate, gzip", gzip.compress(zlib.compress(b'{"a": 1}'))),
        ("identity", b'{"a": 1}'),
    ],
    ids=["gzip", "GZIP", "deflate", "raw deflate", "both", "identity"],
)
def test_compressed_bodies_are_undone(encoding: str, body: bytes) -> None:
    reply = fetched(ok(body, f"Content-Encoding: {encoding}"))
    assert (reply.status, reply.body) == (200, b'{"a": 1}')
    assert called(ok(body, f"Content-Encoding: {encoding}")).body == b'{"a": 1}'


def test_encodings_in_several_headers_are_undone_in_their_order() -> None:
    body = gzip.compress(zlib.compress(b"{}"))
    assert fetched(ok(body, "Content-Encoding: deflate", "Content-Encoding: gzip")).body == b"{}"


def _chunked(*pieces: bytes, end: bool = True) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + (b"0\r\n\r\n" if end else b"")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ok(b"x" * 1001), "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too_large"),
        (_chunked(b"x" * 600, b"x" * 600), "too_large"),
        (ok(gzip.compress(bytes(1001)), "Content-Encoding: gzip"), "too_large"),
        (ok(gzip.compress(gzip.compress(bytes(10**8))), "Content-Encoding: gzip, gzip"), "too_large"),
        (ok(gzip.compress(b"{}" * 400)[:-9], "Content-Encoding: gzip"), "truncated"),
    ],
    ids=["length", "announced", "chunked", "bomb", "bomb in a bomb", "cut gzip"],
)
def test_bodies_are_read_under_a_limit(answer: bytes, code: str) -> None:
    for read in (fetched, called):
        error = failure(lambda read=read: read(answer, document_bytes=1000, api_bytes=1000))  # type: ignore[misc]
        assert (type(error), error.code) == (ResponseError, code)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 401 No\r\nContent-Length: 99999999999\r\n\r\n{}",
        b"HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\n{}",
        ok(b"x" * 200_000, status="401 No"),
        ok(gzip.compress(b"{}")[:-4], "Content-Encoding: gzip", status="401 No"),
    ],
    ids=["endless", "cut", "long", "cut gzip"],
)
def test_of_an_error_the_status_says_enough(answer: bytes) -> None:
    async def answer_and_close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    for read in (fetched, called):
        reply = read(answer_and_close, document_bytes=1000, api_bytes=1000)
        assert reply.status == 401
        assert len(reply.body) <= 1 << 16


def test_an_error_that_repeats_the_key_or_the_signature_is_shown_without() -> None:
    echo = ok(f'{{"message": "the key {KEY} is bad"}}'.encode(), f"Server: {KEY}", status="401 No")
    reply = called(echo)
    assert KEY not in f"{reply.body!r} {reply.headers}"
    signature = "0123456789abcdef"
    again = ok(f"<Message>{signature}</Message>".encode(), f"Location: /x?s={signature}", status="403 No")
    reply = fetched(again, target=f"/a?X-Amz-Signature={signature}")
    assert signature not in f"{reply.body!r} {reply.headers}"


def test_an_encoding_that_nobody_asked_for_is_left_alone() -> None:
    assert fetched(ok(b"{}", "Content-Encoding: aws-chunked")).body == b"{}"


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert len(fetched(ok(b"x" * 1000), document_bytes=1000).body) == 1000
    assert len(fetched(_chunked(b"x" * 500, b"x" * 500), document_bytes=1000).body) == 1000
    assert fetched(ok(b"")).body == b""


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(bytes(10**7)), gzip.compress(b"{}" * 99)[:-9]], ids=["none", "bomb", "cut"]
)
def test_an_error_answer_with_a_broken_body_is_still_that_error(body: bytes) -> None:
    reply = called(ok(body, "Content-Encoding: gzip", status="401 Unauthorized"), api_bytes=10**6)
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        _chunked(b"{}", end=False),
    ],
    ids=["length", "chunks"],
)
def test_a_body_that_ends_too_early_is_truncated(answer: bytes) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    error = failure(lambda: fetched(cut))
    assert (type(error), error.code, error.retryable) == (ResponseError, "truncated", True)
    assert str(error) == "The answer of 127.0.0.1 ended too early."


async def _reset_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def _close_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _speak_something_else(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


async def _send_no_chunk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}")
    await writer.drain()


async def _endless_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)
    await writer.drain()


@pytest.mark.parametrize(
    "answer", [_reset_at_once, _close_at_once, _speak_something_else, _send_no_chunk, _endless_header]
)
def test_a_connection_that_breaks_is_a_network_error(answer: Answer) -> None:
    for read in (fetched, called):
        error = failure(lambda read=read: read(answer))  # type: ignore[misc]
        assert (type(error), error.code, error.retryable) == (NetworkError, "network", True)
        assert "127.0.0.1 broke (" in str(error) or "127.0.0.1 does not speak HTTP" in str(error)


def test_a_reset_within_a_body_is_truncated() -> None:
    async def begin_and_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
        await writer.drain()
        reset(writer)

    assert failure(lambda: fetched(begin_and_reset)).code in {"truncated", "network"}


def test_nobody_at_home_is_a_network_error_with_a_hint() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        http = make_http(f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = failure(lambda: asyncio.run(http.call(CALL)))
    assert isinstance(error, NetworkError)
    assert isinstance(error, httpx.NetworkError)
    assert str(error).startswith("No connection to 127.0.0.1: ")
    assert str(error).endswith("Check the base URL, the network and the proxy settings.")


def test_a_storage_that_is_not_reached_says_nothing_of_base_url_and_proxies() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://LOCALHOST:{taken.getsockname()[1]}/a?canary"
        error = failure(lambda: asyncio.run(make_http("http://127.0.0.1:1/api/v1").fetch(url)))
    assert str(error).startswith("No connection to localhost: ")
    assert str(error).endswith(". Check the network and the proxy settings.")


def test_a_name_that_leads_nowhere_is_a_network_error() -> None:
    for host in ("no-such-host.invalid", "a..b", "x" * 300):
        error = failure(lambda host=host: asyncio.run(make_http(PUBLIC).fetch(f"https://{host}/a?canary")))  # type: ignore[misc]
        assert (isinstance(error, NetworkError), error.code) == (True, "network")


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
    await reader.read()


async def _always_about_to_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0)


async def _frames_without_content(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"0")
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("answer", [_silent, _stalls, _always_about_to_answer, _frames_without_content])
def test_no_answer_in_time_is_a_timeout(answer: Answer) -> None:
    error = failure(lambda: fetched(answer, read_timeout=0.05, connect_timeout=0.05))
    assert (type(error), error.code) == (RequestTimeoutError, "timeout")
    assert isinstance(error, httpx.TimeoutException)
    assert str(error) == "No answer from 127.0.0.1 in time."


def test_no_handshake_in_time_is_a_timeout() -> None:
    async def run() -> None:
        async with raw_server(_silent, at_once=True) as server:
            https = f"https://127.0.0.1:{server.port}/a?sig=canary"
            await make_http(server.url("/api"), connect_timeout=0.05).fetch(https)

    assert failure(lambda: asyncio.run(run())).code == "timeout"


@pytest.mark.parametrize(("size", "code"), [(102_400, None), (102_399, "too_slow")])
def test_a_body_that_trickles_is_too_slow(size: int, code: str | None) -> None:
    hours = itertools.count(0, 100)  # the first look at the clock is before the body, the second after it
    runtime = Runtime(monotonic=lambda: next(hours))

    async def whole_then_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"x" * size))
        await writer.drain()
        await reader.read()

    async def run() -> Reply:
        async with raw_server(whole_then_silent) as server:
            http = make_http(server.url("/api"), runtime=runtime, slow_rate=1024.0 if code else 0.0)
            return await http.fetch(server.url())

    if code is None:
        assert len(asyncio.run(run()).body) == size
    else:
        error = failure(lambda: asyncio.run(run()))
        assert (type(error), error.code, error.retryable) == (RequestTimeoutError, "too_slow", True)
        assert "in 100 seconds" in str(error)


def test_a_slow_minute_is_no_reason_to_give_up() -> None:
    seconds = itertools.count(0, 60)
    assert fetched(ok(b"{}"), runtime=Runtime(monotonic=lambda: next(seconds))).body == b"{}"


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


_MD5 = _base64(hashlib.md5(b"{}").digest())
_WRONG = _base64(hashlib.md5(b"[]").digest())


@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ([f"Content-MD5: {_MD5}"], True),
        ([f"Content-MD5: {_WRONG}"], False),
        ([f"x-goog-hash: crc32c=AAAAAA==,md5={_WRONG}"], False),
        ([f"x-goog-hash: md5={_WRONG}", "x-goog-hash: crc32c=AAAAAA=="], False),
        (["x-goog-hash: crc32c=AAAAAA==", f"x-goog-hash: md5={_MD5}"], True),
        ([f"x-amz-checksum-sha256: {_base64(hashlib.sha256(b'{}').digest())}"], True),
        ([f"x-amz-checksum-sha256: {_base64(hashlib.sha256(b'[]').digest())}"], False),
    ],
)
def test_digests_of_documents_are_checked(headers: list[str], right: bool) -> None:
    if right:
        assert fetched(ok(b"{}", *headers)).body == b"{}"
    else:
        error = failure(lambda: fetched(ok(b"{}", *headers)))
        assert (type(error), error.code) == (ResponseError, "checksum")


def test_digests_are_of_the_bytes_as_sent_and_of_whole_documents_only() -> None:
    packed = gzip.compress(b"{}")
    digest = f"Content-MD5: {_base64(hashlib.md5(packed).digest())}"
    assert fetched(ok(packed, "Content-Encoding: gzip", digest)).body == b"{}"
    assert fetched(ok(b"no", f"Content-MD5: {_WRONG}", status="404 Not Found")).status == 404
    assert called(ok(b"{}", f"Content-MD5: {_WRONG}")).body == b"{}"


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example/a?sig=canary",
        "ftp://storage.example/a?sig=canary",
        "file:///etc/passwd?canary",
        "https://user:canary@storage.example/a",
        "https://127.0.0.1/a?sig=canary",
        "https://[::1]/a?sig=canary",
        "https://[::ffff:127.0.0.1]/a?sig=canary",
        "https://169.254.169.254/latest/meta-data?canary",
        "https://10.0.0.1/a?sig=canary",
        "https://0x7f.1/a?sig=canary",
        "https://2130706433/a?sig=canary",
        "https://localhost/a?sig=canary",
        "https://LOCALHOST./a?sig=canary",
        "https://storage.example:bad/a?sig=canary",
        "https://[/a?sig=canary",
        "https://storage.example/a b?sig=canary",
        "https://storage.example/a\r\nX-Evil: 1?sig=canary",
        "/a?sig=canary",
        "",
    ],
)
def test_unsafe_urls_are_refused(url: str) -> None:
    error = failure(lambda: asyncio.run(make_http(PUBLIC).fetch(url)))
    assert (type(error), error.code, error.retryable) == (UnsafeURLError, "unsafe_url", False)
    assert isinstance(error, httpx.HTTPError)


def _at_loopback(base_url: str, *, allowed: tuple[str, ...] = ()) -> Http:
    return make_http(base_url, allowed=allowed, rules=UnreadRules)  # localhost stands for any name that leads there


def _reached(base_url: str, *, allowed: tuple[str, ...] = ()) -> tuple[str, int]:
    """Return how a storage on loopback, whose name does not tell, was refused, and how often it was called."""

    async def run() -> tuple[str, int]:
        async with raw_server(_close_at_once, at_once=True) as server:
            try:
                await _at_loopback(base_url, allowed=allowed).fetch(f"https://localhost:{server.port}/a?sig=canary")
            except CFError as error:
                return error.code, server.connections
            raise AssertionError

    return asyncio.run(run())


def test_a_name_that_leads_to_this_machine_is_refused_before_it_is_called() -> None:
    assert _reached(PUBLIC) == ("unsafe_url", 0)
    error = failure(lambda: asyncio.run(_at_loopback(PUBLIC).fetch("https://localhost/a?sig=canary")))
    assert "leads to 127.0.0.1, inside this network. If that host is yours, pass allowed_hosts" in str(error)


@pytest.mark.parametrize(
    ("base_url", "allowed"), [(PUBLIC, ("localhost",)), ("http://127.0.0.1:1/api", ()), ("https://10.0.0.1/api", ())]
)
def test_who_works_inside_may_go_there(base_url: str, allowed: tuple[str, ...]) -> None:
    assert _reached(base_url, allowed=allowed) == ("network", 1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def _over_tls(context: ssl.SSLContext, scheme: str = "https") -> tuple[Reply, Reply]:
    async def run() -> tuple[Reply, Reply]:
        async with raw_server(ok(), context) as server:
            http = make_http(f"{scheme}://localhost:{server.port}")
            async with http.connected():
                return await http.call(CALL), await http.fetch(f"{scheme}://localhost:{server.port}/a?sig=canary")

    return asyncio.run(run())


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_certificates_are_trusted_by_ssl_cert_file(
    scheme: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert [reply.body for reply in _over_tls(_server_side(authority, "localhost"), scheme)] == [b"{}", b"{}"]
    gc.collect()  # an open connection would complain now


def test_a_certificate_that_is_not_trusted_is_said_so(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    error = failure(lambda: _over_tls(_server_side(authority, "localhost")))
    assert (type(error), error.code) == (NoConnectionError, "network")
    assert str(error).startswith("The certificate of localhost is not trusted (")
    assert str(error).endswith("Behind a company proxy, point SSL_CERT_FILE to its certificate.")


def test_a_certificate_of_another_host_is_not_trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    error = failure(lambda: _over_tls(_server_side(authority, "evil.example")))
    assert str(error).startswith("The certificate of localhost is not trusted (")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_said_so(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    error = failure(lambda: asyncio.run(make_http(PUBLIC).call(CALL)))
    assert (type(error), error.code) == (NetworkError, "network")
    assert str(error).startswith("The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read (")


def test_https_to_a_server_without_it_is_a_network_error() -> None:
    async def run() -> None:
        async with raw_server(_speak_something_else, at_once=True) as server:
            await make_http(f"https://127.0.0.1:{server.port}").call(CALL)

    error = failure(lambda: asyncio.run(run()))
    assert error.code == "network"


def test_connections_live_as_long_as_their_last_user() -> None:
    async def run() -> None:
        first_is_done, opened = asyncio.Event(), asyncio.Event()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if "/slow" in server.heads[-1]:
                await first_is_done.wait()
            else:
                await opened.wait()
            writer.write(ok())
            await writer.drain()

        async with raw_server(answer) as server:
            http = make_http(server.url("/api"))
            first = asyncio.ensure_future(http.fetch(server.url("/fast")))
            while not server.heads:
                await asyncio.sleep(0)
            second = asyncio.ensure_future(http.fetch(server.url("/slow")))
            while len(server.heads) < 2:
                await asyncio.sleep(0)
            opened.set()
            assert (await first).status == 200
            first_is_done.set()
            assert (await second).status == 200

    asyncio.run(run())
    gc.collect()


def test_each_event_loop_has_its_own_connections() -> None:
    async def one(use: Callable[[], Awaitable[Reply]]) -> int:
        return (await use()).status

    async def run() -> None:
        async with raw_server(ok()) as server:
            http = make_http(server.url("/api"))
            async with http.connected() as mine, http.connected() as again:
                assert mine is again
                in_thread = asyncio.to_thread(lambda: asyncio.run(one(lambda: http.fetch(server.url()))))
                assert (await in_thread, (await http.fetch(server.url())).status) == (200, 200)
                assert server.connections == 2
            assert mine.api.session.closed
            assert mine.storage.session.closed

    asyncio.run(run())
    gc.collect()


def test_a_cancelled_request_leaves_nothing_open() -> None:
    async def run() -> None:
        async with raw_server(_silent) as server:
            http = make_http(server.url("/api"))
            task = asyncio.ensure_future(http.call(CALL))
            while not server.heads:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()

    asyncio.run(run())
    gc.collect()
