from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cf_ai_platform_client import CFUserClient, SyncCFUserClient
from cf_ai_platform_client.errors import NotFoundError
from cf_ai_platform_client.sandbox import Fault, Sandbox

from .conftest import files_below

STUCK_AFTER_FIVE = Fault("storage", nth=range(6, 100), action="slow", delay=3600)
PUBLIC = {name: member for name, member in inspect.getmembers(CFUserClient) if not name.startswith("_")}
ITERATORS = [name for name, member in PUBLIC.items() if "AsyncGenerator" in str(getattr(member, "__annotations__", ""))]
METHODS = [name for name, member in PUBLIC.items() if inspect.iscoroutinefunction(member)]
OWN_DOCSTRINGS = {"close", "create_with_api_key", "from_env"}


@pytest.fixture
def client(cf_sandbox: Sandbox) -> Iterator[SyncCFUserClient]:
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        yield client


def download(client: SyncCFUserClient, destination: Path, **more: Any) -> int:
    return client.download_project("sample-project", "sample-space", destination, **more).successful


def stream(client: SyncCFUserClient, **more: Any) -> Any:
    return client.iter_annotations("sample-project", "sample-space", **more)


def test_both_clients_have_the_same_names() -> None:
    own = {name for name in dir(SyncCFUserClient("key")) if not name.startswith("_")}
    assert own - {"twin", "portal"} == {name for name in dir(CFUserClient("key")) if not name.startswith("_")}
    downloads = ["close", "download_project", "get_annotation", "list_batches", "retry_failed"]
    exports = ["create_export", "delete_export", "download_export_file", "export", "get_export", "list_exports"]
    assert sorted(METHODS) == sorted([*downloads, *exports, "wait_for_export"])
    assert ITERATORS == ["iter_annotations", "iter_exports", "iter_work_items"]


@pytest.mark.parametrize("name", [*METHODS, *ITERATORS, "create_with_api_key", "from_env"])
def test_each_method_has_its_twins_signature_and_docstring(name: str) -> None:
    twin, own = getattr(CFUserClient, name), getattr(SyncCFUserClient, name)
    assert not inspect.iscoroutinefunction(own)
    assert own.__name__ == name
    expected, signature = inspect.signature(twin), inspect.signature(own)
    assert signature.parameters == expected.parameters
    returned = str(expected.return_annotation)
    if name in ITERATORS:
        returned = returned.replace("AsyncGenerator[", "Generator[").replace(", None]", ", None, None]")
    assert signature.return_annotation == returned
    assert own.__doc__ == twin.__doc__ or name in OWN_DOCSTRINGS


def test_both_are_made_alike() -> None:
    own, twin = inspect.signature(SyncCFUserClient).parameters, inspect.signature(CFUserClient).parameters
    assert {name: own[name] for name in own} == {name: twin[name] for name in twin if name != "runtime"}
    assert SyncCFUserClient.BASE_URL == CFUserClient.BASE_URL
    with SyncCFUserClient(" key ", "https://x.example/") as client:
        assert (client.api_key, client.base_url) == ("key", "https://x.example")
        assert repr(client) == "SyncCFUserClient(base_url='https://x.example')"
    assert SyncCFUserClient.create_with_api_key("key").base_url == CFUserClient.BASE_URL
    with pytest.raises(ValueError, match="api_key"):
        SyncCFUserClient.create_with_api_key(" ")


def test_from_env(cf_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CF_API_KEY", cf_sandbox.api_key)
    monkeypatch.setenv("CF_PLATFORM_BASE_URL", cf_sandbox.base_url)
    with SyncCFUserClient.from_env() as client:
        assert len(client.list_batches("sample-project")) == 4


def test_every_method_works(client: SyncCFUserClient, tmp_path: Path) -> None:
    assert download(client, tmp_path, batch_ids=[104]) == len(files_below(tmp_path)) == 16
    assert [batch.id for batch in client.list_batches("sample-project")] == [101, 102, 103, 104]
    items = list(client.iter_work_items("sample-project", limit=7))
    assert len(items) == 36
    assert client.get_annotation("sample-project", items[0].id).work_item_id == items[0].id
    assert {result.item.id for result in stream(client)} == {item.id for item in items}


def test_connections_are_kept_between_calls_and_after_close_the_client_works(client: SyncCFUserClient) -> None:
    for _ in range(2):
        assert client.list_batches("sample-project")
        client.close()
        client.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cf-ai-portal"]
    assert client.list_batches("sample-project")


def test_it_works_in_threads(client: SyncCFUserClient, tmp_path: Path) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        done.append(download(client, tmp_path / str(number)) + len(list(stream(client))))

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [72] * 4


def test_it_works_in_a_running_event_loop_as_in_a_notebook(client: SyncCFUserClient, tmp_path: Path) -> None:
    async def main() -> int:
        return download(client, tmp_path) + len(list(stream(client)))

    assert asyncio.run(main()) == 72


def test_errors_are_the_async_clients_with_the_callers_line(client: SyncCFUserClient, tmp_path: Path) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="no-such") as caught:
        client.download_project("no-such", "sample-space", tmp_path)
    error = caught.value
    assert isinstance(error, NotFoundError)
    assert error.response.status_code == 404
    assert error.summary is not None
    assert caught.traceback[0].path == Path(__file__)
    with pytest.raises(NotFoundError):
        list(client.iter_annotations("no-such", "sample-space"))


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda client: client.download_project("", "s", "d"), "project_id"),
        (lambda client: client.download_project("p", "s", "d", limit=0), "limit"),
        (lambda client: client.list_batches(" "), "project_id"),
        (lambda client: client.get_annotation("p", ".."), "work_item_id"),
        (lambda client: client.iter_work_items(""), "project_id"),
        (lambda client: client.iter_annotations("p", "s", max_workers=0), "max_workers"),
    ],
    ids=range(6),
)
def test_bad_arguments_are_refused_before_any_request(
    cf_sandbox: Sandbox, client: SyncCFUserClient, call: Callable[[SyncCFUserClient], object], argument: str
) -> None:
    with pytest.raises(ValueError, match=f"^{argument} is "):
        call(client)
    assert not cf_sandbox.counts


