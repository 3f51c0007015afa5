from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.core.retry import RetryPolicy
from cf_ai_platform_client.errors import AuthenticationError, CFError, DiskError, ItemError
from cf_ai_platform_client.events import Event, ItemFailed, ItemStored, ListingFinished, PageListed, RetryScheduled
from cf_ai_platform_client.sandbox import STORM, Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.faults import Endpoint
from cf_ai_platform_client.sandbox.project import Selection

from ..adapters.disks import files_of_at_most
from ..conftest import Clock, files_below
from .runs import NUCLEUS, bounded, checked, client_of, download, failed_download, read_all


def sleepless(sandbox: Sandbox, woken: asyncio.Event | None = None) -> CFUserClient:
    """Return a client whose waits end with the event, or never."""

    async def sleep(_: float) -> None:
        await (woken or asyncio.Event()).wait()

    # the clock stands still until then, so nothing is due before
    runtime = Runtime(monotonic=lambda: 1e6 if woken and woken.is_set() else 0.0, sleep=sleep, jitter=lambda: 0.5)
    return CFUserClient(sandbox.api_key, sandbox.base_url, runtime=runtime, retry=RetryPolicy(total=1e9))


@pytest.mark.parametrize("endpoint", ["annotations", "storage"])
def test_a_good_item_never_waits_for_a_bad_one(endpoint: Endpoint, tmp_path: Path) -> None:
    async def run(sandbox: Sandbox) -> Any:
        rest_is_done, stored = asyncio.Event(), list[str]()

        def watch(event: Event) -> None:
            if isinstance(event, ItemStored):
                stored.append(event.item_id)
                if len(stored) == 35:
                    rest_is_done.set()

        client = sleepless(sandbox, rest_is_done)
        summary = await client.download_project(
            "sample-project", "sample-space", tmp_path, max_workers=1, on_event=watch
        )
        assert stored[-1] == NUCLEUS
        return summary

    faults = [Fault(endpoint, match=NUCLEUS, nth=1, action="status", status=503)]
    with Sandbox(faults=faults) as sandbox:
        assert checked(bounded(run(sandbox)), tmp_path).successful == 36


@pytest.mark.parametrize("endpoint", ["annotations", "work_items", "signed_urls"])
def test_a_401_in_mid_run_drains_what_is_in_flight_and_starts_nothing(endpoint: Endpoint, tmp_path: Path) -> None:
    later = {"annotations": 120, "work_items": 5, "signed_urls": 3}[endpoint]
    with Sandbox(items=1000, faults=[Fault(endpoint, nth=range(later, 2000), action="status", status=401)]) as sandbox:
        error, summary = failed_download(client_of(sandbox), tmp_path, limit=20)
        assert isinstance(error, AuthenticationError)
        assert sandbox.counts[endpoint] < later + 20
        assert sandbox.counts["storage"] == summary.successful
    assert summary.failed == 0
    assert len(summary.results) == summary.total_items
    assert {result.error_code for result in summary.results} <= {None, "not_attempted"}


@pytest.mark.parametrize("endpoint", ["annotations", "storage", "signed_urls", "work_items"])
def test_a_401_does_not_wait_for_what_waits_for_its_retry(endpoint: Endpoint, tmp_path: Path) -> None:
    faults = [
        Fault(endpoint, nth=2, action="status", status=503),
        Fault("annotations", nth=range(60, 2000), action="status", status=401),
    ]
    with Sandbox(items=1000, faults=faults) as sandbox:
        error, summary = failed_download(sleepless(sandbox), tmp_path)
    assert error.code == "unauthorized"
    assert summary.not_attempted > 0


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    project = Project(
        items=[{"id": f"{number}"} for number in range(300)],
        documents={
            f"coco_output/{n}.json": b'{"images": ["%s"]}' % (b"x" * 3_000_000 * (n == 150)) for n in range(300)
        },
    )
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "150.json").write_bytes(b"{}")
    with Sandbox(project=project) as sandbox, files_of_at_most(2_500_000), pytest.raises(DiskError) as caught:
        bounded(client_of(sandbox).download_project("sample-project", "sample-space", tmp_path))
    summary = caught.value.summary
    assert summary is not None
    assert (caught.value.code, summary.failed) == ("disk_full", 1)
    assert summary.total_items == summary.successful + summary.failed + summary.not_attempted
    files = files_below(tmp_path)
    assert files.pop("Default/150.json") == b"{}"
    assert len(files) == summary.successful
    assert not any(".part" in name for name in files)


