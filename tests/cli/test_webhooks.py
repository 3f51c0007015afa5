from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.webhooks import SQLiteStore

from ..webhooks.signing import Signer, body_of
from .conftest import Command, environment

Start = Callable[..., "subprocess.Popen[str]"]
ITEM = "0520a8e8-6160-5229-842a-5eeff9033a39"
posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals, uses a POSIX shell")


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Listening for deliveries on http://127.0.0.1:"), line
    return line.split()[4].rstrip(";")


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture
def listen(start: Start, cf_sandbox: Sandbox) -> Callable[..., tuple[subprocess.Popen[str], str]]:
    """Start `cf-ai webhooks listen` for the sandbox's deliveries; return it and its URL."""

    def begin(*arguments: object) -> tuple[subprocess.Popen[str], str]:
        process = start("webhooks", "listen", "--port", 0, *arguments, environ=environment(cf_sandbox))
        return process, url_of(process)

    return begin


Listen = Callable[..., tuple["subprocess.Popen[str]", str]]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_listening_writes_a_line_for_each_delivery(number: signal.Signals, listen: Listen, cf_sandbox: Sandbox) -> None:
    process, url = listen()
    assert [cf_sandbox.deliver(ITEM, url).status for _ in range(2)] == [204, 204]
    assert line_of(process).endswith(f"Z  COMPLETED  {ITEM}\n")
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "\nStopped after 1 delivery.\n")


@posix
def test_listening_writes_json_for_programs(listen: Listen, cf_sandbox: Sandbox) -> None:
    process, url = listen("--json", "--jwks-url", cf_sandbox.jwks_url)
    cf_sandbox.deliver(ITEM, url)
    assert json.loads(line_of(process)) == json.loads(cf_sandbox.deliveries[0].body)


@posix
def test_the_command_gets_the_event_as_it_was_signed(listen: Listen, cf_sandbox: Sandbox, tmp_path: Path) -> None:
    process, url = listen("--exec", f"cat > {tmp_path}/event.json; echo done")
    cf_sandbox.deliver(ITEM, url)
    assert [line_of(process), line_of(process)][1] == "done\n"
    assert (tmp_path / "event.json").read_bytes() == cf_sandbox.deliveries[0].body


