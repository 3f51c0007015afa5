from __future__ import annotations

import asyncio
import email.utils
import itertools
import socket
from collections.abc import Iterator

import pytest

from cf_ai_platform_client.core.requests import json_of
from cf_ai_platform_client.errors import CFError, RateLimitError, ServerError, UnsafeURLError
from cf_ai_platform_client.events import Event, RetryScheduled
from cf_ai_platform_client.transfer.calls import HandlerError

from ..adapters.wire import CALL, Answer, RawServer, make_http, ok, raw_server
from ..conftest import Clock
from .runs import bounded, make_calls


def in_turn(*answers: bytes) -> Answer:
    """Answer each connection with the next of these, the last for ever."""
    left: Iterator[bytes] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(left))
        await writer.drain()

    return answer


def busy(retry_after: str | None = None, status: str = "429 Slow Down") -> bytes:
    return ok(b"{}", *([f"Retry-After: {retry_after}"] if retry_after else []), status=status)


GOOD = ok(b'{"items": []}')
DOWN = ok(b"{}", status="503 Down")


def patiently(clock: Clock, *answers: bytes, on_event: object = None, **policy: float) -> tuple[object, RawServer]:
    """Return what a patient call ends with."""

    async def run() -> tuple[object, RawServer]:
        async with raw_server(in_turn(*answers)) as server:
            calls = make_calls(server.url("/api"), clock, on_event, **policy)  # type: ignore[arg-type]
            try:
                return await calls.patiently(CALL, lambda reply: json_of(reply, "batches")), server
            except CFError as error:
                return error, server

    return bounded(run())


def test_what_may_pass_is_tried_again_with_growing_waits(clock: Clock) -> None:
    events: list[Event] = []
    found, server = patiently(clock, DOWN, DOWN, DOWN, GOOD, on_event=events.append)
    assert (found, len(server.heads), clock.slept) == ({"items": []}, 4, [0.125, 0.25, 0.5])
    assert events == [
        RetryScheduled("batches", 2, 0.125, "server_error", None),
        RetryScheduled("batches", 3, 0.25, "server_error", None),
        RetryScheduled("batches", 4, 0.5, "server_error", None),
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 301])
def test_what_cannot_pass_is_tried_once(status: int, clock: Clock) -> None:
    error, server = patiently(clock, ok(b"{}", status=f"{status} No"))
    assert isinstance(error, CFError)
    assert (error.status, len(server.heads), clock.slept) == (status, 1, [])


def test_attempts_and_time_come_to_an_end(clock: Clock) -> None:
    error, server = patiently(clock, DOWN, attempts=5)
    assert isinstance(error, ServerError)
    assert len(server.heads) == 5
    _, server = patiently(clock, DOWN, attempts=10**6, total=60.0, cap=20.0, budget=10**6)
    assert len(server.heads) < 20


def test_an_answer_that_is_not_json_is_asked_for_once_more(clock: Clock) -> None:
    error, server = patiently(clock, ok(b"<html>"))
    assert isinstance(error, CFError)
    assert (error.code, len(server.heads)) == ("invalid_json", 2)
    found, _ = patiently(clock, ok(b"<html>"), GOOD)
    assert found == {"items": []}


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("30", 30.0),
        ("1000000000", 120.0),
        (email.utils.formatdate(1045, usegmt=True), 45.0),
        (email.utils.formatdate(10, usegmt=True), 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("0", 0.0),
        (None, 0.0),
    ],
)
@pytest.mark.parametrize("status", ["429 Slow Down", "503 Down"])
def test_a_host_that_asks_for_a_pause_gets_it_from_all(
    asked: str | None, pause: float, status: str, clock: Clock
) -> None:
    async def run() -> None:
        async with raw_server(in_turn(busy(asked, status), GOOD)) as api, raw_server(GOOD) as storage:
            calls = make_calls(api.url("/api"), clock)
            with pytest.raises(CFError):
                await calls.once(CALL)
            await calls.fetch_once(storage.url(), "a")
            assert clock.now == 1000.0  # another host, though the same name
            await asyncio.gather(calls.once(CALL), calls.once(CALL))
            assert clock.now == 1000.0 + pause

    bounded(run())


