from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from cf_ai_platform_client.cli.exits import run_reporting
from cf_ai_platform_client.cli.exports import COMMANDS
from cf_ai_platform_client.cli.exports.showing import export_json, print_export
from cf_ai_platform_client.errors import ArchiveError, ExportError, ExportTimeoutError
from cf_ai_platform_client.models import ExportResponse
from cf_ai_platform_client.sandbox import Fault, Sandbox

from .conftest import Command, environment

Start = Callable[..., "subprocess.Popen[str]"]
SPACE = "sample-space"


@pytest.fixture
def quick() -> Sandbox:
    """Return a sandbox whose exports are done when they are first asked for, so that nothing sleeps."""
    return Sandbox(export_polls=1)


def made(sandbox: Sandbox, cf_ai: Command, *arguments: object) -> str:
    run = cf_ai("exports", "create", sandbox.space_id, *arguments, sandbox=sandbox)
    assert run.code == 0, run.err
    return run.out.strip()


def test_an_export_step_by_step(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        export_id = made(quick, cf_ai, "--name", "nightly", "--format", "csv")
        waited = cf_ai("exports", "wait", SPACE, export_id, sandbox=quick)
        run = cf_ai("exports", "download", SPACE, export_id, tmp_path, sandbox=quick)
        rows = cf_ai("exports", "read", tmp_path / f"{export_id}.zip").out.splitlines()
        gone = cf_ai("exports", "delete", SPACE, export_id, "--yes", sandbox=quick)
        assert quick.exports == []
    assert waited.out.splitlines()[:3] == [f"Export {export_id}", "  name     nightly", "  status   COMPLETED"]
    assert run.out == f"{tmp_path / export_id}.zip\n"
    assert run.err.endswith("kB, downloaded:\n")
    assert len(rows) == 615
    first = json.loads(rows[0])
    assert (first["member"], first["kind"]) == ("annotations.csv", "csv")
    assert (gone.code, gone.out) == (0, f"Deleted the export {export_id}.\n")


def test_created_is_an_id_and_what_to_type_next(quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        run = cf_ai("exports", "create", "--name", "n", sandbox=quick, CF_SPACE_ID=SPACE)
        (export,) = quick.exports
    assert run.out == f"{export['exportId']}\n"
    assert run.err.startswith("It is PENDING. ")
    assert run.err.endswith(f" exports wait {SPACE} {export['exportId']} waits for it.\n")


def test_what_is_ordered_is_what_was_typed(quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        made(quick, cf_ai, "--format", "json", "--content", "asset-metadata", "--name", "n")
        (export,) = quick.exports
    assert (export["name"], export["format"], export["content"]) == ("n", "JSON", "ASSET_METADATA")


def test_a_name_is_made_up(quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        made(quick, cf_ai)
        assert quick.exports[0]["name"].startswith("cf-ai 2")


def test_filters_reach_the_platform(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        project = quick.project_id
        filters = ["--batch-id", "103", "--project-id", project, "--created-at-from", "2020-01-01"]
        path = cf_ai("export", SPACE, tmp_path, *filters, sandbox=quick).out.strip()
        documents = cf_ai("exports", "read", path, "--data-only").out.splitlines()
    assert len(documents) == 2
    assert "images" in json.loads(documents[0])


def test_json_has_the_wires_names_and_no_url(quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        created = json.loads(cf_ai("exports", "create", SPACE, "--json", "--name", "n", sandbox=quick).out)
        export_id = created["exportId"]
        runs = [cf_ai("exports", name, SPACE, export_id, "--json", sandbox=quick) for name in ("get", "wait")]
        runs.append(cf_ai("exports", "list", SPACE, "--json", sandbox=quick))
        (served,) = quick.exports
    del served["downloadUrl"]
    assert [json.loads(run.out) for run in runs] == [served] * 3
    assert set(created) == set(served)


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_url_is_shown_when_asked_for_alone(more: list[str], quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        export_id = made(quick, cf_ai)
        hidden = [
            cf_ai("exports", "get", SPACE, export_id, *more, "-vv", sandbox=quick),
            cf_ai("exports", "wait", SPACE, export_id, *more, "-vv", sandbox=quick),
            cf_ai("exports", "list", SPACE, *more, "-vv", sandbox=quick),
        ]
        shown = cf_ai("exports", "get", SPACE, export_id, "--show-url", *more, sandbox=quick)
    assert "X-Amz-Signature=" in shown.out
    for run in hidden:
        assert "COMPLETED" in run.out
        assert "X-Amz-Signature" not in run.out + run.err
        assert "/storage/" not in run.out + run.err


def test_urls_that_a_newer_platform_sends_have_no_query_either() -> None:
    url = "https://store.example/a.zip?X-Amz-Signature=canary"
    wire = {"exportId": str(UUID(int=1)), "status": "COMPLETED", "downloadUrl": url, "parts": [{"url": url}, 5]}
    export = ExportResponse.model_validate(wire)
    assert json.loads(export_json(export)) == {
        "exportId": wire["exportId"],
        "status": "COMPLETED",
        "parts": [{"url": "https://store.example/a.zip"}, 5],
    }
    assert json.loads(export_json(export, with_url=True)) == wire


@pytest.mark.parametrize("fault", [Fault("storage", "status", status=403), Fault("storage", "altered", body="no zip")])
def test_no_url_is_told_of_a_download_that_fails(fault: Fault, tmp_path: Path, cf_ai: Command) -> None:
    with Sandbox(export_polls=1, faults=[fault]) as sandbox:
        run = cf_ai("export", SPACE, tmp_path, "-vv", "--json", "--timeout", "0", sandbox=sandbox)
    assert run.code == 5
    assert "Traceback" in run.err
    assert "X-Amz-" not in run.out + run.err
    assert json.loads(run.out)["exit_code"] == run.code


def test_the_list_is_a_table_newest_first(quick: Sandbox, cf_ai: Command) -> None:
    with quick:
        assert cf_ai("exports", "list", SPACE, sandbox=quick).out == "The space has no exports.\n"
        for name, kind in (("first", "csv"), ("second", "json"), ("third", "csv")):
            cf_ai("exports", "wait", SPACE, made(quick, cf_ai, "--name", name, "--format", kind), sandbox=quick)
        last = made(quick, cf_ai, "--name", "last")

        def names(*arguments: str) -> list[str]:
            lines = cf_ai("exports", "list", SPACE, *arguments, sandbox=quick).out.splitlines()
            return [line.split()[-1] for line in lines]

        assert names() == ["NAME", "last", "third", "second", "first"]
        assert names("--format", "csv") == ["NAME", "third", "first"]
        assert names("--status", "completed", "--limit", "2") == ["NAME", "third", "second"]
        assert names("--status", "failed") == ["exports."]
        in_json = cf_ai("exports", "list", SPACE, "--limit", "1", "--json", sandbox=quick).out
    assert json.loads(in_json)["exportId"] == last


@pytest.mark.parametrize(
    ("arguments", "more", "found"),
    [
        (["SPACE", "EXPORT", "out"], {}, ("SPACE", "EXPORT", "out")),
        (["EXPORT", "out"], {"CF_SPACE_ID": "SPACE"}, ("SPACE", "EXPORT", "out")),
        (["SPACE", "EXPORT"], {"CF_DESTINATION": "out"}, ("SPACE", "EXPORT", "out")),
        (["EXPORT"], {"CF_SPACE_ID": "SPACE", "CF_DESTINATION": "out"}, ("SPACE", "EXPORT", "out")),
        (["a", "b", "c"], {"CF_SPACE_ID": "SPACE", "CF_DESTINATION": "out"}, ("a", "b", "c")),
    ],
)
def test_what_is_left_out_comes_from_the_environment(
    arguments: list[str], more: dict[str, str], found: tuple[str, ...]
) -> None:
    from cf_ai_platform_client.cli.places import fill_places

    assert tuple(fill_places(["SPACE", "EXPORT", "DEST"], arguments, more)) == found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exports", "get"], "SPACE is missing: give it as an argument, or set CF_SPACE_ID."),
        (["exports", "get", "x"], "EXPORT is missing: give it as an argument."),
        (["exports", "download", "x", "y"], "DEST is missing: give it as an argument, or set CF_DESTINATION."),
        (["exports", "get", "x", "y", "z"], "Two arguments are taken, SPACE EXPORT, not 3."),
        (["export", "x"], "DEST is missing: give it as an argument, or set CF_DESTINATION."),
        (["exports", "get", "", "x"], "SPACE is ''"),
        (["exports", "get", "x", ".."], "EXPORT is '..'"),
        (["exports", "create", "x", "--name", " "], "--name is ' ': it must be a non-empty string"),
        (["exports", "create", "x", "--content", "inference"], "--content is 'INFERENCE': there is no COCO_JSON of it"),
        (["exports", "create", "x", "--batch-id", "x"], "--batch-id holds 'x'"),
        (["exports", "create", "x", "--project-ids", ",".join("p" * 51)], "--project-id holds 51"),
        (["exports", "create", "x", "--format", " "], "--format is ''"),
        (["exports", "create", "x", "--updated-at-to", "2026-13-01"], "--updated-at-to is '2026-13-01'"),
        (["exports", "wait", "x", "y", "--timeout", "-1"], "--timeout is -1.0"),
        (["exports", "wait", "x", "y", "--poll-interval", "nan"], "--poll-interval is nan"),
        (["export", "x", ""], "DEST is ''"),
        (["export", "x", "--extract", "y"], "DEST is missing"),
        (["export", "x", "--extract", "y"], "--extract took 'y' for its folder: put --extract at the end."),
        (["exports", "read", ""], "FILE is ''"),
        (["exports", "delete", "x", "y"], "There is no terminal to ask on, so nothing was deleted: --yes deletes"),
    ],
)
def test_what_cannot_be_right_is_one_sentence_before_any_request(
    arguments: list[str], said: str, cf_sandbox: Sandbox, cf_ai: Command
) -> None:
    run = cf_ai(*arguments, sandbox=cf_sandbox)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert cf_sandbox.requests == []


def test_a_failed_export_is_exit_code_1_with_its_reason(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        quick.fail_next_export("out of space. See https://store.example/log?X-Amz-Signature=ab12")
        export_id = made(quick, cf_ai)
        runs = [cf_ai("exports", "wait", SPACE, export_id, *more, sandbox=quick) for more in ([], ["--json"])]
        runs.append(cf_ai("exports", "download", SPACE, export_id, tmp_path, sandbox=quick))
        quick.fail_next_export("broken")
        in_json = cf_ai("export", SPACE, tmp_path, "--json", sandbox=quick)
    for run in [*runs, in_json]:
        assert run.code == 1
        assert "ab12" not in run.out + run.err
    assert "  error    out of space." in runs[0].out
    assert json.loads(runs[1].out)["error"].startswith("out of space.")
    assert runs[2].err.startswith(f"The export {export_id} failed: out of space.")
    body = json.loads(in_json.out)
    assert (body["exit_code"], body["error"]["code"], body["status"]) == (1, "export_failed", "FAILED")
    assert list(tmp_path.rglob("*.zip")) == []


def test_a_wait_that_is_over_says_how_to_go_on(cf_ai: Command) -> None:
    with Sandbox(export_polls=100) as sandbox:
        export_id = made(sandbox, cf_ai)
        run = cf_ai("exports", "wait", SPACE, export_id, "--timeout", "0", sandbox=sandbox)
    assert (run.code, run.out) == (1, "")
    assert run.err.startswith(f"The export {export_id} is still PENDING after 0 seconds. It goes on without you: ")
    assert run.err.endswith(f" exports wait {SPACE} {export_id} --timeout 3600 waits longer.\n")


def test_an_export_that_is_late_is_taken_up_by_a_download(cf_ai: Command, tmp_path: Path) -> None:
    with Sandbox(export_polls=100) as sandbox:
        run = cf_ai("export", SPACE, tmp_path, "--timeout", "0", sandbox=sandbox)
        export_id = sandbox.exports[0]["exportId"]
    assert run.code == 1
    assert run.err.endswith(f" exports download {SPACE} {export_id} {tmp_path} --timeout 3600 waits longer.\n")


def test_a_download_that_failed_is_taken_up_without_another_export(cf_ai: Command, tmp_path: Path) -> None:
    with Sandbox(export_polls=1, faults=[Fault("storage", "altered", body="no zip", times=1)]) as sandbox:
        run = cf_ai("export", SPACE, tmp_path, "--json", sandbox=sandbox)
        line = run.err.splitlines()[-1].partition("exports download ")[2].partition(" goes on with this export.")[0]
        again = cf_ai("exports", "download", *line.split(), sandbox=sandbox)
    assert (run.code, again.code) == (5, 0)
    assert line.split() == [SPACE, json.loads(run.out)["exportId"], str(tmp_path)]


def test_another_export_on_its_way_is_named(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        export_id = made(quick, cf_ai, "--name", "theirs")
        plain = cf_ai("exports", "create", SPACE, sandbox=quick)
        run = cf_ai("export", SPACE, tmp_path, sandbox=quick)
        attached = cf_ai("export", SPACE, tmp_path, "--attach", sandbox=quick)
        assert len(quick.exports) == 1
    assert (plain.code, run.code, attached.code) == (5, 5, 0)
    assert "A space has one export on its way at a time, and " in plain.err
    assert plain.err.endswith(f" exports list {SPACE} shows it.\n")
    assert f"The space has an export on its way: theirs ({export_id}, created by sandbox@example.com" in run.err
    for text in (f"exports wait {SPACE} {export_id} waits", f"exports delete {SPACE} {export_id} deletes", "--attach"):
        assert text in run.err
    assert attached.out == f"{tmp_path / export_id}.zip\n"


def test_an_unknown_outcome_is_said(cf_ai: Command) -> None:
    with Sandbox(export_polls=1, faults=[Fault("exports", nth=[1, 2], action="reset")]) as sandbox:
        created = cf_ai("exports", "create", SPACE, "--name", "n", sandbox=sandbox)
        export_id = sandbox.exports[0]["exportId"]
        deleted = cf_ai("exports", "delete", SPACE, export_id, "--yes", sandbox=sandbox)
    assert (created.code, deleted.code, created.out, deleted.out) == (5, 5, "", "")
    assert "Nobody knows whether the export was created: see " in created.err
    assert f" exports list {SPACE} before you create it again.\n" in created.err
    assert "Nobody knows whether the export was deleted: " in deleted.err
    assert f" exports get {SPACE} {export_id} tells.\n" in deleted.err


@pytest.mark.parametrize(
    ("arguments", "status", "code", "said"),
    [
        (["list", SPACE], 401, 3, "401 for the exports of the space"),
        (["get", SPACE, "nonsense"], None, 5, "404 for the export nonsense: Export nonsense was not found."),
        (["delete", SPACE, "nonsense", "--yes"], None, 5, "404 for the export nonsense"),
        (["list", "elsewhere"], None, 5, "Space elsewhere was not found."),
        (["create", SPACE, "--format", "xml"], None, 5, "format must be one of COCO_JSON, JSON, CSV, not 'XML'."),
    ],
)
def test_what_the_platform_refuses(
    arguments: list[str], status: int | None, code: int, said: str, cf_ai: Command
) -> None:
    faults = [Fault("exports", action="status", status=status)] if status else []
    with Sandbox(faults=faults) as sandbox:
        run = cf_ai("exports", *arguments, sandbox=sandbox)
    assert (run.code, run.out) == (code, "")
    assert said in run.err


def test_no_name_drives_the_terminal(quick: Sandbox, cf_ai: Command) -> None:
    name = "\x1b]0;title\x07\u202eex\u2028port\x9b2J"
    with quick:
        order = {"name": name, "format": "CSV"}
        url, key = f"{quick.base_url}/spaces/{SPACE}/exports", {"X-API-Key": quick.api_key}
        export_id = httpx.post(url, json=order, headers=key).json()["exportId"]
        runs = [
            cf_ai("exports", *line, *more, sandbox=quick)
            for line in (["list", SPACE], ["get", SPACE, export_id])
            for more in ([], ["--json"])
        ]
    for run in runs:
        assert (run.code, run.out.replace("\n", "").isprintable()) == (0, True)
        assert run.out.isascii()
    assert json.loads(runs[-1].out)["name"] == name


def test_no_url_drives_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://storage.example/a%20b?X-Amz-Signature=1f&list=a+b,c~;y"
    wire = {"exportId": str(UUID(int=1)), "status": "COMPLETED", "downloadUrl": f"{url}\x1b[2J\u202e"}
    export = ExportResponse.model_validate(wire)
    print_export(export, with_url=True)
    assert capsys.readouterr().out.endswith(f" {url}%1B[2J%E2%80%AE\n")


def test_a_zip_is_extracted_where_that_is_asked_for(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        first = cf_ai("export", SPACE, tmp_path, "--format", "csv", "--extract", sandbox=quick)
        path, folder = (Path(line) for line in first.out.splitlines())
        again = cf_ai("exports", "download", SPACE, path.stem, tmp_path, "--extract", "--json", sandbox=quick)
        told = cf_ai("exports", "download", SPACE, path.stem, tmp_path, "--extract", sandbox=quick)
        (folder / "annotations.csv").write_text("altered")
        failed = cf_ai("exports", "download", SPACE, path.stem, tmp_path, "--extract", "--json", sandbox=quick)
        refused = cf_ai("exports", "download", SPACE, path.stem, tmp_path, "--extract", sandbox=quick)
        line = ["exports", "download", SPACE, path.stem, tmp_path, f"--extract={tmp_path / 'there'}", "--json"]
        there = json.loads(cf_ai(*line, sandbox=quick).out)
        overwritten = cf_ai(*line, "--overwrite", sandbox=quick)
    assert folder == path.with_suffix("")
    assert [each.name for each in folder.iterdir()] == ["annotations.csv"]
    assert (again.code, json.loads(again.out)["extracted"]) == (
        0,
        {"destination": str(folder), "files": 1, "bytes": 0, "written": False},
    )
    assert (told.code, told.out) == (0, f"{path}\n{folder}\n")
    assert told.err.endswith("1 file, there already:\n")
    body = json.loads(failed.out)
    assert (failed.code, body["exit_code"], body["path"], body["error"]["code"]) == (4, 4, str(path), "disk_error")
    assert failed.err.endswith("or replace what is there with --overwrite.\n")
    assert (refused.code, refused.out) == (4, f"{path}\n")
    assert "here already, whole:" in refused.err
    assert there["extracted"]["destination"] == str(tmp_path / "there")
    assert (there["extracted"]["files"], there["fetched"], there["exportId"]) == (1, False, path.stem)
    assert (overwritten.code, json.loads(overwritten.out)["fetched"]) == (0, True)


def test_a_file_that_is_no_zip_is_kept(quick: Sandbox, cf_ai: Command, tmp_path: Path) -> None:
    with quick:
        export_id = made(quick, cf_ai)
        file = tmp_path / f"{export_id}.zip"
        file.write_text("mine")
        run = cf_ai("exports", "download", SPACE, export_id, tmp_path, sandbox=quick)
        assert file.read_text() == "mine"
        assert cf_ai("exports", "download", SPACE, export_id, tmp_path, "--overwrite", sandbox=quick).code == 0
    assert run.code == 4
    assert run.err.endswith("Move it away, or have it replaced with --overwrite.\n")


def test_what_is_piped_has_nothing_of_the_progress(quick: Sandbox, start: Start, tmp_path: Path) -> None:
    with quick:
        process = start("export", SPACE, tmp_path, environ=environment(quick))
        out, err = process.communicate()
    assert process.returncode == 0
    assert [Path(line).suffix for line in out.splitlines()] == [".zip"]
    assert err.splitlines() == [err.strip()]


def test_a_reader_that_leaves_ends_the_list_quietly(quick: Sandbox, start: Start, cf_ai: Command) -> None:
    with quick:
        for _ in range(3):
            cf_ai("exports", "wait", SPACE, made(quick, cf_ai), sandbox=quick)
        process = start("exports", "list", SPACE, "--json", environ=environment(quick), bufsize=1)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_help_teaches(name: str, cf_ai: Command) -> None:
    text = cf_ai("exports", name, "--help").out
    assert f"cf-ai exports {name}" in text.partition("Examples:")[2]
    assert "Exit codes: 0 all well, 1 the export failed" in text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cf-ai ex", "exports"),
        ("cf-ai exports do", "download"),
        ("cf-ai exports create --format c", "COCO_JSON"),
        ("cf-ai exports create --format c", "CSV"),
        ("cf-ai export --content inf", "INFERENCE"),
        ("cf-ai exports list --status pe", "PENDING"),
        ("cf-ai exports download --po", "--poll-interval"),
    ],
)
def test_completion_answers(words: str, found: str, start: Start) -> None:
    asked = {"_CF_AI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    out, err = start(environ=environment(**asked)).communicate()
    assert f"plain,{found}" in out.splitlines()
    assert err == ""


@pytest.mark.parametrize(
    "error",
    [
        ExportError("It failed.", code="export_failed"),
        ExportTimeoutError("It is not done.", code="timeout"),
        ArchiveError("It is broken.", code="truncated"),
    ],
)
def test_errors_of_exports_are_exit_code_1(error: Exception, capfd: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise error

    assert run_reporting(command) == 1
    assert capfd.readouterr().err == f"{error}\n"
