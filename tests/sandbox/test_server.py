from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
import subprocess
import sys
import threading
import warnings
from typing import Any

import httpx
import pytest

from cf_ai_platform_client import sandbox as public
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox

from .conftest import BATCHES, WORK_ITEMS, send, sign, visit

PATH = f"/api/v1{BATCHES}"


def answers(sandbox: Sandbox) -> bool:
    with visit(sandbox) as api:
        return api.get(BATCHES).status_code == 200


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_a_with_block_is_a_server() -> None:
    before = threading.enumerate()
    with Sandbox() as sandbox:
        port = sandbox.port
        assert sandbox.base_url == f"http://127.0.0.1:{port}/api/v1"
        assert (sandbox.project_id, sandbox.space_id, sandbox.api_key) == (
            "sample-project",
            "sample-space",
            "sandbox-key",
        )
        assert answers(sandbox)
        assert len(threading.enumerate()) == len(before) + 1
    assert not listens(port)
    assert threading.enumerate() == before


def test_an_async_with_block_is_a_server_that_leaves_the_loop_alone() -> None:
    async def use() -> int:
        async with Sandbox() as sandbox:
            port = sandbox.port
            async with httpx.AsyncClient(verify=False) as client:
                calls = [client.get(sandbox.base_url + BATCHES) for _ in range(5)]
                assert {answer.status_code for answer in await asyncio.gather(*calls)} == {401}
            assert len(asyncio.all_tasks()) == 1
        return port

    before = threading.enumerate()
    assert not listens(asyncio.run(use()))
    assert threading.enumerate() == before


def test_a_caller_who_blocks_does_not_starve_it() -> None:
    async def use() -> bool:
        async with Sandbox() as sandbox:
            return answers(sandbox)  # no await in between

    assert asyncio.run(use())


def test_what_a_block_raises_ends_the_server() -> None:
    with pytest.raises(KeyError), Sandbox() as sandbox:
        port = sandbox.port
        raise KeyError
    assert not listens(port)


def test_starting_and_stopping_twice_is_no_matter() -> None:
    sandbox = Sandbox()
    assert sandbox.start() is sandbox.start()
    port = sandbox.port
    with sandbox:
        assert sandbox.port == port
    sandbox.stop()
    sandbox.stop()
    assert not listens(port)
    with sandbox:
        assert answers(sandbox)
    assert len(sandbox.requests) == sandbox.counts["batches"] == 1


def test_before_it_runs_there_is_no_address() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"not running: use it as a context manager, or call start\(\)"):
            print(sandbox.base_url)
        with sandbox:
            assert sandbox.base_url
    sandbox.wait()


def test_waiting_ends_when_another_thread_stops_it() -> None:
    sandbox = Sandbox().start()
    waiting = threading.Thread(target=sandbox.wait)
    waiting.start()
    sandbox.stop()
    waiting.join()


def test_a_port_can_be_chosen() -> None:
    with Sandbox() as sandbox:
        port = sandbox.port
    with Sandbox(port=port) as sandbox:
        assert sandbox.port == port
        assert answers(sandbox)


def test_a_taken_port_is_one_sentence(cf_sandbox: Sandbox) -> None:
    before = threading.enumerate()
    other = Sandbox(port=cf_sandbox.port)
    with pytest.raises(OSError, match="choose another port") as caught:
        other.start()
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.strerror == (
        f"The sandbox cannot listen on port {cf_sandbox.port} of 127.0.0.1: choose another port, or 0 for a free one."
    )
    assert threading.enumerate() == before
    other.stop()
    assert answers(cf_sandbox)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"items": -1}, "items is -1: it must not be negative"),
        ({"items": 5, "project": Project()}, "items is 5: it must be left out where a project is given"),
        ({"latency": -0.1}, "latency is -0.1: it must not be negative"),
        ({"port": -1}, "port is -1: it must be between 0 and 65535"),
        ({"port": 65536}, "port is 65536: it must be between 0 and 65535"),
    ],
)
def test_bad_arguments_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Sandbox(**wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="the other systems have no more of 127/8 than 127.0.0.1")
def test_it_listens_on_the_loopback_only(cf_sandbox: Sandbox) -> None:
    for address in ("127.0.0.2", "::1"):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as connection:
            assert connection.connect_ex((address, cf_sandbox.port)) != 0


def test_latency_comes_before_every_answer() -> None:
    with Sandbox(latency=3600) as sandbox, send(sandbox, PATH) as connection:
        while not sandbox.counts["batches"]:
            connection.getpeername()
        assert sandbox.requests == []
        sandbox.stop()
        assert connection.recv(1) == b""


def test_latency_changes_no_answer() -> None:
    with Sandbox(latency=0.01) as sandbox, visit(sandbox) as api:
        assert api.get(BATCHES).status_code == 200
        assert httpx.get(sign(api), verify=False).status_code == 200
        assert sandbox.counts == {"batches": 1, "signed_urls": 1, "storage": 1}


def test_requests_are_copies_in_the_order_of_their_answers(cf_sandbox: Sandbox, api: httpx.Client) -> None:
    api.get(BATCHES)
    cf_sandbox.requests.clear()
    cf_sandbox.counts.clear()
    cf_sandbox.most_at_once.clear()
    cf_sandbox.faults_done["reset"] = 5
    api.get(WORK_ITEMS)
    assert [(seen.number, seen.endpoint) for seen in cf_sandbox.requests] == [(1, "batches"), (2, "work_items")]
    assert cf_sandbox.counts == cf_sandbox.most_at_once == {"batches": 1, "work_items": 1}
    assert cf_sandbox.faults_done == {}


