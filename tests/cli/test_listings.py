from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from cf_ai_platform_client.sandbox import Project, Sandbox

from .conftest import Command, environment

Start = Callable[..., "subprocess.Popen[str]"]


def test_batches_are_a_table(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai("batches", cf_sandbox.project_id, sandbox=cf_sandbox)
    heading, *rows = run.out.splitlines()
    assert heading.split() == ["ID", "ITEMS", "DONE", "CREATED", "NAME"]
    assert [row.split()[0] for row in rows] == ["101", "102", "103", "104"]
    assert rows[0].endswith("Yellowstone plot 541000")


def test_batches_as_json_have_the_wires_names(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai("batches", "--json", sandbox=cf_sandbox, CF_PROJECT_ID=cf_sandbox.project_id)
    assert [json.loads(line) for line in run.out.splitlines()] == list(cf_sandbox.project.batches())


def test_items_as_json_have_the_wires_names(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai("items", cf_sandbox.project_id, "--json", "--batch-id", "103", sandbox=cf_sandbox)
    items = [json.loads(line) for line in run.out.splitlines()]
    assert [item["batchId"] for item in items] == [103, 103]
    assert {"id", "resultUrl", "assetUrl", "updatedAt"} <= set(items[0])


def test_a_table_fits_a_terminal_of_80_columns(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    narrow = cf_ai("items", cf_sandbox.project_id, sandbox=cf_sandbox, COLUMNS="80").out.splitlines()
    tiny = cf_ai("items", cf_sandbox.project_id, sandbox=cf_sandbox, COLUMNS="50").out.splitlines()
    assert len(narrow) == 37
    assert max(map(len, narrow)) <= 79
    assert narrow[1].endswith("…")
    assert tiny[0].split() == ["ID", "BATCH"]


def test_wide_and_hostile_names_keep_the_table_straight(cf_ai: Command) -> None:
    names = ["樹木", "\x1b[2Jclear", "e\u0301", "two\nlines"]
    batches = [{"id": n, "projectId": "p", "name": name} for n, name in enumerate(names)]
    with Sandbox(project=Project(batch_objects=batches)) as sandbox:
        table = cf_ai("batches", sandbox.project_id, sandbox=sandbox)
        lines = cf_ai("batches", sandbox.project_id, "--json", sandbox=sandbox).out.splitlines()
    assert len(table.out.splitlines()) == 5
    assert "\x1b" not in table.out
    assert [json.loads(line)["name"] for line in lines] == names
    assert "".join(lines).isascii()


def test_nothing_to_list_is_said(cf_ai: Command) -> None:
    with Sandbox(project=Project()) as sandbox:
        assert cf_ai("items", sandbox.project_id, sandbox=sandbox).out == "No work items match.\n"
        assert cf_ai("batches", sandbox.project_id, sandbox=sandbox).out == "The project has no batches.\n"
        assert cf_ai("items", sandbox.project_id, "--json", sandbox=sandbox).out == ""


@pytest.mark.parametrize("command", ["batches", "items"])
def test_an_unknown_project_is_exit_code_5(command: str, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    run = cf_ai(command, "nope", "--json", sandbox=cf_sandbox)
    assert (run.code, run.out) == (5, "")
    assert "nope was not found" in run.err


@pytest.mark.parametrize("command", ["batches", "items"])
def test_a_wrong_key_is_exit_code_3(command: str, cf_sandbox: Sandbox, cf_ai: Command) -> None:
    assert cf_ai(command, cf_sandbox.project_id, sandbox=cf_sandbox, CF_API_KEY="wrong").code == 3


def test_tracebacks_only_with_vv(cf_sandbox: Sandbox, cf_ai: Command) -> None:
    for option in ("--json", "-v"):
        assert "Traceback" not in cf_ai("batches", "nope", option, sandbox=cf_sandbox).err
    run = cf_ai("batches", "nope", "-vv", sandbox=cf_sandbox)
    assert run.code == 5
    assert "Traceback" in run.err
    assert "nope was not found" in run.err.splitlines()[-1]


def test_a_reader_that_leaves_ends_it_quietly(start: Start) -> None:
    with Sandbox(items=20_000, record=False) as sandbox:
        process = start("items", sandbox.project_id, "--json", environ=environment(sandbox))
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"]
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0
        assert sandbox.counts["work_items"] < 200


def test_a_terminal_that_knows_only_ascii(start: Start) -> None:
    batches = [{"id": 1, "projectId": "p", "name": "樹木"}]
    with Sandbox(project=Project(batch_objects=batches)) as sandbox:
        plain = environment(sandbox, PYTHONIOENCODING="ascii", NO_COLOR="1", TERM="dumb")
        out, err = start("batches", sandbox.project_id, environ=plain).communicate()
    assert err == ""
    assert out.splitlines()[1].endswith(r"\u6a39\u6728")