def test_a_handler_may_use_another_client_but_not_its_own(
    cf_sandbox: Sandbox, client: SyncCFUserClient, tmp_path: Path
) -> None:
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as other:
        assert download(client, tmp_path, on_event=lambda _: other.list_batches("sample-project")) == 36
    with pytest.raises(RuntimeError, match="use another client there"):
        download(client, tmp_path, on_event=lambda _: client.list_batches("sample-project"))


@pytest.mark.parametrize("error", [SystemExit(7), KeyError("enough")], ids=repr)
def test_what_a_handler_raises_ends_the_run_and_not_the_client(
    client: SyncCFUserClient, tmp_path: Path, error: BaseException
) -> None:
    def stop(_: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        download(client, tmp_path, on_event=stop)
    assert caught.value is error
    assert download(client, tmp_path) == 36


def leave_by_break(results: Iterator[Any]) -> None:
    for _ in results:
        break


def leave_by_close(results: Any) -> None:
    next(results)
    results.close()


def leave_to_the_collector(results: Iterator[Any]) -> None:
    next(results)
    cycle: list[Any] = [results]
    cycle.append(cycle)
    del results, cycle
    gc.collect()


@pytest.mark.parametrize("leave", [leave_by_break, leave_by_close, leave_to_the_collector])
@pytest.mark.parametrize("kind", ["annotations", "items"])
def test_leaving_an_iteration_early_cancels_the_rest(leave: Callable[[Any], None], kind: str) -> None:
    with Sandbox(items=100_000, record=False) as sandbox, SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
        leave(stream(client) if kind == "annotations" else client.iter_work_items("sample-project"))

        async def tasks_left() -> int:
            return len(asyncio.all_tasks())

        assert client.portal.run(tasks_left) == 2  # this one, and the thread's own
        assert sandbox.counts["work_items"] < 100


PREAMBLE = """
import sys, threading
from cf_ai_platform_client import SyncCFUserClient
from cf_ai_platform_client.events import ItemStored

client = SyncCFUserClient.from_env()
results = client.iter_annotations("sample-project", "sample-space")
"""


def script(sandbox: Sandbox, text: str, *arguments: object) -> subprocess.Popen[str]:
    environ = {**os.environ, "CF_API_KEY": sandbox.api_key, "CF_PLATFORM_BASE_URL": sandbox.base_url}
    line = [sys.executable, "-W", "error", "-c", PREAMBLE + text, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("client.list_batches('sample-project')", id="never closed"),
        pytest.param("client.list_batches('sample-project'); client.close()", id="closed"),
        pytest.param("next(results)", id="iteration abandoned"),
        pytest.param("items = client.iter_work_items('sample-project'); next(items)", id="listing abandoned"),
        pytest.param("next(results); cycle = [results]; cycle.append(cycle); del results", id="abandoned in a cycle"),
        pytest.param("next(results); client.close()", id="closed within an iteration"),
        pytest.param("list(results); del client", id="exhausted"),
        pytest.param("next(results); sys.modules['kept'] = results", id="kept to the very end"),
        pytest.param(
            "thread = threading.Thread(target=lambda: list(results)); thread.start(); thread.join()", id="in a thread"
        ),
    ],
)
def test_a_script_ends_in_silence(text: str) -> None:
    with Sandbox(items=300) as sandbox:
        process = script(sandbox, text)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")


def test_failures_are_values_and_are_not_printed(tmp_path: Path) -> None:
    text = "print(client.download_project('sample-project', 'sample-space', sys.argv[1]).failed)"
    with Sandbox(faults=[Fault("storage", nth=1, action="status", status=404)]) as sandbox:
        process = script(sandbox, text, tmp_path)
        assert process.communicate(timeout=120) == ("1\n", "")


INTERRUPTED = """
stored = 0

def count(event):
    global stored
    stored += isinstance(event, ItemStored)
    if stored == 5:
        print("five", flush=True)

try:
    if sys.argv[1] == "files":
        client.download_project("sample-project", "sample-space", sys.argv[2], on_event=count)
    else:
        for number, _ in enumerate(results, 1):
            if number == 5:
                print("five", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.readline()
print(len(client.list_batches("sample-project")))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("kind", ["files", "stream"])
def test_an_interrupt_reaches_the_caller_when_all_is_cleaned_up(kind: str, tmp_path: Path) -> None:
    with Sandbox(faults=[STUCK_AFTER_FIVE]) as sandbox:
        process = script(sandbox, INTERRUPTED, kind, tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == "five\n"
        while sandbox.counts["storage"] < 15:  # five that came, and all ten workers stuck
            pass
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        seen = sandbox.counts
        out, err = process.communicate("go on\n", timeout=120)
        later = sandbox.counts - seen
    assert (process.returncode, out, err) == (0, "4\n", "")
    assert later == {"batches": 1}
    files = files_below(tmp_path)
    assert len(files) == (5 if kind == "files" else 0)
    assert all("annotations" in json.loads(content) for content in files.values())
