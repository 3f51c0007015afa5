from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from cf_ai_platform_client.errors import AuthenticationError, CFError, ListingError
from cf_ai_platform_client.events import Event, ItemFailed, ItemStored
from cf_ai_platform_client.models import AnnotatedItem
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.transfer import ledger

from ..conftest import Clock
from .runs import bounded, client_of, read_all

FAILING = Fault("annotations", action="status", status=404)


def stream(sandbox: Sandbox, **more: Any) -> AsyncGenerator[AnnotatedItem, None]:
    return client_of(sandbox).iter_annotations("sample-project", "sample-space", **more)


@pytest.mark.parametrize("faults", [[], [FAILING]], ids=["documents", "failures"])
def test_a_reader_who_is_slow_holds_up_the_transfer(faults: list[Fault], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "WINDOW", 40)
    ended = 0

    def watch(event: Event) -> None:
        nonlocal ended
        ended += isinstance(event, ItemStored | ItemFailed)

    async def run(sandbox: Sandbox) -> None:
        read = 0
        async for _ in stream(sandbox, on_event=watch, limit=10):
            read += 1
            if read in {1, 100}:
                while ended < read + 39:
                    await asyncio.sleep(0)
                for _ in range(5):  # time for more
                    await client_of(sandbox).list_batches("sample-project")
            assert ended - read <= 41
        assert read == ended == 300

    with Sandbox(items=300, faults=faults) as sandbox:
        bounded(run(sandbox))


def test_documents_that_nobody_reads_are_bounded_by_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from cf_ai_platform_client.transfer import iterate

    monkeypatch.setattr(iterate, "_QUEUED_BYTES", 10_000)
    content = b'{"images": ["' + b"x" * 4000 + b'"]}'
    project = Project(
        items=[{"id": str(n)} for n in range(60)], documents={f"coco_output/{n}.json": content for n in range(60)}
    )

    async def run(sandbox: Sandbox) -> None:
        read = 0
        async for _ in stream(sandbox, max_workers=2):
            read += 1
            if read == 1:
                while sandbox.counts["storage"] < 5:
                    await asyncio.sleep(0)
                for _ in range(5):
                    await client_of(sandbox).list_batches("sample-project")
                assert sandbox.counts["storage"] <= 7
        assert read == 60

    with Sandbox(project=project) as sandbox:
        bounded(run(sandbox))


@pytest.mark.parametrize("taken", [1, 50])
def test_leaving_early_ends_everything_it_started(taken: int) -> None:
    async def run(sandbox: Sandbox) -> None:
        read = 0
        results = stream(sandbox)
        async for _ in results:
            read += 1
            if read == taken:
                break
        await results.aclose()

    with Sandbox(items=3000, faults=[Fault("storage", rate=0.2, action="status", status=503)]) as sandbox:
        bounded(run(sandbox))


def test_a_cancelled_reader_ends_everything_it_started() -> None:
    async def run(sandbox: Sandbox) -> None:
        task = asyncio.ensure_future(read_all(client_of(sandbox)))
        while sandbox.counts["storage"] < 5:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with Sandbox(items=3000, record=False) as sandbox:
        bounded(run(sandbox))


CIRCLE = '{"items": [], "meta": {"cursorNext": "ca"}}'


@pytest.mark.parametrize(
    ("fault", "kind", "read"),
    [
        (Fault("work_items", nth=3, action="status", status=422), CFError, 20),
        (
            Fault("work_items", nth=3, action="altered", body='{"items": [], "meta": {"cursorNext": "ca"}}'),
            ListingError,
            20,
        ),
        (Fault("work_items", nth=1, action="status", status=401), AuthenticationError, 0),
    ],
    ids=["422", "circle", "401"],
)
def test_an_error_that_ends_the_run_comes_after_what_was_read(fault: Fault, kind: type[CFError], read: int) -> None:
    async def run(sandbox: Sandbox) -> list[AnnotatedItem]:
        found: list[AnnotatedItem] = []
        with pytest.raises(kind) as caught:
            async for result in stream(sandbox, limit=10):
                found.append(result)
        assert caught.value.summary is not None
        assert caught.value.summary.successful == read
        return found

    with Sandbox(items=100, faults=[fault]) as sandbox:
        found = bounded(run(sandbox))
    assert len({result.item.id for result in found if result.document}) == len(found) == read


def test_failures_come_as_values_in_between(clock: Clock) -> None:
    faults = [Fault("annotations", rate=0.3, action="status", status=404)]
    project = Project(items=[{"batchId": 1}, {"id": ""}])
    with Sandbox(items=200, faults=faults, seed=1) as sandbox:
        results = bounded(read_all(client_of(sandbox, clock)))
        struck = sandbox.faults_done["status"]
    failed = [result for result in results if result.error]
    assert (len(results), len(failed)) == (200, struck)
    assert all(result.document is None and result.error and result.error.code == "not_found" for result in failed)
    with Sandbox(project=project) as sandbox:
        nameless = bounded(read_all(client_of(sandbox, clock)))
    assert [result.error.code for result in nameless if result.error] == ["invalid_item"] * 2
