from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.adapters.journal import Journal, Outcome, StoredFile
from cf_ai_platform_client.adapters.journal_file import journal_path
from cf_ai_platform_client.adapters.journal_queries import FailedRuns
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.planning import Entry, Version
from cf_ai_platform_client.destination import Difference, FailedItem, ProjectStatus, what_failed
from cf_ai_platform_client.errors import DiskError

from .adapters.disks import as_nobody
from .adapters.journals import held

HERE = "https://here.example/api/v1"
START = datetime(2026, 2, 1, 12, tzinfo=timezone.utc)


def written(
    out: Path, project: str = "p", *, stored: int = 2, failed: int = 0, outcome: str | None = "finished"
) -> None:
    """Keep books as a run does that stored and failed some items; without an outcome it was killed."""
    journal, store = Journal.open(str(out)), LocalStore(str(out))
    run = journal.begin_run(project, f"{project}'s space", "COMPLETED", START.timestamp())
    for number in range(stored):
        staged = store.stage(SafeName(project), SafeName(f"{number}.json"), b"x" * (number + 1))
        path = f"{project}/{number}.json"
        new = Entry("7", path, Version(), staged.state, store.sha256(f"{project}/{staged.partial}"))
        journal.list_items(run, {f"{number}": "7"}, 1.0)
        journal.record(run, [StoredFile(f"{number}", new, None)], 2.0)
        store.publish(staged)
    for number in range(failed):
        journal.list_items(run, {f"bad {number}": "7"}, 1.0)
        code = "timeout" if number % 3 else "not_found"
        journal.note_failed(run, f"bad {number}", code, f"reason {number}", START.timestamp())  # type: ignore[arg-type]
    journal.list_items(run, {"never reached": "7"}, 1.0)
    if outcome:
        journal.end_run(run, Outcome(outcome, True, None, 0, 0, 0, 0, 0, 0), 3.0)
    journal.close()
    store.close()


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "out"
    assert Journal._open == {}, "a journal was kept open"


def test_the_status_is_what_the_journal_knows(out: Path) -> None:
    written(out, failed=5)
    assert Destination(out).status() == [
        ProjectStatus(
            project_id="p",
            space_id="p's space",
            stored=2,
            failed=5,
            not_attempted=1,
            bytes=3,
            last_run=START,
            outcome="finished",
            failed_by_code={"not_found": 2, "timeout": 3},
            first_failures=[
                FailedItem("bad 0", "not_found", "reason 0", START),
                FailedItem("bad 1", "timeout", "reason 1", START),
                FailedItem("bad 2", "timeout", "reason 2", START),
            ],
        )
    ]


@pytest.mark.parametrize("outcome", ["finished", "cancelled", "unauthorized", None])
def test_the_status_tells_how_the_last_run_ended(outcome: str | None, out: Path) -> None:
    written(out, outcome=outcome)
    assert [project.outcome for project in Destination(out).status()] == [outcome or "killed"]


def test_the_status_of_several_projects(out: Path) -> None:
    written(out, "q", stored=1)
    written(out, "p", failed=1)
    assert [(each.project_id, each.stored, each.failed) for each in Destination(out).status()] == [
        ("p", 2, 1),
        ("q", 1, 0),
    ]


def test_a_run_of_this_process_does_not_keep_one_from_looking(out: Path) -> None:
    written(out)
    running = Journal.open(str(out))
    running.begin_run("p", "s", "COMPLETED", 9.0)
    assert [project.outcome for project in Destination(out).status()] == ["running"]
    running.close()


def test_all_files_are_as_they_were_written(out: Path) -> None:
    written(out)
    assert Destination(out).verify() == []
    assert list(Destination(str(out)).iter_differences()) == [None, None]


