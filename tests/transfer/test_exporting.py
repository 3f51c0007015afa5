from __future__ import annotations

import json
from typing import Any

import pytest

from cf_ai_platform_client.core.export_orders import ExportOrder
from cf_ai_platform_client.errors import CFError, ConflictError, ListingError
from cf_ai_platform_client.events import Event, RetryScheduled
from cf_ai_platform_client.models import ExportFormat
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.transfer.created import CreatedExports
from cf_ai_platform_client.transfer.exporting import (
    create_export,
    create_or_attach,
    delete_export,
    get_export,
    iterate_exports,
)

from ..conftest import Clock
from .runs import bounded, make_calls


def calls_of(sandbox: Sandbox, clock: Clock, events: list[Event] | None = None, **policy: Any) -> Any:
    return make_calls(sandbox.base_url, clock, events.append if events is not None else None, **policy)


@pytest.fixture
def sandbox() -> Any:
    with Sandbox(export_polls=0, api_key="canary-key") as running:
        yield running


async def listed(calls: Any, export_format: ExportFormat | None = None) -> list[str | None]:
    return [export.name async for export in iterate_exports(calls, "sample-space", export_format)]


def test_all_pages_are_listed_each_export_once_newest_first(sandbox: Sandbox, clock: Clock) -> None:
    async def run() -> None:
        calls = calls_of(sandbox, clock)
        for number in range(105):
            await create_export(
                calls, "sample-space", ExportOrder(f"{number}", ExportFormat(["CSV", "JSON"][number % 2]))
            )
        assert await listed(calls) == [str(number) for number in reversed(range(105))]
        assert len(await listed(calls, ExportFormat.JSON)) == 52

    bounded(run())
    asked = [request.query for request in sandbox.requests if request.method == "GET"]
    assert ["cursor=" in query for query in asked] == [False, True, False]
    assert "limit=100" in asked[0]


def test_a_cursor_that_goes_in_a_circle_ends_it(clock: Clock) -> None:
    page = {"items": [{"exportId": f"{1:032x}", "status": "PENDING", "name": "a"}], "meta": {"cursorNext": "c"}}
    circle = Fault("exports", action="status", status=200, body=json.dumps(page))
    with Sandbox(api_key="canary-key", faults=[circle]) as sandbox, pytest.raises(ListingError):
        bounded(listed(calls_of(sandbox, clock)))


def test_reading_is_made_again_and_creating_is_not(clock: Clock) -> None:
    events: list[Event] = []
    faults = [Fault("exports", nth=[1, 2, 4], action="status", status=503)]
    with Sandbox(api_key="canary-key", faults=faults) as sandbox:

        async def run() -> None:
            calls = calls_of(sandbox, clock, events)
            with pytest.raises(CFError) as caught:
                await create_export(calls, "sample-space", ExportOrder("n"))
            assert (caught.value.code, caught.value.status) == ("unknown_outcome", 503)
            assert await listed(calls) == ["n"]  # it was made
            export_id = sandbox.exports[0]["exportId"]
            assert str((await get_export(calls, "sample-space", export_id)).export_id) == export_id
            await delete_export(calls, "sample-space", export_id)

        bounded(run())
        assert [request.method for request in sandbox.requests] == ["POST", "GET", "GET", "GET", "GET", "DELETE"]
    assert [event.attempt for event in events if isinstance(event, RetryScheduled)] == [2, 2]


def test_attaching_asks_who_is_in_the_way(clock: Clock) -> None:
    with Sandbox(api_key="canary-key", export_polls=1000) as sandbox:

        async def run() -> None:
            calls, created, order = calls_of(sandbox, clock), CreatedExports(), ExportOrder("n")
            first = await create_or_attach(calls, "sample-space", order, created, attach=False)
            again = await create_or_attach(calls, "sample-space", order, created, attach=False)
            assert again.export_id == first.export_id
            for other in (ExportOrder("m"), ExportOrder("n", batch_ids=(1,))):
                with pytest.raises(ConflictError) as caught:
                    await create_or_attach(calls, "sample-space", other, created, attach=False)
                assert caught.value.item_id == str(first.export_id)
            with pytest.raises(ConflictError):
                await create_or_attach(calls, "sample-space", order, CreatedExports(), attach=False)
            taken = await create_or_attach(calls, "sample-space", order, CreatedExports(), attach=True)
            assert taken.export_id == first.export_id

        bounded(run())
        assert len(sandbox.exports) == 1