@pytest.mark.parametrize("there", ["file", "file/below", "circle"])
def test_a_destination_that_cannot_be_ends_the_run_at_its_first_document(there: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "circle").symlink_to("circle")
    with Sandbox(items=3000, record=False) as sandbox:
        with pytest.raises(DiskError) as caught:
            bounded(client_of(sandbox).download_project("sample-project", "sample-space", tmp_path / there))
        assert sandbox.counts["storage"] < 1500
    assert caught.value.summary is not None
    assert caught.value.summary.successful == 0
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_link_in_place_of_one_batch_fails_that_batch_only(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Cell nuclei").symlink_to(tmp_path / "elsewhere")
    with Sandbox() as sandbox:
        summary = bounded(client_of(sandbox).download_project("sample-project", "sample-space", tmp_path / "out"))
    assert (summary.successful, summary.failed) == (20, 16)
    assert {result.error_code for result in summary.results if not result.success} == {"disk_error"}
    assert not files_below(tmp_path / "elsewhere")


HANDLED = [PageListed, ListingFinished, ItemStored, ItemFailed, RetryScheduled]
OWN = [
    ItemError("enough", code="not_attempted"),
    CFError("enough", code="server_error"),
    KeyError("enough"),
    OSError(5),
]


@pytest.mark.parametrize("way", ["files", "stream"])
@pytest.mark.parametrize("own", OWN, ids=repr)
@pytest.mark.parametrize("kind", HANDLED)
def test_whatever_a_handler_raises_ends_the_run(
    kind: type, own: Exception, way: str, tmp_path: Path, clock: Clock
) -> None:
    if isinstance(own, CFError):
        own.summary = None

    def stop(event: Event) -> None:
        if isinstance(event, kind):
            raise own

    faults = [
        Fault("storage", match=NUCLEUS, action="status", status=404),
        Fault("annotations", nth=3, action="status", status=503),
    ]
    with Sandbox(items=150, faults=faults) as sandbox, pytest.raises(type(own)) as caught:
        client = client_of(sandbox, clock)
        if way == "files":
            bounded(client.download_project("sample-project", "sample-space", tmp_path, on_event=stop))
        else:
            bounded(read_all(client, on_event=stop))
    assert caught.value is own
    assert not isinstance(own, CFError) or own.summary is not None


def test_at_most_a_thousand_items_are_on_their_way(tmp_path: Path) -> None:
    listed = done = most = 0

    def watch(event: Event) -> None:
        nonlocal listed, done, most
        listed += event.items if isinstance(event, PageListed) else 0
        done += isinstance(event, ItemStored | ItemFailed)
        most = max(most, listed - done)

    with Sandbox(items=2500, record=False) as sandbox:
        summary = download(client_of(sandbox), tmp_path, on_event=watch, results="none", max_workers=2)
    assert (summary.successful, listed) == (2500, 2500)
    assert most <= 1000 + 100  # and the page that is being let in


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_every_item_ends_once(seed: int, tmp_path: Path, clock: Clock) -> None:
    ended: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, ItemStored | ItemFailed):
            ended.append(event.item_id)

    with Sandbox(items=400, faults=STORM, seed=seed) as sandbox:
        listing = sandbox.project.select(Selection())
        summary = download(client_of(sandbox, clock), tmp_path, on_event=watch, limit=50)
        assert sorted(ended) == sorted(listing[n]["id"] for n in range(400))
    assert summary.not_attempted == 0
    assert [result.item_id for result in summary.results] == [listing[n]["id"] for n in range(400)]


def test_a_run_without_retries_left_fails_its_items_and_ends(tmp_path: Path, clock: Clock) -> None:
    with Sandbox(items=300, faults=[Fault("storage", action="status", status=503)]) as sandbox:
        summary = download(client_of(sandbox, clock, budget=20, refill=0.0), tmp_path)
        assert sandbox.counts["storage"] == 320
    assert summary.failed == 300


def test_a_cancelled_run_leaves_whole_files_and_no_tasks(tmp_path: Path) -> None:
    async def run(sandbox: Sandbox) -> None:
        stored = asyncio.Event()

        def watch(event: Event) -> None:
            if isinstance(event, ItemStored):
                stored.set()

        client = client_of(sandbox)
        task = asyncio.ensure_future(
            client.download_project("sample-project", "sample-space", tmp_path, on_event=watch)
        )
        await stored.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with Sandbox(items=5000, record=False) as sandbox:
        bounded(run(sandbox))
    assert not any(".part" in name for name in files_below(tmp_path))
