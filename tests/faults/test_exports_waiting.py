"""E5: what waits for a space export, while the platform is slow, down or says what nobody knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import ExportError, ExportTimeoutError
from cf_ai_platform_client.events import ExportStatusChanged
from cf_ai_platform_client.settings import Limits

from ..adapters.wire import ok
from ..conftest import Clock
from .promise import KEY, Kept
from .space import EXPORT, SHORT, Reaction, Space, break_off, download, during, hang


def wait(
    space: Space, destination: Path, clock: Clock, limits: Limits | None = None, **options: Any
) -> tuple[Kept, Any]:
    policy = {name: options.pop(name) for name in ("attempts",) if name in options}

    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.wait_for_export("sample-space", EXPORT, on_event=on_event, **options)

    return during(space, destination, act, clock, limits, **policy)


def test_e5_polls_grow_from_the_interval_and_the_deadline_holds(destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING"])
    kept, _ = wait(space, destination, clock, poll_interval=5.0, timeout=600.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert isinstance(kept.error, TimeoutError)
    assert clock.now - 1000.0 == 600.0
    assert clock.slept[:3] == [5.0, 6.25, 7.8125]
    assert max(clock.slept) == 30.0
    assert len(space.heads) == len(clock.slept) + 1
    assert "is still PENDING after 600 seconds" in str(kept.error)
    assert [event for event in kept.events if isinstance(event, ExportStatusChanged)] == [
        ExportStatusChanged(EXPORT, "PENDING", 0.0)
    ]


def test_e5_a_slow_poll_is_the_last_one_after_the_deadline(destination: Path, clock: Clock) -> None:
    async def slowly(head: str, writer: asyncio.StreamWriter) -> None:
        clock.now += 50.0
        writer.write(space.export("IN_PROGRESS"))
        await writer.drain()

    space = Space(polls=[slowly])
    kept, _ = wait(space, destination, clock, timeout=100.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert 100.0 <= clock.now - 1000.0 <= 150.0 + 50.0


@pytest.mark.parametrize("interval", [0, 0.0, 1e-9])
def test_e5_an_interval_of_0_does_not_hammer(interval: float, destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING"])
    wait(space, destination, clock, poll_interval=interval, timeout=10.0)
    assert min(clock.slept[:-1]) >= 0.5
    assert len(space.heads) <= 21


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_e5_what_passes_is_tolerated_until_the_deadline(status: int, destination: Path, clock: Clock) -> None:
    down = ok(b"{}", status=f"{status} x")
    kept, export = wait(Space(polls=["PENDING", *[down] * 20, "COMPLETED"]), destination, clock, attempts=1)
    assert (kept.error, export.status.value) == (None, "COMPLETED")
    clock = Clock()
    kept, _ = wait(Space(polls=[down]), destination, clock, timeout=60.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert clock.now - 1000.0 == 60.0
    assert f"{status} for the export {EXPORT}" in str(kept.error)


def test_e5_a_retry_after_beyond_the_deadline_is_not_waited_for(destination: Path, clock: Clock) -> None:
    down = ok(b"{}", "Retry-After: 1000000000", status="503 x")
    space = Space(polls=["PENDING", down])
    kept, _ = wait(space, destination, clock, timeout=60.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert (clock.now - 1000.0, len(space.heads)) == (60.0, 2)


def test_e5_a_broken_connection_after_an_answer_is_tolerated(destination: Path, clock: Clock) -> None:
    kept, export = wait(Space(polls=["PENDING", break_off, b"", hang, "FAILED"]), destination, clock, limits=SHORT)
    assert (kept.error, export.status.value) == (None, "FAILED")


def test_e5_an_address_where_nobody_ever_answers_ends_it_soon(destination: Path, clock: Clock) -> None:
    space = Space(polls=[break_off])
    kept, _ = wait(space, destination, clock, timeout=1e6)
    assert (kept.code, clock.now < 1100.0) == ("network", True)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_e5_what_stays_ends_it(status: int, destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING", ok(b"{}", status=f"{status} x")])
    kept, _ = wait(space, destination, clock)
    assert (getattr(kept.error, "status", 0), len(space.heads)) == (status, 2)


def test_e5_an_unknown_status_means_going_on(destination: Path, clock: Clock) -> None:
    space = Space(polls=["QUEUED", "PACKING\x1b[2J", "COMPLETED"])
    kept, export = wait(space, destination, clock)
    assert (kept.error, export.status.value, len(space.heads)) == (None, "COMPLETED", 3)
    assert "\x1b" not in kept.log


def test_e5_a_failed_export_is_returned_by_waiting_and_an_error_of_the_download(
    destination: Path, clock: Clock
) -> None:
    why = "out of \x1b[31mspace https://x.example/a?X-Amz-Signature=canary-signature"
    space = Space(polls=["FAILED"], more={"error": why})
    kept, export = wait(space, destination, clock)
    assert (kept.error, export.error) == (None, why)
    kept, _ = download(space, destination, clock)
    assert isinstance(kept.error, ExportError)
    assert isinstance(kept.error, ValueError)
    assert kept.code == "export_failed"
    assert "out of \\x1b[31mspace https://x.example/a" in str(kept.error)
    assert kept.files == {}


@pytest.mark.parametrize("poll", [ok(b"{}", status="404 x"), ok(b"{}", status="401 x"), "FAILED", "PENDING"])
def test_no_folder_is_made_for_an_export_without_a_file(poll: str | Reaction, destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(polls=[poll]), destination, clock, timeout=10.0)
    assert kept.error is not None
    assert not destination.exists()


@pytest.mark.parametrize("url", [None, "", "  "])
def test_an_export_without_a_url_is_an_error(url: str | None, destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(more={"downloadUrl": url}), destination, clock)
    assert isinstance(kept.error, ExportError)
    assert kept.code == "no_result"


def test_e5_waiting_can_be_cancelled() -> None:
    space = Space(polls=["PENDING"])

    async def run() -> None:
        async with space.served():
            client = CFUserClient(KEY, space.base_url)
            waiting = asyncio.ensure_future(client.wait_for_export("sample-space", EXPORT, poll_interval=3600.0))
            while not space.heads:
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(run())


def test_another_exports_answer_is_a_mismatch(destination: Path, clock: Clock) -> None:
    space = Space(more={"exportId": "11111111-1111-4111-8111-111111111111"})
    kept, _ = wait(space, destination, clock)
    assert (kept.code, len(space.heads)) == ("mismatch", 1)