def test_files_that_differ_are_named(out: Path) -> None:
    written(out, stored=4)
    written(out, "q", stored=1)
    (out / "p" / "0.json").unlink()
    (out / "p" / "1.json").write_bytes(b"yy")
    (out / "p" / "2.json").write_bytes(b"longer")
    (out / "q" / "0.json").unlink()
    (out / "q" / "0.json").symlink_to(out / "p" / "3.json")
    found = [
        Difference("0", str(out / "p" / "0.json"), "missing"),
        Difference("1", str(out / "p" / "1.json"), "altered"),
        Difference("2", str(out / "p" / "2.json"), "altered"),
        Difference("0", str(out / "q" / "0.json"), "missing"),
    ]
    assert Destination(out).verify() == found
    assert list(Destination(out).iter_differences()) == [*found[:3], None, found[3]]


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions of POSIX")
def test_what_cannot_be_read_is_not_called_altered_or_missing(out: Path) -> None:
    written(out, stored=5)
    written(out, "q", stored=1)
    (out / "p" / "1.json").chmod(0)
    (out / "p" / "2.json").chmod(0)
    (out / "p" / "2.json").write_bytes(b"longer")
    (out / "p" / "3.json").unlink()
    (out / "q").chmod(0)
    looking = Destination(out).iter_differences()
    assert next(looking) is None
    with as_nobody():
        found = [(each.path, each.kind) for each in looking if each]
    (out / "q").chmod(0o700)
    assert found == [
        (str(out / "p" / "1.json"), "unreadable"),
        (str(out / "p" / "2.json"), "altered"),
        (str(out / "p" / "3.json"), "missing"),
        (str(out / "q" / "0.json"), "unreadable"),
    ]


def test_looking_may_end_early(out: Path) -> None:
    written(out)
    differences = Destination(out).iter_differences()
    assert next(differences) is None
    differences.close()  # type: ignore[attr-defined]


def test_where_nothing_was_downloaded_there_is_nothing_to_tell(out: Path) -> None:
    for look in (Destination(out).status, Destination(out).verify, lambda: what_failed(str(out), None, HERE)):
        with pytest.raises(ValueError, match=r"^destination is '.*out': there is no journal in it, so nothing was"):
            look()
    assert not out.exists()


def test_a_journal_that_knows_of_no_run_tells_of_none(out: Path) -> None:
    Journal.open(str(out)).close()
    assert (Destination(out).status(), Destination(out).verify()) == ([], [])
    with pytest.raises(ValueError, match=r"^destination is '.*out': its journal knows of no run\.$"):
        what_failed(str(out), None, HERE)


def test_a_journal_that_is_damaged_tells_of_nothing_and_is_left_as_it_is(out: Path) -> None:
    written(out)
    journal_path(str(out)).write_bytes(b"no database" * 1000)
    said = f"The journal of {out} is damaged, so nobody knows what is there: the next download sets it aside and"
    for look in (Destination(out).status, Destination(out).verify):
        with pytest.warns(UserWarning, match=f"^{re.escape(said)}"):
            assert look() == []
    with pytest.raises(DiskError, match="is damaged, so nobody knows what failed") as caught:
        what_failed(str(out), None, HERE)
    assert caught.value.code == "disk_error"
    assert [path.name for path in journal_path(str(out)).parent.iterdir()] == ["journal.sqlite3"]
    assert journal_path(str(out)).read_bytes() == b"no database" * 1000


def test_while_a_run_of_another_process_writes_nothing_is_told(out: Path) -> None:
    with held(out), pytest.raises(DiskError) as caught:
        Destination(out).status()
    assert str(caught.value) == f"A run is writing to {out}. Look again when it has ended."
    assert caught.value.code == "disk_error"
    assert [project.outcome for project in Destination(out).status()] == ["killed"]


def test_what_failed_is_of_one_project(out: Path) -> None:
    written(out, "p")
    assert what_failed(str(out), None, HERE).runs == [FailedRuns("p", "p's space", "COMPLETED", HERE, 0)]
    written(out, "q", failed=2, outcome="cancelled")
    assert what_failed(str(out), "q", HERE).runs == [FailedRuns("q", "q's space", "COMPLETED", None, 2)]


@pytest.mark.parametrize(
    ("project_id", "said"),
    [
        (None, "project_id is None: choose one of those that the journal of {out} knows: p, q."),
        ("r", "project_id is 'r': the journal of {out} knows p, q."),
    ],
)
def test_which_project_is_meant_must_be_clear(project_id: str | None, said: str, out: Path) -> None:
    written(out, "p")
    written(out, "q")
    with pytest.raises(ValueError) as caught:
        what_failed(str(out), project_id, HERE)
    assert str(caught.value) == said.format(out=out)


@pytest.mark.parametrize("path", ["", " ", "a\0b", None])
def test_a_destination_is_a_path(path: str) -> None:
    with pytest.raises(ValueError, match=r"^destination is .*: it must be the path of a folder\.$"):
        Destination(path)


def test_a_status_can_be_handed_on(out: Path) -> None:
    written(out, failed=1)
    status = Destination(out).status()
    assert pickle.loads(pickle.dumps(status)) == status
    assert json.dumps(status[0].failed_by_code) == '{"not_found": 1}'