def test_a_storage_that_asks_for_a_pause_does_not_hold_up_the_platform(clock: Clock) -> None:
    async def run() -> None:
        async with raw_server(GOOD) as api, raw_server(in_turn(busy("7"), GOOD)) as storage:
            calls = make_calls(api.url("/api"), clock)
            with pytest.raises(RateLimitError):
                await calls.fetch_once(storage.url(), "a")
            await calls.once(CALL)
            assert clock.now == 1000.0
            await calls.fetch_once(storage.url(), "a")
            assert clock.now == 1007.0

    bounded(run())


def test_a_longer_pause_is_not_cut_by_a_shorter_one(clock: Clock) -> None:
    async def run() -> None:
        async with raw_server(in_turn(busy("60"), busy("1"), GOOD)) as api:
            calls = make_calls(api.url("/api"), clock)
            results = await asyncio.gather(calls.once(CALL), calls.once(CALL), return_exceptions=True)
            assert {type(result) for result in results} == {RateLimitError}
            await calls.once(CALL)
            assert clock.now == 1060.0

    bounded(run())


def test_all_calls_share_one_budget_which_successes_refill(clock: Clock) -> None:
    async def run() -> int:
        answers = [DOWN] * 5 + [GOOD] * 2 + [DOWN]
        async with raw_server(in_turn(*answers)) as server:
            calls = make_calls(server.url("/api"), clock, attempts=100, budget=3, refill=1.0)
            for expected in (4, 1):
                before = len(server.heads)
                with pytest.raises(ServerError):
                    await calls.patiently(CALL, lambda reply: reply)
                assert len(server.heads) - before == expected
            for _ in range(2):
                await calls.once(CALL)
            before = len(server.heads)
            with pytest.raises(ServerError):
                await calls.patiently(CALL, lambda reply: reply)
            return len(server.heads) - before

    assert bounded(run()) == 3


def nowhere() -> tuple[socket.socket, str]:
    """Return an address at which nobody listens as long as the socket is open."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_address_where_nobody_ever_answered_is_given_up_early(clock: Clock) -> None:
    taken, base_url = nowhere()
    with taken:
        calls = make_calls(base_url, clock)
        with pytest.raises(CFError, match="No connection") as caught:
            bounded(calls.patiently(CALL, lambda reply: reply))
    assert (caught.value.code, len(clock.slept)) == ("network", 3)


@pytest.mark.parametrize("url", ["http://[::1?canary", "https://x.example:port/?canary", "nonsense?canary"])
def test_a_signed_url_that_is_none_fails_only_its_item(clock: Clock, url: str) -> None:
    with pytest.raises(UnsafeURLError) as caught:
        bounded(make_calls("https://x.example/api", clock).fetch_once(url, "a"))
    assert "canary" not in str(caught.value)


def test_an_address_that_never_answers_is_given_up_early(clock: Clock) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> None:
        async with raw_server(silent) as server:
            calls = make_calls(server.url(), clock)
            calls.http = make_http(server.url(), read_timeout=0.02, connect_timeout=0.02)
            with pytest.raises(CFError, match="No answer") as caught:
                await calls.patiently(CALL, lambda reply: reply)
            assert caught.value.code == "timeout"

    bounded(run())
    assert len(clock.slept) == 3


def test_one_that_answered_before_is_given_every_attempt(clock: Clock) -> None:
    taken, there = nowhere()

    async def run() -> None:
        async with raw_server(in_turn(ok(b"", status="404 Not Found"))) as server:
            calls = make_calls(server.url(), clock, attempts=7)
            with pytest.raises(CFError):
                await calls.once(CALL)
            calls.http = make_calls(there, clock).http
            with pytest.raises(CFError, match="No connection"):
                await calls.patiently(CALL, lambda reply: reply)

    with taken:
        bounded(run())
    assert len(clock.slept) == 6


def test_our_own_error_out_of_a_handler_is_not_taken_for_a_failed_call(clock: Clock) -> None:
    own = CFError("enough", code="server_error")

    def stop(event: Event) -> None:
        raise own

    with pytest.raises(HandlerError) as caught:
        patiently(clock, DOWN, on_event=stop)
    assert caught.value.error is own
