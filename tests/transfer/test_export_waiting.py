from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.core.export_orders import ExportOrder
from cf_ai_platform_client.errors import ExportTimeoutError, RateLimitError
from cf_ai_platform_client.events import Event, ExportStatusChanged, RetryScheduled
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.transfer.export_waiting import Waiting
from cf_ai_platform_client.transfer.exporting import create_export

from ..conftest import Clock
from .runs import bounded, make_calls


def waited(clock: Clock, polls: int, *faults: Fault, interval: float = 5.0, timeout: float = 600.0) -> Any:
    """Return the status or the error, and the events."""
    events: list[Event] = []
    with Sandbox(api_key="canary-key", export_polls=polls, faults=list(faults)) as sandbox:

        async def run() -> Any:
            calls = make_calls(sandbox.base_url, clock, events.append)
            made = await create_export(calls, "sample-space", ExportOrder("n"))
            try:
                done = await Waiting(calls, "sample-space", str(made.export_id), interval, timeout).done()
            except ExportTimeoutError as error:
                return error
            return done.status.value

        return bounded(run()), events


def test_each_change_of_status_is_an_event(clock: Clock) -> None:
    status, events = waited(clock, 4)
    assert status == "COMPLETED"
    seen = [(event.status, event.elapsed) for event in events if isinstance(event, ExportStatusChanged)]
    assert [name for name, _ in seen] == ["PENDING", "IN_PROGRESS", "COMPLETED"]
    assert [elapsed for _, elapsed in seen] == [0.0, 5.0, sum(clock.slept)]
    assert clock.slept == [5.0, 6.25, 7.8125]


def test_what_passes_is_told_with_the_pause_that_follows(clock: Clock) -> None:
    down = Fault("exports", nth=[3, 4], action="status", status=503, headers={"Retry-After": "40"})
    status, events = waited(clock, 4, down)
    assert status == "COMPLETED"
    retries = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(event.endpoint, event.delay, event.code) for event in retries] == [("export", 40.0, "server_error")] * 2
    assert {event.item_id for event in retries} != {None}


@pytest.mark.parametrize("timeout", [0.0, 1.0, 7.5, 100.0])
def test_the_last_question_is_asked_when_the_time_is_over(timeout: float, clock: Clock) -> None:
    error, _ = waited(clock, 1000, timeout=timeout)
    assert isinstance(error, ExportTimeoutError)
    assert clock.now == 1000.0 + timeout
    assert error.code == "timeout"
    assert error.__cause__ is None


def test_a_timeout_tells_of_the_last_failure(clock: Clock) -> None:
    down = Fault("exports", nth=range(2, 1000), action="status", status=429)
    error, _ = waited(clock, 1, down, timeout=20.0)
    assert isinstance(error, ExportTimeoutError)
    assert isinstance(error.__cause__, RateLimitError)
    assert "has an unknown status after 20 seconds; the last question failed: 429" in str(error)
