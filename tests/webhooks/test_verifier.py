from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from cf_ai_platform_client.webhooks import PRODUCTION_JWKS_URL, Verifier, WebhookError
from cf_ai_platform_client.webhooks.fetching import fetch_keys
from cf_ai_platform_client.webhooks.key_ring import FetchFailed

from ..adapters.wire import raw_server
from .signing import NOW, Signer, Time, body_of, key_server

SIGNER = Signer()
BODY = body_of()


def test_the_platforms_own_keys_are_the_default() -> None:
    assert PRODUCTION_JWKS_URL == "https://api.ai.cloudfactory.app/api/.well-known/jwks.json"
    Verifier()  # fetches nothing


@pytest.mark.parametrize("keys", [{"key-1": SIGNER.public}, {"keys": [SIGNER.jwk]}])
def test_keys_can_be_given(keys: Any) -> None:
    verifier = Verifier(keys=keys, clock=lambda: NOW)
    assert verifier.verify(BODY, SIGNER.headers(BODY)).work_item_id
    assert verifier.verify(bytearray(BODY), SIGNER.headers(BODY)).body == BODY  # type: ignore[arg-type]
    assert asyncio.run(verifier.averify(BODY, SIGNER.headers(BODY))).body == BODY


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"keys": {}}, "keys holds no Ed25519 key"),
        ({"keys": {"keys": []}}, "keys holds no Ed25519 key"),
        ({"keys": "nonsense"}, "keys is no key set: The JWKS is not JSON."),
        ({"keys": {"a": b"short"}}, "keys holds 'a', which is not the 32 bytes of an Ed25519 public key."),
        ({"keys": {"a": "text" * 8}}, "keys holds 'a'"),
        (
            {"jwks_url": "https://u:p@x.example/", "keys": {"a": bytes(32)}},
            "jwks_url is 'https://x.example/': it must be left out",
        ),
        ({"tolerance": -1}, "tolerance is -1: it must be seconds, or a timedelta, and not negative."),
        ({"tolerance": timedelta(seconds=-1)}, "tolerance is "),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"tolerance": float("inf")}, "tolerance is inf"),
        ({"tolerance": True}, "tolerance is True"),
        ({"tolerance": "300"}, "tolerance is '300'"),
        ({"max_stale": -1}, "max_stale is -1"),
        ({"max_stale": None}, "max_stale is None"),
    ],
)
def test_what_cannot_be_right_is_refused_at_once(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Verifier(**arguments)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("body", [BODY.decode(), None, {"workItemID": "7"}])
def test_a_body_that_is_not_bytes_is_a_mistake_of_the_caller(body: Any) -> None:
    with pytest.raises(TypeError, match="it must be the raw bytes of the request"):
        SIGNER.verifier().verify(body, SIGNER.headers(BODY))


def test_without_the_extra_a_sentence_says_what_to_install() -> None:
    code = "import sys; sys.modules['cryptography'] = None; import cf_ai_platform_client.webhooks as it; it.Verifier()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'cf-ai-platform-client[webhooks]'" in done.stderr.splitlines()[-1]


def test_the_event_loop_runs_on_while_keys_are_fetched() -> None:
    fetched = threading.Event()

    async def main() -> None:
        with key_server(SIGNER) as server:
            server.before = fetched.wait
            verifier = Verifier(server.url, clock=lambda: NOW)
            task = asyncio.ensure_future(verifier.averify(BODY, SIGNER.headers(BODY)))
            while not server.asked:
                await asyncio.sleep(0)
            fetched.set()
            assert (await task).body == BODY

    asyncio.run(main())


def test_a_known_key_does_not_wait_for_the_fetch_of_an_unknown_one() -> None:
    asked, end, time = threading.Event(), threading.Event(), Time()
    with key_server(SIGNER) as server:
        verifier = Verifier(server.url, clock=lambda: NOW, monotonic=time)
        verifier.verify(BODY, SIGNER.headers(BODY))
        time.now += 60
        server.before = lambda: (asked.set(), end.wait(10))
        with ThreadPoolExecutor(1) as threads:
            unknown = threads.submit(verifier.verify, BODY, SIGNER.headers(BODY, Key_Id="other"))
            assert asked.wait(10)
            verifier.verify(BODY, SIGNER.headers(BODY))
            assert not unknown.done()
            end.set()
        assert isinstance(unknown.exception(), WebhookError)
    assert server.asked == 2


def test_one_waits_for_the_fetch_while_the_others_use_keys_that_ran_out() -> None:
    asked, end, time = threading.Event(), threading.Event(), Time()
    with key_server(SIGNER) as server:
        verifier = Verifier(server.url, clock=lambda: NOW, monotonic=time)
        verifier.verify(BODY, SIGNER.headers(BODY))
        time.now += 300
        server.before = lambda: (asked.set(), end.wait(10))
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(verifier.verify, BODY, SIGNER.headers(BODY))
            assert asked.wait(10)
            verifier.verify(BODY, SIGNER.headers(BODY))
            asyncio.run(verifier.averify(BODY, SIGNER.headers(BODY)))
            assert not first.done()
            end.set()
        first.result()
    assert server.asked == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_fetches_with_a_thread_of_its_own() -> None:
    time = Time()
    with key_server(SIGNER) as server:
        verifier = Verifier(server.url, clock=lambda: NOW, monotonic=time)
        verifier.verify(BODY, SIGNER.headers(BODY))
        time.now += 300
        child = os.fork()
        if not child:
            signal.alarm(20)
            asyncio.run(verifier.averify(BODY, SIGNER.headers(BODY)))
            os._exit(0 if verifier._ring._cache.fresh_until > time.now else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert server.asked == 2


def test_a_proxy_is_not_asked_for_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with key_server(SIGNER) as server, key_server(SIGNER) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        Verifier(server.url, clock=lambda: NOW).verify(BODY, SIGNER.headers(BODY))
        assert (server.asked, proxy.asked) == (1, 0)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[bad", "nonsense"])
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(WebhookError, match="no connection to platform.example") as caught:
        Verifier("https://platform.example/", clock=lambda: NOW).verify(BODY, SIGNER.headers(BODY))
    assert caught.value.reason == "keys_unavailable"


@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n "]
)
def test_an_answer_that_trickles_is_given_up(begin: bytes) -> None:
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await writer.drain()
        await given_up.wait()

    async def main() -> None:
        async with raw_server(trickle) as server:
            try:
                with pytest.raises(FetchFailed, match=r"^no whole answer from 127.0.0.1 in time$"):
                    await asyncio.to_thread(fetch_keys, server.url(), 0.2)
            finally:
                given_up.set()

    given_up = asyncio.Event()
    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "no connection to 127.0.0.1"),
        (b"nonsense\r\n\r\n", "no connection to 127.0.0.1"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "127.0.0.1 answers 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is no key set: The JWKS has no list"),
    ],
)
def test_why_keys_did_not_come_is_said(answer: bytes, why: str) -> None:
    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async def main() -> None:
        async with raw_server(send) as server:
            with pytest.raises(WebhookError) as caught:
                await Verifier(server.url(), clock=lambda: NOW).averify(BODY, SIGNER.headers(BODY))
            assert why in str(caught.value)
            assert caught.value.retryable

    asyncio.run(main())