def test_without_a_record_there_are_counts() -> None:
    with Sandbox(record=False, faults=[Fault("batches", "status", nth=2)]) as sandbox, visit(sandbox) as api:
        assert [api.get(BATCHES).status_code for _ in range(3)] == [200, 503, 200]
        assert sandbox.requests == []
        assert (sandbox.counts, sandbox.faults_done) == ({"batches": 3}, {"status": 1})


def test_open_requests_are_counted_and_cut_at_the_end() -> None:
    with Sandbox(faults=[Fault("batches", "slow", delay=3600)]) as sandbox, visit(sandbox) as api:
        connections = [send(sandbox, PATH) for _ in range(3)]
        while sandbox.counts["batches"] < 3 or not sandbox.counts["work_items"]:
            assert api.get(WORK_ITEMS).status_code == 200
        assert sandbox.most_at_once == {"batches": 3, "work_items": 1}
        assert sandbox.requests[-1].endpoint == "work_items"
    for connection in connections:
        with connection:
            assert connection.recv(1) == b""
    unanswered = [seen for seen in sandbox.requests if seen.endpoint == "batches"]
    assert [seen.status for seen in unanswered] == [0, 0, 0]


def test_a_client_that_leaves_in_mid_request_is_nothing_to_speak_of(caplog: pytest.LogCaptureFixture) -> None:
    begun = b"POST /api/v1/spaces/sample-space/signedurls HTTP/1.1\r\nHost: x\r\nX-API-Key: sandbox-key\r\n"
    with Sandbox() as sandbox, visit(sandbox) as api:
        with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
            connection.sendall(begun + b"Content-Length: 100\r\n\r\n{")
            while not sandbox.counts["signed_urls"]:
                api.get(WORK_ITEMS)
        while all(seen.endpoint != "signed_urls" for seen in sandbox.requests):
            api.get(WORK_ITEMS)
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


BROKEN = [Fault("batches", "reset"), Fault("storage", "truncated"), Fault("work_items", "slow", delay=3600)]


def stopped_under(requests: list[bytes]) -> list[str]:
    """Stop a sandbox on which connections have just been made, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Sandbox(faults=BROKEN) as sandbox:
            connections = [socket.create_connection(("127.0.0.1", sandbox.port)) for _ in requests]
            for connection, request in zip(connections, requests, strict=True):
                connection.sendall(request)
        for connection in connections:
            connection.close()
        del sandbox
        gc.collect()
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"GET /api",
        b"nonsense\r\n\r\n",
        *[
            f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: sandbox-key\r\n\r\n".encode()
            for path in (PATH, f"/api/v1{WORK_ITEMS}", "/storage/x")
        ],
    ],
    ids=lambda request: request[:40],
)
def test_nothing_is_left_open_whenever_it_stops(request_: bytes) -> None:
    for count in (1, 2, 3):
        assert stopped_under([request_] * count) == []


def test_nothing_is_left_open_while_others_keep_coming() -> None:
    def keep_coming(sandbox: Sandbox) -> None:
        stopping = threading.Thread(target=sandbox.stop)
        connections: list[socket.socket] = []
        port = sandbox.port
        for number in range(100):  # a backlog is 128
            if number == 5:
                stopping.start()
            with contextlib.suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", port)))
        stopping.join()
        for connection in connections:
            connection.close()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(10):
            keep_coming(Sandbox(items=1).start())
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_those_who_do_not_read_are_cut_too() -> None:
    project = Project(documents={"large": b"x" * 30_000_000})
    with Sandbox(project=project) as sandbox, visit(sandbox) as api:
        path = sign(api, "large").partition(f":{sandbox.port}")[2]
        connection = send(sandbox, path)
        while not sandbox.counts["storage"]:
            api.get(BATCHES)
    with connection:
        assert len(connection.recv(65536)) > 0


def test_many_sandboxes_run_side_by_side() -> None:
    with Sandbox(items=1) as one, Sandbox(items=2) as two, visit(one) as first, visit(two) as second:
        assert [api.get(WORK_ITEMS).json()["total"] for api in (first, second)] == [1, 2]
        assert (len(one.requests), len(two.requests)) == (1, 1)


def test_the_public_names_are_there() -> None:
    assert public.__all__ == ["STORM", "Delivery", "Document", "Fault", "Project", "Sandbox", "SeenRequest"]
    assert set(public.__all__) <= set(dir(public))
    assert all(getattr(public, name) for name in public.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Server'"):
        print(public.Server)  # type: ignore[attr-defined]


def test_the_name_alone_imports_no_server() -> None:
    program = """
import sys, cf_ai_platform_client.sandbox
assert "aiohttp" not in sys.modules
from cf_ai_platform_client.sandbox import Sandbox
ours = {name for name in sys.modules if name.startswith("cf_ai_platform_client.")}
print(*sorted(name for name in ours if not name.startswith("cf_ai_platform_client.sandbox")))
"""
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["cf_ai_platform_client._version"]
