from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Fault, Project, Sandbox

from ..adapters.disks import files_of_at_most
from ..conftest import files_below
from .conftest import Command

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"
TILE = "714cf5c7-0eff-52b5-811d-cdf9f6aa7e16"


def places(sandbox: Sandbox, destination: Path) -> list[str]:
    return ["download", sandbox.project_id, sandbox.space_id, str(destination)]


def test_a_summary_for_people(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path / "out"), sandbox=cf_sandbox)
    assert (run.code, run.err) == (0, "")
    first, second = run.out.splitlines()
    assert first == f"36 of 36 work items are below {tmp_path / 'out'}"
    assert second.startswith("163.5 kB in ")
    assert second.endswith(" items a second")
    assert len(files_below(tmp_path / "out")) == 36


def test_json_is_one_object_and_nothing_else(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path), "--json", "--progress", "-vv", sandbox=cf_sandbox)
    body = json.loads(run.out)
    assert run.out.count("\n") == 1
    assert run.code == 0
    assert (body["total_items"], body["successful"], body["failed"], body["results"]) == (36, 36, 0, [])
    assert (body["destination"], body["exit_code"]) == (str(tmp_path), 0)
    assert "error" not in body
    assert "36/36" in run.err
    assert "Stored" in run.err


@pytest.mark.parametrize(("kept", "number"), [("all", 36), ("failed", 1), ("none", 0)])
def test_results_are_kept_as_asked(kept: str, number: int, tmp_path: Path, cf_ai: Command) -> None:
    gone = Fault("annotations", match=NUCLEUS, action="status", status=404)
    with Sandbox(faults=[gone]) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--json", "--results", kept, sandbox=sandbox)
    body = json.loads(run.out)
    assert run.code == body["exit_code"] == 1
    assert len(body["results"]) == number
    assert body["failed_by_code"] == {"not_found": 1}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--batch-id", "103"], 2),
        (["--batch-ids", "101,103"], 8),
        (["--batch-id", "101", "--batch-id", "103"], 8),
        (["--work-item-id", NUCLEUS], 1),
        (["--work-item-ids", f"{NUCLEUS}, {TILE}"], 2),
        (["--created-at-from", "2030-01-01"], 0),
        (["--created-at-to", "2030-01-01"], 36),
        (["--updated-at-from", "2026-02-01", "--updated-at-to", "2026-02-01T23:59:59Z"], None),
        (["--status", "CLIENT_REVIEW"], 0),
        (["--limit", "7"], 36),
        (["--max-workers", "3", "--overwrite"], 36),
    ],
)
def test_filters_are_the_clients(
    options: list[str], count: int | None, cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command
) -> None:
    listed = cf_ai(*places(cf_sandbox, tmp_path), *options, "--json", "--dry-run", sandbox=cf_sandbox)
    ids = [json.loads(line)["id"] for line in listed.out.splitlines()]
    said = "1 work item is" if len(ids) == 1 else f"{len(ids)} work items are"
    assert listed.err == f"{said} listed; a download fetches those that are new or changed. Nothing was fetched.\n"
    assert not files_below(tmp_path)
    if count is not None:
        assert len(ids) == count
    if ids:
        assert cf_ai(*places(cf_sandbox, tmp_path), *options, sandbox=cf_sandbox).code == 0
    assert sorted(Path(name).stem for name in files_below(tmp_path)) == sorted(ids)


def test_a_dry_run_writes_nothing(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path / "none"), "--dry-run", sandbox=cf_sandbox)
    assert run.code == 0
    assert len(run.out.splitlines()) == 37
    assert not (tmp_path / "none").exists()
    assert set(cf_sandbox.counts) == {"work_items"}


@pytest.mark.parametrize("options", [["--prune"], ["--since-last"], ["--prune", "--since-last"]])
def test_a_dry_run_does_not_pretend_to_compare(
    options: list[str], cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command
) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path / "none"), "--dry-run", *options, sandbox=cf_sandbox)
    assert (run.code, run.out) == (2, "")
    assert run.err == f"--dry-run lists and looks at nothing else: leave out {' and '.join(options)}.\n"
    assert not cf_sandbox.counts


