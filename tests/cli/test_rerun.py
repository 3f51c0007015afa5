"""Runs after the first: what is skipped, stale, pruned, retried, told and compared."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.cli.tally import Tally
from cf_ai_platform_client.events import ItemFailed, ItemSkipped, ItemStored, ListingFinished, PageListed, Warned
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox

from ..adapters.journals import held
from ..conftest import files_below, platform_port
from .conftest import Command, Run, environment

DOCUMENT = json.dumps({"images": [], "annotations": [], "categories": []}).encode()
STORED = len(b'{"info":{"asset_url":""},') + len(DOCUMENT)


def made(
    *ids: str, batch: int = 1, names: Mapping[int, str] | None = None, without: tuple[str, ...] = (), **fields: Any
) -> Sandbox:
    """Make a sandbox of a project with these items, whose documents are there but for some."""
    item = {"batchId": batch, "status": "COMPLETED", "updatedAt": "2026-02-01T00:00:00Z", **fields}
    batches = {1: "plots", 2: "others"} if names is None else names
    return Sandbox(
        project=Project(
            items=[{"id": item_id, **item} for item_id in ids],
            batch_objects=[
                {"id": number, "projectId": "sample-project", "name": name} for number, name in batches.items()
            ],
            documents={f"coco_output/{item_id}.json": DOCUMENT for item_id in ids if item_id not in without},
        ),
        port=platform_port(),
    )


class Download:
    """`cf-ai download` of any sandbox to one destination."""

    def __init__(self, cf_ai: Command, out: Path) -> None:
        self._cf_ai = cf_ai
        self._out = out

    def __call__(self, sandbox: Sandbox, *options: str) -> Run:
        with sandbox:
            return self._cf_ai("download", "sample-project", "sample-space", self._out, *options, sandbox=sandbox)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def download(cf_ai: Command, out: Path) -> Download:
    return Download(cf_ai, out)


def body(run: Run) -> dict[str, Any]:
    assert run.out.count("\n") == 1
    found: dict[str, Any] = json.loads(run.out)
    return found


def counts(run: Run) -> dict[str, int]:
    names = ("total_items", "successful", "skipped", "failed", "not_attempted", "stale", "pruned")
    return {name: value for name in names if (value := body(run)[name])}


# What a download says of what is here


def test_a_rerun_says_that_nothing_changed(download: Download, out: Path) -> None:
    assert download(made("a", "b")).out.splitlines()[0] == f"2 of 2 work items are below {out}"
    again = download(made("a", "b"))
    first, second = again.out.splitlines()
    assert (again.code, again.err) == (0, "")
    assert first == f"2 of 2 work items are below {out}"
    assert second.startswith("all of these unchanged since they were fetched; looked at in ")
    assert second.endswith(" s")


def test_a_rerun_says_how_many_were_skipped(download: Download) -> None:
    download(made("a", "b"))
    second = download(made("a", "b", "c")).out.splitlines()[1]
    assert second.endswith("; 2 of them unchanged, 1 fetched")


def test_a_rerun_where_all_the_rest_failed(download: Download) -> None:
    for _ in range(2):
        run = download(made("a", "b", without=("b",)))
    lines = run.out.splitlines()
    assert run.code == 1
    assert lines[1].startswith("all of these unchanged since they were fetched")
    assert lines[3:5] == ["1 failed:", "          1  not_found"]


def test_json_counts_what_was_skipped(download: Download) -> None:
    download(made("a"))
    run = download(made("a", "b"), "--json", "--results", "all")
    assert counts(run) == {"total_items": 2, "successful": 2, "skipped": 1}
    assert [(result["item_id"], result["skipped"]) for result in body(run)["results"]] == [("a", True), ("b", False)]
    assert len({result["file_path"].rpartition("/")[0] for result in body(run)["results"]}) == 1


def test_the_bar_counts_what_was_skipped(download: Download) -> None:
    download(made("a", "b"))
    assert "2/2" in download(made("a", "b"), "--progress").err


@pytest.mark.parametrize(
    ("option", "harm", "skipped"),
    [
        ("--overwrite", None, 0),
        ("--verify", None, 2),
        ("--recheck", None, 2),
        ("--durable", None, 2),
        ("--verify", "same size and time", 1),
        ("--durable", "same size and time", 2),
        ("--recheck", "missing", 1),
    ],
)
def test_options_of_reruns(option: str, harm: str | None, skipped: int, download: Download, out: Path) -> None:
    download(made("a", "b"), "--durable")
    file = out / "plots" / "a.json"
    before, whole = file.stat(), file.read_bytes()
    if harm == "missing":
        file.unlink()
    elif harm:
        file.write_bytes(whole[::-1])
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    run = download(made("a", "b"), option, "--json")
    assert counts(run) == {"total_items": 2, "successful": 2} | ({"skipped": skipped} if skipped else {})
    assert (file.read_bytes() == whole) == (option != "--durable" or not harm)


def test_since_last_lists_what_was_updated_since(download: Download) -> None:
    download(made("a", "b"))
    with made("a", updatedAt="2026-01-01T00:00:00Z") as old:
        run = download(old, "--since-last", "--json")
    assert counts(run) == {}
    assert counts(download(made("a", "b"), "--since-last", "--json")) == {
        "total_items": 2,
        "successful": 2,
        "skipped": 2,
    }


def test_stale_files_are_told_and_pruned(download: Download, out: Path) -> None:
    download(made("a", "b", "c"))
    told = download(made("a", "b")).out.splitlines()
    assert told[2] == "Kept 1 file that no work item of the project has any more; --prune deletes what nobody altered."
    assert len(files_below(out)) == 3
    pruned = download(made("a"), "--prune", "-v")
    assert pruned.out.splitlines()[2] == "Deleted 2 files that no work item of the project has any more."
    assert f"Deleted {out}/plots/b.json" in pruned.err
    assert list(files_below(out)) == ["plots/a.json"]
    again = download(made("a"), "--prune", "--json")
    assert counts(again) == {"total_items": 1, "successful": 1, "skipped": 1}


def test_what_is_pruned_is_in_json(download: Download) -> None:
    download(made("a", "b"))
    gone = {"total_items": 1, "successful": 1, "skipped": 1, "stale": 1}
    assert counts(download(made("a"), "--json")) == gone
    assert counts(download(made("a"), "--json", "--prune")) == {**gone, "pruned": 1}


def test_stale_files_that_somebody_altered_are_kept(download: Download, out: Path) -> None:
    download(made("a", "b"))
    (out / "plots" / "b.json").write_text("mine")
    run = download(made("a"), "--prune")
    assert run.out.splitlines()[2:] == [
        "Kept 1 file that no work item of the project has any more; --prune deletes what nobody altered.",
        "Note: 1 stale files were altered by somebody and are kept.",
    ]
    assert (out / "plots" / "b.json").read_text() == "mine"


def test_an_empty_project_prunes_nothing(download: Download, out: Path) -> None:
    download(made("a"))
    run = download(made(), "--prune")
    assert run.code == 0
    assert "Note: Nothing was pruned: the platform listed no work item at all, which may be a mistake." in run.out
    assert len(files_below(out)) == 1


def test_a_renamed_batch_is_noted(download: Download, out: Path) -> None:
    download(made("a"))
    run = download(made("a", names={1: "meadows"}))
    assert run.out.splitlines()[2].startswith('Note: Batch 1 is called "meadows" here and was "plots" in an earlier')
    assert run.out.rstrip().endswith("its files stay in the folder plots.")
    assert list(files_below(out)) == ["plots/a.json"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--prune", "--batch-id", "1", "--updated-at-to", "2026-01-01"],
            "--prune needs the whole project listed: leave out --batch-id and --updated-at-to.\n",
        ),
        (
            ["--prune", "--since-last"],
            "--prune needs the whole project listed: leave out --since-last.\n",
        ),
        (
            ["--since-last", "--updated-at-from", "2026-01-01"],
            "--since-last cannot be combined with --updated-at-from and --updated-at-to.\n",
        ),
    ],
)
def test_options_that_exclude_each_other_are_named_as_they_are_typed(
    options: list[str], sentence: str, download: Download, out: Path
) -> None:
    run = download(made("a"), *options, "--json")
    assert (run.code, run.out, run.err) == (2, "", sentence)
    assert not out.exists()


# retry


def test_retry_fetches_what_failed(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b", "c", without=("b", "c")))
    with made("a", "b", "c", without=("c",)) as sandbox:
        run = cf_ai("retry", out, sandbox=sandbox)
    assert run.code == 1
    assert run.out.splitlines()[0] == f"1 of 2 work items are below {out}"
    assert "          1  not_found" in run.out.splitlines()
    assert sorted(files_below(out)) == ["plots/a.json", "plots/b.json"]


def test_retry_as_json(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b", without=("b",)))
    with made("a", "b") as sandbox:
        options = ["--json", "--results", "all", "--max-workers", "1", "--project", "sample-project"]
        run = cf_ai("retry", out, *options, sandbox=sandbox)
    assert run.code == body(run)["exit_code"] == 0
    assert counts(run) == {"total_items": 1, "successful": 1}
    assert [result["item_id"] for result in body(run)["results"]] == ["b"]
    assert body(run)["destination"] == str(out)


def test_retry_where_nothing_failed(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a"))
    with made("a") as sandbox:
        run = cf_ai("retry", sandbox=sandbox, CF_DESTINATION=str(out))
        assert (run.code, run.out, run.err) == (0, "Nothing that failed is left to retry here.\n", "")
        assert set(sandbox.counts) <= {"batches"}


def test_retry_with_a_wrong_key(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", without=("a",)))
    with made("a") as sandbox:
        run = cf_ai("retry", out, "--json", sandbox=sandbox, CF_API_KEY="canary")
    assert run.code == body(run)["exit_code"] == 3
    assert body(run)["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--project", "nope"], "--project is 'nope': the journal of {out} knows sample-project.\n"),
        (["--max-workers", "0"], '--max-workers is 0: it must be between 1 and 100, or "auto".\n'),
    ],
)
def test_retry_with_bad_arguments(
    arguments: list[str], sentence: str, download: Download, out: Path, cf_ai: Command
) -> None:
    download(made("a"))
    with made("a") as sandbox:
        run = cf_ai("retry", out, *arguments, sandbox=sandbox)
        assert (run.code, run.out, run.err) == (2, "", sentence.format(out=out))
        assert not sandbox.counts


def test_retry_where_several_projects_are_asks_for_the_option(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a"))
    with Sandbox(project=Project(project_id="other")) as sandbox:
        cf_ai("download", "other", "sample-space", out, sandbox=sandbox)
        run = cf_ai("retry", out, sandbox=sandbox)
        said = f"--project is missing: choose one of those that the journal of {out} knows: other, sample-project.\n"
        assert (run.code, run.out, run.err) == (2, "", said)
        assert cf_ai("retry", out, "--project", "other", sandbox=sandbox).code == 0


# status


def test_status_for_people(download: Download, out: Path, cf_ai: Command) -> None:
    failing = [Fault("annotations", "status", match=f"/{item_id}/", status=404) for item_id in "cde"]
    with made(*"abcdef") as served, Sandbox(project=served.project, faults=failing) as sandbox:
        download(sandbox, "--max-workers", "1")
    run = cf_ai("status", out)
    lines = run.out.splitlines()
    assert (run.code, run.err) == (0, "")
    assert lines[:4] == [
        "Project sample-project, space sample-space",
        f"          3  stored, {sum(map(len, files_below(out).values()))} B",
        f"          3  failed: cf-ai retry {out}",
        "            3  not_found",
    ]
    assert sorted(line.split(":")[0] for line in lines[4:7]) == ["      c", "      d", "      e"]
    assert lines[7].startswith("  Last run: ")
    assert re.search(r", from http://127\.0\.0\.1:\d+/api/v1, finished$", lines[7])
    assert len(lines) == 8


def test_status_as_json(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b", without=("b",)))
    run = cf_ai("status", out, "--json")
    (project,) = body(run)["projects"]
    assert body(run)["destination"] == str(out)
    assert datetime.fromisoformat(project.pop("last_run")).tzinfo is not None
    (failure,) = project.pop("first_failures")
    assert (failure["item_id"], failure["code"]) == ("b", "not_found")
    assert datetime.fromisoformat(failure["at"])
    assert project.pop("base_url").startswith("http://127.0.0.1:")
    assert body(run)["warnings"] == []
    assert project == {
        "project_id": "sample-project",
        "space_id": "sample-space",
        "stored": 1,
        "failed": 1,
        "not_attempted": 0,
        "bytes": len(files_below(out)["plots/a.json"]),
        "outcome": "finished",
        "failed_by_code": {"not_found": 1},
        "gone": 0,
        "from_elsewhere": 0,
        "assets": 0,
        "assets_failed": 0,
        "asset_bytes": 0,
        "first_asset_failures": [],
    }


def test_status_of_several_projects_and_of_a_killed_run(download: Download, out: Path, cf_ai: Command) -> None:
    with held(out):
        busy = cf_ai("status", out)
    assert (busy.code, busy.out) == (4, "")
    assert busy.err == f"A run is writing to {out}. Look again when it has ended.\n"
    download(made("a"))
    lines = cf_ai("status", out).out.splitlines()
    assert lines[0] == "Project p, space s"
    assert lines[2] == "          1  listed and not fetched yet: run the download again"
    assert lines[3].endswith(", killed before its end")
    assert lines[4:6] == ["", "Project sample-project, space sample-space"]


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (Fault("annotations", "status", status=401), "ended by unauthorized"),
        (Fault("*", "status", status=401), None),
        (Fault("work_items", "status", nth=2, status=422), "ended by listing_failed"),
    ],
)
def test_status_tells_what_ended_the_last_run(
    fault: Fault, end: str | None, download: Download, out: Path, cf_ai: Command
) -> None:
    with Sandbox(items=40, faults=[fault]) as sandbox:
        download(sandbox, "--limit", "20")
    run = cf_ai("status", out)
    if end is None:
        assert (run.code, run.err) == (
            2,
            f"DEST is '{out}': there is no journal in it, so nothing was downloaded to it.\n",
        )
    else:
        assert run.out.splitlines()[-1].endswith(end)


def test_status_after_an_interruption(out: Path, cf_ai: Command, start: Callable[..., subprocess.Popen[str]]) -> None:
    slow = [Fault("storage", "slow", delay=60.0)]
    with Sandbox(faults=slow) as sandbox:
        process = start("download", "sample-project", "sample-space", out, environ=environment(sandbox))
        asked = threading.Event()
        for _ in range(3000):  # until a document is asked for: 30 s at most
            if sandbox.counts["storage"] or asked.wait(0.01):
                break
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    lines = cf_ai("status", out).out.splitlines()
    assert "listed and not fetched yet: run the download again" in lines[2]
    assert lines[-1].endswith(", interrupted")


@pytest.mark.parametrize("command", ["status", "verify", "retry"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_nothing_was_downloaded(command: str, options: list[str], out: Path, cf_ai: Command) -> None:
    run = cf_ai(command, out, *options, CF_API_KEY="unused")
    assert (run.code, run.out) == (2, "")
    assert run.err == f"DEST is '{out}': there is no journal in it, so nothing was downloaded to it.\n"
    assert not out.exists()


@pytest.mark.parametrize("command", ["status", "verify", "retry"])
def test_a_damaged_journal_is_not_taken_for_a_good_end(
    command: str, download: Download, out: Path, cf_ai: Command
) -> None:
    download(made("a"))
    (out / ".cf-ai" / "journal.sqlite3").write_bytes(b"no database" * 1000)
    said = {
        "retry": f"The journal of {out} is damaged, so nobody knows what failed. Download again: the journal is set"
        " aside then, and every work item is fetched.\n"
    }.get(
        command,
        f"Warning: The journal of {out} is damaged, so nobody knows what is there: the next download sets it aside and"
        " fetches every work item again.\n",
    )
    for options in ([], ["--json"]):
        run = cf_ai(command, out, *options, CF_API_KEY="unused")
        assert (run.code, run.err) == (4, said)
        if command != "retry":
            assert [body(run)["warnings"]] == [[said.removeprefix("Warning: ").strip()]] if options else run.out == ""
    again = download(made("a"))
    assert (again.code, "The journal of the destination was damaged" in again.out) == (0, True)


def test_the_server_cannot_write_to_the_terminal_through_the_journal(
    download: Download, out: Path, cf_ai: Command
) -> None:
    evil = "b\x1b[31mred\x9b\u202e"
    download(made("a", evil, without=(evil,)))
    with closing(sqlite3.connect(out / ".cf-ai" / "journal.sqlite3", isolation_level=None)) as journal:
        journal.execute("UPDATE runs SET outcome = ?, base_url = ?", (evil, evil))
        journal.execute("UPDATE items SET code = ? WHERE state = 'failed'", (evil,))
    run = cf_ai("status", out)
    assert run.out.count("red") == 6
    assert not set("\x1b\x9b\u202e") & set(run.out + run.err)


# verify


def test_verify_says_that_all_is_well(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b"))
    run = cf_ai("verify", out)
    assert (run.code, run.out, run.err) == (0, "All 2 files are as they were written.\n", "")
    assert body(cf_ai("verify", out, "--json")) == {
        "destination": str(out),
        "checked": 2,
        "differences": [],
        "warnings": [],
    }


def test_verify_lists_what_differs(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b", "c"))
    (out / "plots" / "a.json").unlink()
    (out / "plots" / "b.json").write_text("{}")
    run = cf_ai("verify", out)
    assert (run.code, run.err) == (1, "")
    assert sorted(run.out.splitlines()[:2]) == [f"altered: {out}/plots/b.json", f"missing: {out}/plots/a.json"]
    assert run.out.splitlines()[2] == "2 of 3 files differ; a download with --verify fetches them again."
    as_json = cf_ai("verify", out, "--json")
    assert as_json.code == 1
    assert sorted(body(as_json)["differences"], key=lambda each: str(each["item_id"])) == [
        {"item_id": "a", "path": f"{out}/plots/a.json", "kind": "missing", "is_asset": False},
        {"item_id": "b", "path": f"{out}/plots/b.json", "kind": "altered", "is_asset": False},
    ]
    assert counts(download(made("a", "b", "c"), "--json"))["skipped"] == 1
    assert cf_ai("verify", out).code == 0


def test_verify_draws_a_bar_where_asked_for(download: Download, out: Path, cf_ai: Command) -> None:
    download(made("a", "b"))
    assert "Verifying" in cf_ai("verify", out, "--progress").err
    assert cf_ai("verify", out, "--no-progress").err == ""


def test_an_empty_project_leaves_nothing_to_verify(download: Download, out: Path, cf_ai: Command) -> None:
    download(made())
    assert not out.exists()
    run = cf_ai("verify", out)
    assert (run.code, "nothing was downloaded to it" in run.err) == (2, True)


# What a run that was interrupted did, counted from its events


def test_an_interrupted_run_is_summed_up_from_its_events(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for event in (
        PageListed(3, 5),
        PageListed(2, None),
        ItemStored("a", "a.json", 7),
        ItemSkipped("b", "b.json"),
        ItemFailed("c", "timeout", "x"),
        ListingFinished(5),
        Warned("said in the end"),
        Warned("waiting", passing=True),
    ):
        tally.handle(event)
    summary = tally.summary()
    assert (summary.total_items, summary.successful, summary.skipped) == (5, 2, 1)
    assert (summary.failed, summary.not_attempted, summary.bytes) == (1, 2, 7)
    assert str(tally.interruption("out")) == (
        "Interrupted: 2 of 5 work items are saved below out, each of them whole."
        " Run the same command again to go on from there."
    )
    assert capsys.readouterr().err == "waiting\n"


def test_an_interrupted_run_may_not_know_how_many_there_are() -> None:
    tally = Tally()
    tally.handle(PageListed(3, None))
    assert str(tally.interruption("out")).startswith(
        "Interrupted: 0 of the 3 work items that were listed so far are saved below out, each"
    )