@posix
def test_a_command_that_fails_is_tried_again_at_the_next_start(
    listen: Listen, cf_sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.sqlite3"
    process, url = listen("--store", file, "--exec", "exit 3")
    cf_sandbox.deliver(ITEM, url)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == f"Work item {ITEM} was not handled: CommandFailed: the command ended with exit code 3\n"
    process.send_signal(signal.SIGINT)
    process.communicate()
    process, _ = listen("--store", file, "--exec", "echo handled")
    assert [line_of(process), line_of(process)][1] == "handled\n"


@posix
def test_what_is_given_up_is_told_and_tried_again_when_asked_for(
    listen: Listen, start: Start, cf_sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.sqlite3"
    process, url = listen("--store", file, "--exec", "exit 3", "--attempts", 1)
    cf_sandbox.deliver(ITEM, url)
    assert process.stderr is not None
    assert "was not handled" in process.stderr.readline()
    last = process.stderr.readline()
    assert last == f"Work item {ITEM} is given up after 1 attempt; its delivery stays in the store.\n"
    process.send_signal(signal.SIGINT)
    process.communicate()
    process = start(
        "webhooks", "listen", "--port", 0, "--store", file, "--attempts", 1, environ=environment(cf_sandbox)
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == "1 delivery in the store is given up after 1 attempt: start with more attempts to try again.\n"
    url_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    process, _ = listen("--store", file, "--exec", "echo handled", "--attempts", 2)
    assert [line_of(process), line_of(process)][1] == "handled\n"


@posix
def test_what_a_killed_process_left_is_handled_by_the_next(listen: Listen, cf_sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "deliveries.sqlite3"
    process, url = listen("--store", file, "--exec", "echo begun; while kill -0 $PPID 2>/dev/null; do sleep 0.05; done")
    items = [list_items(cf_sandbox)[number]["id"] for number in range(3)]
    assert [cf_sandbox.deliver(item, url).status for item in items] == [204] * 3
    assert [line_of(process), line_of(process)][1] == "begun\n"
    process.kill()
    process.wait()
    with SQLiteStore(file) as store:
        assert [event.work_item_id for event in store.unhandled(3)] == items
    process, _ = listen("--store", file, "--exec", "cat > /dev/null; echo handled")
    lines = [line_of(process) for _ in range(6)]
    assert [line.split()[-1] for line in lines[::2]] == items
    assert lines[1::2] == ["handled\n"] * 3


def list_items(sandbox: Sandbox) -> Any:
    from cf_ai_platform_client.sandbox.project import Selection

    return sandbox.project.select(Selection())


@posix
def test_a_forged_delivery_is_told_on_standard_error(listen: Listen, cf_sandbox: Sandbox) -> None:
    import httpx

    process, url = listen()
    body = body_of()
    answer = httpx.post(
        url, content=body, headers=Signer().headers(body, Timestamp=cf_sandbox.sign(b"")["X-Payload-Timestamp"])
    )
    assert answer.status_code == 401
    assert process.stderr is not None
    assert "(unknown_key)" in process.stderr.readline()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--jwks-url", "http://platform.example/jwks.json"],
            "--jwks-url is 'http://platform.example/jwks.json': it must be https",
        ),
        (["--tolerance", "-1"], "--tolerance is -1.0: it must be seconds"),
        (["--tolerance", "soon"], "'soon' is not a number of seconds, nor off."),
        (["--keys", __file__], "--keys is no key set: The JWKS is not JSON."),
        (["--keys", "nowhere.json"], "does not exist"),
        (["--keys", __file__, "--jwks-url", "https://x.example/"], "it must be left out where keys are given"),
        (["--port", "65536"], "65536"),
        (["--host", "192.0.2.1"], "of 192.0.2.1: "),
    ],
)
def test_what_is_typed_wrong_is_one_sentence(arguments: list[str], sentence: str, cf_ai: Command) -> None:
    run = cf_ai("webhooks", "listen", *arguments)
    assert run.code == 2
    assert sentence in run.err
    assert "Traceback" not in run.err


def test_a_taken_port_and_a_file_that_is_no_store(cf_ai: Command, cf_sandbox: Sandbox, tmp_path: Path) -> None:
    run = cf_ai("webhooks", "listen", "--port", cf_sandbox.port)
    assert (run.code, "address already in use." in run.err) == (2, True)
    (tmp_path / "x").write_text("not a database", encoding="utf-8")
    run = cf_ai("webhooks", "listen", "--port", 0, "--store", tmp_path / "x")
    assert (run.code, "file is not a database" in run.err) == (4, True)


# verify


@pytest.fixture
def saved(cf_sandbox: Sandbox, tmp_path: Path) -> Path:
    body = body_of(assetUrl="a\x1b[31m.jpg")
    path = tmp_path / "delivery.json"
    path.write_text(json.dumps({"headers": cf_sandbox.sign(body), "body": body.decode()}), encoding="utf-8")
    (tmp_path / "body.bin").write_bytes(body)
    return path


def test_a_saved_delivery_is_verified(saved: Path, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai("webhooks", "verify", saved, sandbox=cf_sandbox)
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[:3] == ["Verified.", f"  work item  {ITEM}", "  status     COMPLETED"]
    assert "\x1b" not in run.out
    run = cf_ai("webhooks", "verify", saved, "--json", "--tolerance", 60, sandbox=cf_sandbox)
    assert json.loads(run.out)["event"]["workItemID"] == ITEM
    pairs = [f"{name}:{value}" for name, value in json.loads(saved.read_text(encoding="utf-8"))["headers"].items()]
    given = [part for pair in pairs for part in ("--header", pair)]
    run = cf_ai("webhooks", "verify", saved.with_name("body.bin"), *given, sandbox=cf_sandbox)
    assert run.code == 0


def test_headers_may_be_pairs(saved: Path, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    delivery = json.loads(saved.read_text(encoding="utf-8"))
    pairs = [*delivery["headers"].items()]
    saved.write_text(json.dumps({**delivery, "headers": pairs}), encoding="utf-8")
    assert cf_ai("webhooks", "verify", saved, sandbox=cf_sandbox).code == 0
    saved.write_text(json.dumps({**delivery, "headers": [*pairs, pairs[0]]}), encoding="utf-8")
    run = cf_ai("webhooks", "verify", saved, sandbox=cf_sandbox)
    assert (run.code, "(doubled_header)" in run.err) == (1, True)


def test_a_delivery_that_is_refused_is_exit_code_1(saved: Path, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    delivery = json.loads(saved.read_text(encoding="utf-8"))
    saved.write_text(json.dumps({**delivery, "body": delivery["body"] + " "}), encoding="utf-8")
    run = cf_ai("webhooks", "verify", saved, sandbox=cf_sandbox)
    assert (run.code, run.out) == (1, "")
    assert run.err.endswith("has changed it. (wrong_signature)\n")
    run = cf_ai("webhooks", "verify", saved, "--json", sandbox=cf_sandbox)
    assert (run.code, json.loads(run.out)["reason"]) == (1, "wrong_signature")


def test_without_the_network_keys_come_from_a_file(saved: Path, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    import httpx

    keys = saved.with_name("jwks.json")
    keys.write_bytes(httpx.get(cf_sandbox.jwks_url, trust_env=False).content)
    assert cf_ai("webhooks", "verify", saved, "--keys", keys).code == 0
    run = cf_ai("webhooks", "verify", saved, "--jwks-url", "http://127.0.0.1:1/")
    assert (run.code, "cannot be verified: no connection to 127.0.0.1" in run.err) == (5, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"headers": {}}',
        '{"headers": 1, "body": ""}',
        '{"headers": {}, "body": 1}',
        '{"headers": [1], "body": ""}',
    ],
)
def test_a_file_that_is_no_delivery(text: str, tmp_path: Path, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    path = tmp_path / "delivery.json"
    path.write_text(text, encoding="utf-8")
    run = cf_ai("webhooks", "verify", path, sandbox=cf_sandbox)
    assert (run.code, "is not a saved delivery" in run.err) == (2, True)
    assert cf_ai("webhooks", "verify", path, "--header", "x", sandbox=cf_sandbox).code == 2


# send


@posix
def test_a_running_sandbox_delivers(listen: Listen, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    process, url = listen()
    run = cf_ai("webhooks", "send", "--to", url, "--port", cf_sandbox.port)
    assert (run.code, run.out) == (0, f"Delivered: work item {ITEM} is COMPLETED. {url} answered 204.\n")
    other = list_items(cf_sandbox)[1]["id"]
    arguments = ("--item", other, "--status", "CLIENT_REVIEW", "--json")
    run = cf_ai("webhooks", "send", "--to", url, "--port", cf_sandbox.port, *arguments)
    assert json.loads(run.out)["delivered"] is True
    assert [line_of(process).split()[2:] for _ in range(2)] == [["COMPLETED", ITEM], ["CLIENT_REVIEW", other]]


@posix
def test_without_a_sandbox_one_is_started(start: Start, cf_ai: Command) -> None:
    port = free_port()
    process = start(
        "webhooks", "listen", "--port", 0, "--jwks-url", f"http://127.0.0.1:{port}/api/.well-known/jwks.json"
    )
    run = cf_ai("webhooks", "send", "--to", url_of(process), "--port", port)
    assert (run.code, run.out.startswith("Delivered: ")) == (0, True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@posix
def test_an_endpoint_that_refuses_is_exit_code_1(listen: Listen, cf_ai: Command) -> None:
    _, url = listen("--jwks-url", "http://127.0.0.1:1/")
    with Sandbox(webhook_waits=()) as sandbox:
        run = cf_ai("webhooks", "send", "--to", url, "--port", sandbox.port)
        assert (run.code, run.out) == (1, "")
        assert f"Not delivered, in 1 attempt: {url} answered 503." in run.err
        assert f"http://127.0.0.1:{sandbox.port}/api/.well-known/jwks.json" in run.err
        run = cf_ai("webhooks", "send", "--to", "http://127.0.0.1:1/", "--port", sandbox.port)
        assert (run.code, "did not answer: no connection to 127.0.0.1 on port 1." in run.err) == (1, True)
        run = cf_ai("webhooks", "send", "--to", "http://127.0.0.1:1/", "--port", sandbox.port, "--item", "../x")
        assert (run.code, "../x" in run.err) == (2, True)
        run = cf_ai("webhooks", "send", "--to", "nowhere", "--port", sandbox.port)
        assert (run.code, "nowhere" in run.err) == (2, True)


@posix
def test_another_server_is_no_sandbox(listen: Listen, cf_ai: Command) -> None:
    _, url = listen()
    run = cf_ai("webhooks", "send", "--to", url, "--port", url.rpartition(":")[2].strip("/"))
    assert (run.code, "is no sandbox that signs webhooks" in run.err) == (2, True)


WITHOUT = "import sys; sys.modules['cryptography'] = None; from cf_ai_platform_client.cli.main import main; main()"


@pytest.mark.parametrize(
    "arguments", [["listen"], ["verify", __file__], ["send", "--to", "http://127.0.0.1:1/", "--port", "1"]]
)
def test_without_the_extra_a_sentence_says_what_to_install(arguments: list[str]) -> None:
    line = [sys.executable, "-c", WITHOUT, "webhooks", *arguments]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'cf-ai-platform-client[webhooks]'" in done.stderr
    assert "Traceback" not in done.stderr