def test_places_come_from_the_environment(
    cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {"CF_PROJECT_ID": cf_sandbox.project_id, "CF_SPACE_ID": cf_sandbox.space_id}
    one = cf_ai("download", tmp_path / "one", sandbox=cf_sandbox, **ids)
    all_left_out = cf_ai("download", sandbox=cf_sandbox, CF_DESTINATION=str(tmp_path / "two"), **ids)
    assert (one.code, all_left_out.code) == (0, 0)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two") != {}
    missing = cf_ai("download", cf_sandbox.project_id, sandbox=cf_sandbox)
    assert missing.code == 2
    assert "SPACE is missing: give it as an argument, or set CF_SPACE_ID." in missing.err


def test_max_workers_come_from_the_environment(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path), sandbox=cf_sandbox, CF_MAX_WORKERS="1")
    assert run.code == 0
    assert cf_sandbox.most_at_once["storage"] == 1
    assert cf_ai(*places(cf_sandbox, tmp_path), sandbox=cf_sandbox, CF_MAX_WORKERS="0").code == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--max-workers", "1000"], '--max-workers is 1000: it must be between 1 and 100, or "auto".\n'),
        (["--max-workers", "many"], "--max-workers is 'many': it must be between 1 and 100, or \"auto\".\n"),
        (["--batch-id", "x"], "--batch-id holds 'x': each must be a whole number.\n"),
        (["--limit", "0"], "--limit is 0: it must be a whole number between 1 and 100.\n"),
        (["--created-at-from", "soon"], "--created-at-from is 'soon': it must be an ISO 8601 date such as "),
        (
            ["--updated-at-from", "2027-01-01", "--updated-at-to", "2026-01-01"],
            "--updated-at-from is '2027-01-01', which is later than --updated-at-to, '2026-01-01': swap the two.\n",
        ),
    ],
)
def test_bad_arguments_are_one_sentence_before_any_request(
    options: list[str], sentence: str, cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command
) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path), *options, "--json", sandbox=cf_sandbox)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(sentence)
    assert run.err.count("\n") == 1
    assert not cf_sandbox.counts


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_place_is_named_as_it_is_typed(
    place: int, cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command
) -> None:
    arguments = places(cf_sandbox, tmp_path)
    arguments[place + 1] = " "
    run = cf_ai(*arguments, sandbox=cf_sandbox)
    assert run.code == 2
    assert run.err.startswith(["PROJECT", "SPACE", "DEST"][place] + " is ' '")


def test_failures_are_grouped_by_code(tmp_path: Path, cf_ai: Command) -> None:
    broken = [
        Fault("annotations", nth=[1, 2, 3, 4, 5], action="status", status=404),
        Fault("storage", match=NUCLEUS, action="altered", body="[1]"),
    ]
    with Sandbox(faults=broken) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--max-workers", "1", sandbox=sandbox)
    lines = [line.strip() for line in run.out.splitlines()]
    assert run.code == 1
    assert lines[0].startswith("30 of 36 work items are below")
    assert "6 failed:" in lines
    assert "5  not_found" in lines
    assert "and 2 more" in lines
    assert "1  invalid_json" in lines
    assert run.err == ""


def error_of(out: str) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(out)["error"]
    assert set(error) == {"code", "message", "hint", "status", "request_id"}
    return error


def test_a_wrong_key_is_exit_code_3(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path), "--json", sandbox=cf_sandbox, CF_API_KEY="canary-0815")
    error = error_of(run.out)
    assert run.code == 3
    assert (error["code"], error["status"]) == ("unauthorized", 401)
    assert error["hint"] in run.err
    assert "canary" not in run.out + run.err


