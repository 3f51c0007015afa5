"""C1: several event loops with one client, calls cancelled halfway, a loop that runs already; and nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from cf_ai_platform_client import CFUserClient, SyncCFUserClient
from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.events import Event, ItemStored
from cf_ai_platform_client.sandbox import Fault

from ..conftest import files_below
from .projects import made, process, serve, sources_of
from .promise import check_tidy, client_of, run

Items = dict[str, int | None]
BATCHES = {1: "one", 2: "two"}
ITEMS: Items = {f"item-{number:02}": 1 + number % 2 for number in range(60)}


async def download(client: CFUserClient, destination: Path, **more: Any) -> int:
    summary = await client.download_project("sample-project", "sample-space", destination, **more)
    return summary.successful


async def everything(client: CFUserClient, destination: Path) -> tuple[int, int, int, int]:
    """Use each kind of call once."""
    batches = len(await client.list_batches("sample-project"))
    listed = [item async for item in client.iter_work_items("sample-project")]
    documents = [each async for each in client.iter_annotations("sample-project", "sample-space")]
    return batches, len(listed), sum(each.error is None for each in documents), await download(client, destination)


ALL_OF_IT = (2, 60, 60, 60)


@pytest.mark.parametrize("entered", [False, True], ids=["bare", "entered"])
def test_c1_one_client_in_one_loop_after_another(entered: bool, destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)

        async def main() -> tuple[int, ...]:
            async with contextlib.AsyncExitStack() as stack:
                if entered:
                    await stack.enter_async_context(client)
                return await everything(client, destination)

        assert [asyncio.run(main()) for _ in range(3)] == [ALL_OF_IT] * 3


def test_c1_a_client_that_is_closed_more_often_than_opened(destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)

        async def main() -> tuple[int, ...]:
            async with client:
                found = await everything(client, destination)
            await client.close()
            await client.close()
            return found

        assert [asyncio.run(main()) for _ in range(2)] == [ALL_OF_IT] * 2


@pytest.mark.parametrize("entered", [False, True], ids=["bare", "entered"])
def test_c1_one_client_in_loops_of_several_threads_at_once(entered: bool, tmp_path: Path) -> None:
    done: list[tuple[int, ...]] = []
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)

        async def main(number: int) -> None:
            async with contextlib.AsyncExitStack() as stack:
                if entered:
                    await stack.enter_async_context(client)
                done.append(await everything(client, tmp_path / str(number)))

        in_threads(4, lambda number: asyncio.run(main(number)))
    assert done == [ALL_OF_IT] * 4
    for number in range(4):
        check_tidy(tmp_path / str(number))


def in_threads(count: int, work: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=work, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_c1_one_destination_from_several_loops_at_once(destination: Path) -> None:
    done: list[int] = []
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)
        in_threads(3, lambda _: done.append(asyncio.run(download(client, destination))))
        assert done == [60] * 3
        assert run(client, destination, expected=sources_of(ITEMS)).counts() == (0, 60, 0, 0)


def test_c1_a_loop_ends_while_another_is_in_the_middle(tmp_path: Path) -> None:
    """The second loop's whole life lies within one item of the first."""
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client, inner = client_of(sandbox), list[int]()

        def nest(event: Event) -> None:
            if isinstance(event, ItemStored) and not inner:
                in_threads(1, lambda _: inner.append(asyncio.run(download(client, tmp_path / "inner"))))

        assert asyncio.run(download(client, tmp_path / "outer", on_event=nest)) == 60
    assert inner == [60]