def test_an_unknown_project_is_exit_code_5(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("download", "nope", cf_sandbox.space_id, tmp_path, sandbox=cf_sandbox)
    assert (run.code, run.out) == (5, "")
    assert "nope was not found" in run.err
    assert run.err.count("\n") == 1


def test_a_listing_that_breaks_off_is_exit_code_5(tmp_path: Path, cf_ai: Command) -> None:
    with Sandbox(items=100, faults=[Fault("work_items", nth=3, action="status", status=422)]) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--limit", "10", "--json", sandbox=sandbox)
    body = json.loads(run.out)
    assert run.code == body["exit_code"] == 5
    assert (body["total_items"], body["successful"]) == (20, 20)
    assert error_of(run.out)["code"] == "listing_failed"


def test_a_place_that_cannot_be_written_is_exit_code_4(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    (tmp_path / "file").write_text("in the way")
    run = cf_ai(*places(cf_sandbox, tmp_path / "file" / "below"), sandbox=cf_sandbox)
    assert run.code == 4
    assert "cannot be written" in run.out + run.err
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("size", [900_000, 3_000_000])
def test_a_full_disk_is_said_once_and_is_exit_code_4(size: int, tmp_path: Path, cf_ai: Command) -> None:
    documents = {f"coco_output/{n}.json": b'{"images": ["%s"]}' % (b"x" * size * (n == 7)) for n in range(36)}
    project = Project(items=[{"id": f"{number}"} for number in range(36)], documents=documents)
    with Sandbox(project=project) as sandbox, files_of_at_most(800_000):
        run = cf_ai(*places(sandbox, tmp_path), sandbox=sandbox)
    assert run.code == 4
    assert run.err.count("a file-size limit was reached") == run.err.count("\n") == 1
    assert "a file-size limit" not in run.out
    assert "disk_full" in run.out
    assert all(json.loads(content) for content in files_below(tmp_path).values())


def test_nothing_to_download_is_well(tmp_path: Path, cf_ai: Command) -> None:
    with Sandbox(project=Project()) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--json", sandbox=sandbox)
    assert run.code == 0
    assert json.loads(run.out)["total_items"] == 0


def test_the_server_cannot_write_to_the_terminal(tmp_path: Path, cf_ai: Command) -> None:
    evil = "\x1b[31mred\x9b\u202e"
    project = Project(items=[{"id": f"a{evil}", "batchId": None, "assetUrl": "x"}], documents={})
    with Sandbox(project=project) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "-v", sandbox=sandbox)
    assert run.code == 1
    assert not set("\x1b\x9b\u202e") & set(run.out + run.err)


def test_retries_are_in_the_log_when_asked_for(tmp_path: Path, cf_ai: Command) -> None:
    with Sandbox(faults=[Fault("storage", nth=1, action="status", status=503)]) as sandbox:
        assert cf_ai(*places(sandbox, tmp_path), sandbox=sandbox).err == ""
    with Sandbox(faults=[Fault("storage", nth=1, action="status", status=503)]) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "-v", "--overwrite", sandbox=sandbox)
    assert "INFO server_error for storage" in run.err
    assert "Stored" not in run.err


def test_assets_are_summed_up_beside_the_documents(cf_sandbox: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai(*places(cf_sandbox, tmp_path), "--assets", sandbox=cf_sandbox)
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[2] == "36 of 36 assets are beside them; 1.3 MB fetched"
    again = cf_ai(*places(cf_sandbox, tmp_path), "--assets", sandbox=cf_sandbox)
    assert again.out.splitlines()[2] == "36 of 36 assets are beside them, 36 of them unchanged"
    plain = cf_ai(*places(cf_sandbox, tmp_path), sandbox=cf_sandbox)
    assert len(plain.out.splitlines()) == 2
    assert cf_ai("verify", tmp_path).out == "All 72 files are as they were written.\n"
    (tmp_path / "Cell nuclei" / f"{NUCLEUS}.jpg").write_bytes(b"")
    found = cf_ai("verify", tmp_path)
    assert found.code == 1
    assert found.out.splitlines()[1] == ("1 of 72 files differ; a download with --verify --assets fetches them again.")


def test_assets_that_failed_are_told_with_their_codes_and_are_exit_code_1(tmp_path: Path, cf_ai: Command) -> None:
    faults = [Fault("storage", match="/assets/nuclei_1_", action="status", status=404)]
    with Sandbox(faults=faults) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--assets", sandbox=sandbox)
        shown = cf_ai("status", tmp_path)
        body = json.loads(cf_ai(*places(sandbox, tmp_path), "--assets", "--json", sandbox=sandbox).out)
    assert run.code == 1
    lines = run.out.splitlines()
    assert lines[0].startswith("36 of 36 work items are below")
    assert "32 of 36 assets are beside them; 1.3 MB fetched" in lines
    assert "4 assets failed; their documents are counted above:" in lines
    assert "          4  not_found" in lines
    assert "404 for the asset of" in run.out
    assert "         32  assets stored, 1.3 MB" in shown.out.splitlines()
    assert f"          4  assets failed: cf-ai retry {tmp_path}" in shown.out.splitlines()
    assert (body["exit_code"], body["failed"], body["assets"]["failed"]) == (1, 0, 4)
    assert body["assets"]["failed_by_code"] == {"not_found": 4}
    assert len(body["results"]) == 4, "the results that failed are kept"
    with Sandbox(port=sandbox_port(sandbox)) as sandbox:
        retried = cf_ai("retry", tmp_path, sandbox=sandbox)
    assert retried.code == 0
    assert "4 of 4 assets are beside them" in retried.out


def sandbox_port(sandbox: Sandbox) -> int:
    return int(sandbox._last_port)


def test_work_items_without_an_asset_are_said(tmp_path: Path, cf_ai: Command) -> None:
    project = Project(
        items=[{"id": "a", "batchId": None, "assetUrl": None}],
        documents={"coco_output/a.json": b'{"images": []}'},
    )
    with Sandbox(project=project) as sandbox:
        run = cf_ai(*places(sandbox, tmp_path), "--assets", sandbox=sandbox)
    assert (run.code, run.out.splitlines()[2]) == (0, "1 work items name no asset")