STAGES: list[Any] = ["work_items", "batches", "annotations", "signed_urls", "storage"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("entered", [False, True], ids=["bare", "entered"])
def test_c1_cancelled_in_the_middle_of_a_call_the_client_stays_usable(
    stage: Any, entered: bool, destination: Path
) -> None:
    stuck = Fault(stage, "slow", nth=1, delay=3600)
    with serve(made(ITEMS, BATCHES), faults=[stuck]) as sandbox:
        client = client_of(sandbox)

        async def main() -> int:
            async with contextlib.AsyncExitStack() as stack:
                if entered:
                    await stack.enter_async_context(client)
                task = asyncio.ensure_future(download(client, destination))
                await until(lambda: sandbox.counts[stage] > 0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert asyncio.all_tasks() == {asyncio.current_task()}
                check_tidy(destination)
                return await download(client, destination)

        assert asyncio.run(main()) == 60
    assert len(files_below(destination)) == 60


async def until(condition: Callable[[], bool]) -> None:
    """Let others work until it is so."""
    while not condition():
        await asyncio.sleep(0)


def test_c1_a_download_in_a_task_group_that_is_cancelled(destination: Path) -> None:
    stuck = Fault("storage", "slow", delay=3600)
    with serve(made(ITEMS, BATCHES), faults=[stuck]) as sandbox:

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(download, client_of(sandbox), destination)
                await until(lambda: sandbox.counts["storage"] > 0)
                tasks.cancel_scope.cancel()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())
        check_tidy(destination)
    with serve(made(ITEMS, BATCHES)) as sandbox:
        assert run(client_of(sandbox), destination, expected=sources_of(ITEMS)).counts()[2:] == (0, 0)


def test_c1_one_of_two_downloads_is_cancelled_and_the_other_goes_on(tmp_path: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)

        async def main() -> int:
            first = asyncio.ensure_future(download(client, tmp_path / "first"))
            second = asyncio.ensure_future(download(client, tmp_path / "second"))
            await until(lambda: sandbox.counts["annotations"] > 5)
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first
            return await second

        assert asyncio.run(main()) == 60
    assert len(files_below(tmp_path / "second")) == 60
    check_tidy(tmp_path / "first")


def test_c1_two_runs_share_a_destination_and_one_is_cancelled(destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)

        async def main() -> int:
            first = asyncio.ensure_future(download(client, destination, overwrite=True))
            second = asyncio.ensure_future(download(client, destination, overwrite=True))
            await until(lambda: sandbox.counts["storage"] > 5)
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first
            return await second

        assert asyncio.run(main()) == 60
        assert run(client, destination, expected=sources_of(ITEMS)).counts() == (0, 60, 0, 0)


@pytest.mark.parametrize("again", [1, 2, 3, 4, 5, 6, 8, 12])
def test_c1_cancelled_again_while_it_cleans_up(again: int, destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:

        async def main() -> None:
            task = asyncio.ensure_future(download(client_of(sandbox), destination))
            await until(lambda: sandbox.counts["storage"] > 5)
            for _ in range(again + 1):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

        asyncio.run(main())
        check_tidy(destination)
        assert run(client_of(sandbox), destination, expected=sources_of(ITEMS)).counts()[2:] == (0, 0)


def test_c1_iterators_that_are_left_early_leave_nothing(destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:

        async def main() -> None:
            client = client_of(sandbox)
            async for _ in client.iter_annotations("sample-project", "sample-space"):
                break
            async for _ in client.iter_work_items("sample-project", limit=5):
                break
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

        asyncio.run(main())


def test_c1_the_blocking_client_within_a_running_loop(destination: Path) -> None:
    """As in a notebook, whose cells run in an event loop; the async client works there too, beside it."""
    with serve(made(ITEMS, BATCHES)) as sandbox:

        async def cell() -> tuple[int, int, int]:
            with SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
                blocking = client.download_project("sample-project", "sample-space", destination).successful
                read = len(list(client.iter_annotations("sample-project", "sample-space")))
            return blocking, read, await download(client_of(sandbox), destination)

        assert asyncio.run(cell()) == (60, 60, 60)


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_c1_a_loop_of_another_make(name: str, destination: Path) -> None:
    policy = pytest.importorskip(name)
    with serve(made(ITEMS, BATCHES)) as sandbox:
        client = client_of(sandbox)
        for _ in range(2):
            loop = policy.new_event_loop()
            try:
                assert loop.run_until_complete(download(client, destination, overwrite=True)) == 60
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()


PREFACE = """
import asyncio, gc, sys, threading
from cf_ai_platform_client import CFUserClient, SyncCFUserClient
key, url, destination = sys.argv[1:]
P, S = "sample-project", "sample-space"
client = CFUserClient(key, url)
"""

SCRIPTS = {
    "a download": """
async def main():
    return await client.download_project(P, S, destination)
assert asyncio.run(main()).successful == 60
""",
    "several loops": """
async def main():
    async with client:
        await client.download_project(P, S, destination, overwrite=True)
        async for _ in client.iter_annotations(P, S):
            break
threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
asyncio.run(main())
""",
    "cancelled halfway": """
async def main():
    stored = asyncio.Event()
    def watch(event):
        if type(event).__name__ == "ItemStored":
            stored.set()
    task = asyncio.ensure_future(client.download_project(P, S, destination, on_event=watch))
    await stored.wait()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return await client.download_project(P, S, destination)
asyncio.run(main())
""",
    "left to the end of the loop": """
async def main():
    stored = asyncio.Event()
    task = asyncio.ensure_future(client.download_project(P, S, destination, on_event=lambda event: stored.set()))
    await stored.wait()
asyncio.run(main())
""",
    "left to the end of the loop at any moment": """
async def main(turns):
    task = asyncio.ensure_future(client.download_project(P, S, destination, overwrite=True))
    source = client.iter_annotations(P, S)
    step = asyncio.ensure_future(source.__anext__())
    for _ in range(turns):
        await asyncio.sleep(0)
for turns in range(18):
    asyncio.run(main(turns * turns))
""",
    "an iterator left behind": """
async def main():
    source = client.iter_annotations(P, S)
    print((await source.__anext__()).item.id, file=sys.stdout)
asyncio.run(main())
""",
    "an error of a handler": """
def fail(event):
    if type(event).__name__ == "ItemStored":
        raise RuntimeError("enough")
async def main():
    try:
        await client.download_project(P, S, destination, on_event=fail)
    except RuntimeError:
        pass
asyncio.run(main())
""",
    "the blocking client": """
with SyncCFUserClient(key, url) as blocking:
    blocking.download_project(P, S, destination)
    for _ in blocking.iter_annotations(P, S):
        break
""",
    "the blocking client, never closed": """
blocking = SyncCFUserClient(key, url)
blocking.download_project(P, S, destination)
source = blocking.iter_work_items(P)
next(source)
""",
    "the blocking client in a running loop": """
async def cell():
    blocking = SyncCFUserClient(key, url)
    blocking.download_project(P, S, destination)
    await client.download_project(P, S, destination)
asyncio.run(cell())
""",
    "a refused key": """
async def main():
    try:
        await CFUserClient("wrong-key", url).download_project(P, S, destination)
    except Exception as error:
        assert error.code == "unauthorized", error
asyncio.run(main())
""",
    "nothing awaited": """
whole = client.download_project(P, S, destination)
whole.close()
client.iter_work_items(P)
client.iter_annotations(P, S)
""",
}
COMPLAINTS = (
    "Warning",
    "never awaited",
    "was destroyed",
    "never retrieved",
    "unclosed",
    "Traceback",
    "Exception ignored",
)


QUICK = {"several loops", "cancelled halfway", "left to the end of the loop at any moment", "the blocking client"}


@pytest.mark.parametrize(
    "script",
    [pytest.param(text, id=name, marks=[] if name in QUICK else [pytest.mark.slow]) for name, text in SCRIPTS.items()],
)
def test_c1_python_finds_nothing_to_warn_of(script: str, destination: Path) -> None:
    options = ("-X", "dev", "-W", "error", "-W", "always::ResourceWarning", "-c")
    with serve(made(ITEMS, BATCHES)) as sandbox:
        text = f"{PREFACE}{script}\ngc.collect()\n"
        with process(*options, text, sandbox.api_key, sandbox.base_url, destination, sandbox=sandbox) as started:
            _, err = started.communicate()
    slow = [line for line in err.splitlines() if line.startswith("Executing <")]  # debug mode times callbacks
    rest = [line for line in err.splitlines() if line not in slow]
    assert not [line for line in rest if any(complaint in line for complaint in COMPLAINTS)], err
    assert (started.returncode, rest) == (0, [])


def test_c1_the_command_warns_of_nothing_either(destination: Path) -> None:
    with serve(made(ITEMS, BATCHES)) as sandbox:
        line = ("-X", "dev", "-W", "error", "-m", "cf_ai_platform_client.cli.main", "download", "sample-project")
        with process(*line, "sample-space", destination, "--no-progress", sandbox=sandbox) as started:
            _, err = started.communicate()
    assert started.returncode == 0
    assert not [line for line in err.splitlines() if not line.startswith("Executing <")]


@pytest.mark.skipif(not hasattr(os, "fork") or not Path("/proc/self/fd").is_dir(), reason="counts open files of Linux")
def test_c1_a_hundred_runs_leave_no_file_open_and_no_thread(destination: Path) -> None:
    few: Items = {"a": 1, "b": None}
    (destination.parent / "file").write_bytes(b"")
    with serve(made(few, BATCHES)) as sandbox:
        client = client_of(sandbox)
        for _ in range(5):
            asyncio.run(download(client, destination))
        before, threads = open_files(), threading.active_count()
        for number in range(50):
            asyncio.run(download(client, destination, overwrite=number % 2 == 0))
            with pytest.raises(DiskError):
                asyncio.run(download(client, destination.parent / "file" / "below"))
        assert threading.active_count() < threads + 25, "a thread of a loop that has just ended may be ending"
        assert open_files() <= before + 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def started_by(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_c1_importing_starts_nothing() -> None:
    script = "import cf_ai_platform_client as c, threading; c.CFUserClient('k'); print(threading.active_count())"
    assert started_by(script).stdout == "1\n"
