from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cf_ai_platform_client.adapters.journal import Journal, Outcome, Run, StaleFile, StoredFile
from cf_ai_platform_client.adapters.journal_file import JournalBusy, journal_path, open_journal_file
from cf_ai_platform_client.adapters.journal_queries import (
    Failure,
    LastRun,
    Totals,
    WrittenFile,
    failures,
    last_complete,
    last_runs,
    totals,
    written_files,
)
from cf_ai_platform_client.adapters.journal_stale import (
    forget,
    forget_fileless,
    note_gone,
    note_gone_failures,
    stale_files,
)
from cf_ai_platform_client.core.planning import Entry, FileState, Version
from cf_ai_platform_client.errors import DiskError

from ..conftest import files_below
from .disks import files_of_at_most
from .journals import held

FINISHED = Outcome("finished", True, "2026-02-01", 3, 1, 1, 1, 0, 10)
VERSION = Version("2026-02-01", "coco/a.json", '"etag"', b"asset")


@pytest.fixture
def destination(tmp_path: Path) -> str:
    return str(tmp_path / "out")


@pytest.fixture
def journal(destination: str) -> Iterator[Journal]:
    with closing(Journal.open(destination)) as opened:
        yield opened


def begin(journal: Journal, project: str = "p", *, now: float = 1.0) -> Run:
    return journal.begin_run(project, "s", "COMPLETED", now)


def entry(path: str = "plots/a.json", size: int = 5, *, batch: str = "7") -> Entry:
    return Entry(batch, path, VERSION, FileState(size, 1_000), b"digest")


def store(journal: Journal, run: Run, item_id: str, new: Entry, replaces: Entry | None = None) -> None:
    """List an item and record its file."""
    journal.list_items(run, {item_id: new.batch}, 2.0)
    journal.record(run, [StoredFile(item_id, new, replaces)], 3.0)


def known(journal: Journal, item_id: str, project: str = "p") -> Entry | None:
    """Return what a run that begins now would know of an item; the run is ended."""
    run = begin(journal, project)
    found = journal.list_items(run, {item_id: "7"}, 2.0)[item_id]
    journal.end_run(run, FINISHED, 3.0)
    return found


def columns(destination: str, query: str) -> list[tuple[object, ...]]:
    """Read a journal that nobody holds."""
    with closing(sqlite3.connect(journal_path(destination))) as connection:
        return connection.execute(query).fetchall()


# Items


def test_an_item_is_known_to_the_runs_after_the_one_that_listed_it(journal: Journal) -> None:
    run = begin(journal)
    assert journal.list_items(run, {"a": "7", "b": ""}, 2.0) == {"a": None, "b": None}
    assert journal.list_items(run, {"a": "7", "c": "7"}, 2.0) == {"c": None}
    assert journal.list_items(run, {}, 2.0) == {}
    again = begin(journal)
    assert journal.list_items(again, {"c": "7", "b": "8"}, 2.0) == {"c": Entry("7"), "b": Entry("")}
    assert journal.list_items(again, {"b": "8", "a": "7"}, 2.0) == {"a": Entry("7")}


def test_what_is_recorded_comes_back(journal: Journal) -> None:
    store(journal, begin(journal), "a", entry())
    assert known(journal, "a") == entry()


def test_an_item_belongs_to_its_project(journal: Journal) -> None:
    store(journal, begin(journal), "a", entry())
    assert known(journal, "a", "other") is None
    assert known(journal, "a") == entry()


@pytest.mark.parametrize("item_id", ["", "a'; DROP TABLE items", "a\0b", "é", "x" * 100_000], ids=lambda text: text[:9])
def test_any_text_is_an_id(item_id: str, journal: Journal) -> None:
    store(journal, begin(journal), item_id, entry())
    assert known(journal, item_id) == entry()


def test_a_file_that_is_still_right_gets_its_present_version_and_time(journal: Journal) -> None:
    run = begin(journal)
    store(journal, run, "a", entry())
    newer = Version("2026-03-01", None, None, b"other")
    journal.record_unchanged(run, [("a", newer, FileState(5, 2_000))], 4.0)
    assert known(journal, "a") == msgspec.structs.replace(entry(), version=newer, state=FileState(5, 2_000))


def test_a_failure_is_kept_until_the_file_comes(journal: Journal) -> None:
    run = begin(journal)
    store(journal, run, "a", entry())
    journal.note_failed(run, "a", "not_found", "It is gone.", 4.0)
    assert known(journal, "a") == msgspec.structs.replace(entry(), failed=True)
    assert list(failures(journal, "p")) == [Failure("a", "not_found", "It is gone.", 4.0)]
    store(journal, run, "a", entry(size=6), entry())
    assert known(journal, "a") == entry(size=6)
    assert list(failures(journal, "p")) == []


def test_failures_are_written_with_what_comes_next(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        run = begin(journal)
        journal.list_items(run, {"a": "7", "b": "7"}, 2.0)
        journal.note_failed(run, "a", "not_found", "x", 3.0)
        journal.end_run(run, FINISHED, 4.0)
        journal.note_failed(run, "b", "not_found", "nothing comes after this one", 5.0)
    assert columns(destination, "SELECT item, state, code FROM items ORDER BY item") == [
        ("a", "failed", "not_found"),
        ("b", "listed", None),
    ]


def test_a_failure_that_could_not_be_written_is_written_later(journal: Journal) -> None:
    run = begin(journal)
    journal.list_items(run, {"a": "7"}, 2.0)
    journal.note_failed(run, "a", "not_found", "x", 3.0)
    with pytest.raises(DiskError), journal.transaction() as execute:
        execute("SELECT nonsense")
    assert [failure.item_id for failure in failures(journal, "p")] == ["a"]


def test_a_transaction_that_fails_changes_nothing(journal: Journal) -> None:
    run = begin(journal)
    with pytest.raises(KeyError), journal.transaction() as execute:
        execute("DELETE FROM projects")
        raise KeyError
    said = r"journal\.sqlite3 cannot be used: no such table: nonsense\. Check the disk"
    with pytest.raises(DiskError, match=said), journal.transaction() as execute:
        execute("DELETE FROM projects")
        execute("DELETE FROM nonsense")
    assert begin(journal).project == run.project


def test_a_file_that_an_item_left_behind_is_stale(journal: Journal) -> None:
    run = begin(journal)
    here, there = entry("plots/a.json"), entry("other/a.json", 6, batch="8")
    store(journal, run, "a", here)
    store(journal, run, "a", there, here)
    left = StaleFile(None, "", "plots/a.json", FileState(5, 1_000), b"digest")
    assert list(stale_files(journal, run)) == [left]
    store(journal, run, "a", here, there)
    assert [file.path for file in stale_files(journal, run)] == ["other/a.json"]
    store(journal, run, "a", msgspec.structs.replace(here, state=FileState(9, 9)), here)
    assert [file.path for file in stale_files(journal, run)] == ["other/a.json"]


def test_a_file_that_is_here_anew_is_not_stale(journal: Journal) -> None:
    """Else pruning would delete the file of an item that had left the project and came back."""
    run = begin(journal)
    here, there = entry("plots/a.json"), entry("other/a.json")
    store(journal, run, "a", here)
    store(journal, run, "a", there, here)
    later = begin(journal)
    forget(journal, later, [file for file in stale_files(journal, later) if file.row is not None])
    store(journal, later, "a", here)
    assert count_stale(journal, later) == 0


def count_stale(journal: Journal, run: Run) -> int:
    return len(list(stale_files(journal, run)))


def test_batches_keep_their_folders(journal: Journal) -> None:
    run, other = begin(journal), begin(journal, "other")
    journal.pin_folders(run, [("7", "plots", "Plots"), ("", "Default", "")])
    journal.pin_folders(other, [("7", "elsewhere", "x")])
    journal.pin_folders(run, [("7", "plots", "Plots, renamed")])
    assert journal.folders(run) == {"7": ("plots", "Plots, renamed"), "": ("Default", "")}
    assert journal.folders(other) == {"7": ("elsewhere", "x")}


# Runs


def test_the_last_run_of_each_project(journal: Journal) -> None:
    assert last_runs(journal) == []
    journal.end_run(begin(journal, "q"), FINISHED, 2.0)
    journal.end_run(begin(journal, "p", now=3.0), replace(FINISHED, outcome="cancelled"), 4.0)
    journal.begin_run("p", "t", "CLIENT_REVIEW", 5.0)
    assert last_runs(journal) == [
        LastRun("p", "t", "CLIENT_REVIEW", 5.0, None, None),
        LastRun("q", "s", "COMPLETED", 1.0, 2.0, "finished"),
    ]


def test_the_last_complete_run_is_of_the_same_project_space_and_status(journal: Journal) -> None:
    for number, place in enumerate([("p", "s", "X"), ("p", "s", "X"), ("p", "t", "X"), ("q", "s", "X")]):
        complete = replace(FINISHED, newest=None if number else "2026-01-01", complete=number != 1)
        journal.end_run(journal.begin_run(*place, float(number)), complete, 9.0)
        if number == 1:
            assert last_complete(journal, "p", "s", "X") == (0.0, "2026-01-01")
    assert last_complete(journal, "p", "s", "X") is None, "the other space's documents are here since"
    assert last_complete(journal, "p", "t", "X") == (2.0, None)
    assert last_complete(journal, "p", "t", "X", "https://other.example") is None
    begin(journal)
    assert last_complete(journal, "p", "t", "X") is None
    assert last_complete(journal, "p", "s", "COMPLETED") is None
    assert last_complete(journal, "nope", "s", "X") is None


def test_how_a_run_ended_is_all_there(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        journal.end_run(begin(journal), FINISHED, 2.0)
    assert columns(destination, "SELECT * FROM runs") == [
        (1, 1, "s", "COMPLETED", 1.0, 2.0, "finished", 1, "2026-02-01", 3, 1, 1, 1, 0, 10, None, 0)
    ]


# Questions


def test_items_are_counted_by_what_became_of_them(journal: Journal) -> None:
    run = begin(journal)
    for number, state in enumerate(["stored", "stored", "failed after it was stored", "failed", "listed"]):
        journal.list_items(run, {f"{number}": "7"}, 2.0)
        if "stored" in state:
            journal.record(run, [StoredFile(f"{number}", entry(f"plots/{number}.json", 10**number), None)], 3.0)
        if "failed" in state:
            journal.note_failed(run, f"{number}", "timeout", "x", 4.0)
    store(journal, begin(journal, "other"), "0", entry(size=1_000_000))
    assert totals(journal, "p") == Totals(stored=2, failed=2, not_attempted=1, bytes=111)
    assert totals(journal, "nope") == Totals(0, 0, 0, 0)


def test_long_answers_come_in_portions(journal: Journal) -> None:
    first = begin(journal)
    ids = [f"{number:04}" for number in range(1001)]
    for start in range(0, len(ids), 500):
        journal.list_items(first, dict.fromkeys(ids[start : start + 500], "7"), 2.0)
    journal.record(first, [StoredFile(each, entry(f"plots/{each}.json"), None) for each in ids], 3.0)
    for each in reversed(ids):
        journal.note_failed(first, each, "timeout", "x", 4.0)
    assert [failure.item_id for failure in failures(journal, "p")] == ids
    assert [file.item_id for file in written_files(journal)] == ids
    second = begin(journal)
    assert [file.item_id for file in stale_files(journal, second)] == ids


def test_files_that_are_forgotten_while_they_are_told_do_not_hide_others(journal: Journal) -> None:
    first = begin(journal)
    ids = [f"{number:04}" for number in range(1001)]
    for each in ids:
        journal.list_items(first, {each: "7"}, 2.0)
    journal.record(first, [StoredFile(each, entry(f"plots/{each}.json"), None) for each in ids], 3.0)
    second, seen = begin(journal), list[str]()
    for file in stale_files(journal, second):
        seen.append(file.item_id)
        forget(journal, second, [file])
    assert seen == ids
    assert count_stale(journal, second) == 0


def test_what_a_later_listing_did_not_have_is_stale_and_can_be_forgotten(journal: Journal) -> None:
    run, other = begin(journal), begin(journal, "other")
    store(journal, run, "gone", entry("plots/gone.json"))
    store(journal, run, "here", entry("plots/here.json"))
    store(journal, other, "elsewhere", entry("plots/elsewhere.json"))
    journal.list_items(run, {"gone, no file": "7", "here, no file": "7"}, 2.0)
    assert count_stale(journal, run) == 0
    later = begin(journal)
    journal.list_items(later, {"here": "7", "here, no file": "7"}, 2.0)
    (stale,) = stale_files(journal, later)
    assert stale == StaleFile(stale.row, "gone", "plots/gone.json", FileState(5, 1_000), b"digest")
    forget_fileless(journal, later)
    assert totals(journal, "p") == Totals(2, 0, 1, 10)
    forget(journal, later, [stale])
    assert (totals(journal, "p"), count_stale(journal, later)) == (Totals(1, 0, 1, 5), 0)
    assert [file.path for file in written_files(journal)] == ["plots/here.json", "plots/elsewhere.json"]


def test_a_run_knows_nothing_of_items_that_were_last_listed_with_another_status(journal: Journal) -> None:
    store(journal, begin(journal), "a", entry("plots/a.json"))
    other = journal.begin_run("p", "s", "IN_REVIEW", 5.0)
    journal.list_items(other, {"a": "7", "no file": "7"}, 5.0)
    later = begin(journal)
    forget_fileless(journal, later)
    assert (count_stale(journal, later), totals(journal, "p").not_attempted) == (0, 1)
    again = journal.begin_run("p", "s", "IN_REVIEW", 6.0)
    forget_fileless(journal, again)
    assert (count_stale(journal, again), totals(journal, "p").not_attempted) == (1, 0)


def test_what_was_left_behind_can_be_forgotten(journal: Journal) -> None:
    run = begin(journal)
    store(journal, run, "a", entry())
    store(journal, run, "a", entry("other/a.json"), entry())
    forget(journal, run, list(stale_files(journal, run)))
    assert (count_stale(journal, run), totals(journal, "p").stored) == (0, 1)


# One journal for one process


def test_the_runs_of_a_process_share_a_journal(destination: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "out")
    first = Journal.open(destination)
    second = Journal.open(str(tmp_path / "link"))
    assert second is first
    first.close()
    begin(second)
    second.close()
    with closing(Journal.open(destination)) as third:
        assert third is not first


def test_it_can_be_used_from_any_thread(journal: Journal) -> None:
    def work(name: str) -> None:
        run = begin(journal, name)
        for number in range(50):
            store(journal, run, f"{number}", entry())
            journal.note_failed(run, f"{number}", "timeout", "x", 4.0)

    threads = [threading.Thread(target=work, args=(f"project {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(list(failures(journal, f"project {number}"))) for number in range(4)] == [50] * 4


def test_while_another_process_holds_it_it_is_busy(destination: str) -> None:
    with held(destination):
        for _ in range(2):
            with pytest.raises(JournalBusy):
                Journal.open(destination)
    with closing(Journal.open(destination)) as journal:
        assert [run.outcome for run in last_runs(journal)] == ["killed"]
        assert totals(journal, "p") == Totals(0, 0, 1, 0)
        assert journal.damaged is None


def test_after_a_killed_run_its_partial_files_are_cleared(destination: str, tmp_path: Path) -> None:
    with held(destination):
        (tmp_path / "out" / "plots").mkdir()
        for name in (".cf-ai-0a1b.part", "a.json", "mine.part"):
            (tmp_path / "out" / "plots" / name).write_bytes(b"x")
    with closing(Journal.open(destination)):
        assert sorted(files_below(tmp_path)) == ["out/plots/a.json", "out/plots/mine.part"]


def test_without_a_killed_run_nothing_is_cleared(destination: str, tmp_path: Path) -> None:
    with closing(Journal.open(destination)) as journal:
        journal.end_run(begin(journal), FINISHED, 2.0)
    (tmp_path / "out" / "plots").mkdir()
    (tmp_path / "out" / "plots" / ".cf-ai-0a1b.part").write_bytes(b"x")
    with closing(Journal.open(destination)) as journal:
        assert [run.outcome for run in last_runs(journal)] == ["finished"]
    assert files_below(tmp_path)


# The file


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def not_a_database(path: Path) -> None:
    path.write_bytes(b"{}" * 1000)


def bytes_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def sql(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    change.__name__ = statement
    return change


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        not_a_database,
        bytes_changed,
        sql("PRAGMA application_id = 7"),
        sql("PRAGMA user_version = 0"),
        sql("DROP TABLE left_behind"),
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_journal_is_set_aside_and_made_anew(damage: Callable[[Path], None], destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        run = begin(journal)
        for number in range(100):
            store(journal, run, f"{number}", entry(f"plots/{number}.json"))
        journal.end_run(run, FINISHED, 2.0)
    path = journal_path(destination)
    damage(path)
    content = path.read_bytes()
    with closing(Journal.open(destination)) as journal:
        assert journal.damaged == str(path.with_name("damaged-journal.sqlite3"))
        assert last_runs(journal) == []
        store(journal, begin(journal), "a", entry())
        assert known(journal, "a") == entry()
    assert Path(journal.damaged).read_bytes() == content
    with closing(Journal.open(destination)) as journal:
        assert journal.damaged is None


def test_with_a_damaged_journal_partial_files_are_cleared(destination: str, tmp_path: Path) -> None:
    (tmp_path / "out" / "plots").mkdir(parents=True)
    (tmp_path / "out" / "plots" / ".cf-ai-0a1b.part").write_bytes(b"x")
    journal_path(destination).parent.mkdir()
    not_a_database(journal_path(destination))
    with closing(Journal.open(destination)):
        assert files_below(tmp_path) == {}


def test_a_journal_of_a_newer_version_is_left_as_it_is(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        begin(journal)
    path = journal_path(destination)
    sql("PRAGMA user_version = 99")(path)
    content = path.read_bytes()
    with pytest.raises(DiskError) as caught:
        Journal.open(destination)
    assert str(caught.value) == (
        f"The journal {path} was written by a newer version of this package."
        " Update the package, or choose another destination."
    )
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["", "journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-journal"])
@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_no_link_leads_the_journal_elsewhere(name: str, target: str, destination: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    own = journal_path(destination).parent
    (own if name else own.parent).mkdir(parents=True)
    (own / name).symlink_to(tmp_path / target)
    with pytest.raises(DiskError, match="stands in the way") as caught:
        Journal.open(destination)
    assert caught.value.code == "disk_error"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_something_else_in_its_place_is_left_alone(destination: str) -> None:
    journal_path(destination).mkdir(parents=True)
    with pytest.raises(DiskError, match="stands in the way"):
        Journal.open(destination)
    assert journal_path(destination).is_dir()


def test_a_destination_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(DiskError, match=r"journal\.sqlite3 cannot be written: .*\."):
        Journal.open(str(tmp_path / "file" / "below"))


def test_a_file_size_limit_is_said_so_and_costs_nothing(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        run = begin(journal)
        store(journal, run, "a", entry())
        with files_of_at_most(200_000), pytest.raises(DiskError, match="a file-size limit was reached") as caught:
            for number in range(2000):
                store(journal, run, f"{number}" * 100, entry())
        assert caught.value.code == "disk_full"
        store(journal, run, "b", entry())
        assert known(journal, "a") == entry()
        assert known(journal, "b") == entry()


@pytest.mark.parametrize("most", [0, 1_000, 30_000])
def test_a_journal_that_could_not_be_made_can_be_made_later(most: int, destination: str) -> None:
    with files_of_at_most(most), pytest.raises(DiskError, match="a file-size limit was reached"):
        begin(Journal.open(destination))
        pytest.fail("it had room")
    with closing(Journal.open(destination)) as journal:
        assert journal.damaged is None
        begin(journal)


def test_a_journal_that_could_not_be_opened_is_let_go(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        begin(journal)
    with files_of_at_most(0), pytest.raises(DiskError, match="a file-size limit was reached") as caught:
        Journal.open(destination)
    with closing(Journal.open(destination)) as journal:
        assert [run.outcome for run in last_runs(journal)] == ["killed"]
    assert caught.value.code == "disk_full"


@pytest.mark.parametrize(("durable", "synchronous"), [(False, 1), (True, 2)], ids=["usual", "durable"])
def test_a_durable_journal_waits_for_the_disk(durable: bool, synchronous: int, destination: str) -> None:
    with closing(Journal.open(destination, durable=durable)) as journal, journal.transaction() as execute:
        assert execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert execute("PRAGMA locking_mode").fetchone() == ("exclusive",)


def test_no_shared_memory_is_used(destination: str) -> None:
    with closing(Journal.open(destination)) as journal:
        begin(journal)
        names = {path.name for path in journal_path(destination).parent.iterdir()}
    assert names == {"journal.sqlite3", "journal.sqlite3-wal"}


def test_an_opened_file_tells_whether_it_is_new(destination: str) -> None:
    for is_new in (True, False):
        opened = open_journal_file(destination)
        opened.connection.close()
        assert opened.is_new is is_new
        (Path(destination) / "plots").mkdir(exist_ok=True)


# Any sequence of operations

ITEM_IDS = st.sampled_from(["a", "b", "c", "d"])
BATCH_KEYS = st.sampled_from(["", "7", "8"])
FILE_STATES = st.builds(FileState, st.integers(0, 9), st.integers(0, 2**62))
VERSIONS = st.builds(
    Version,
    st.sampled_from([None, "2026-01-01"]),
    st.text(max_size=2),
    st.none() | st.just('"e"'),
    st.binary(max_size=2),
)


class AgainstAModel(RuleBasedStateMachine):
    """The journal, opened anew now and then, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.destination = self.stack.enter_context(TemporaryDirectory())
        self.items: dict[str, Entry] = {}
        self.listed: set[str] = set()
        self.left_behind: set[str] = set()
        self.gone: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.journal = Journal.open(self.destination)
        self.run = begin(self.journal)

    @rule(ended=st.booleans())
    def open_again(self, ended: bool) -> None:
        if ended:
            self.journal.end_run(self.run, FINISHED, 9.0)
        else:
            list(failures(self.journal, "p"))
        self.journal.close()
        self.begin()
        self.listed.clear()

    @rule(batches=st.dictionaries(ITEM_IDS, BATCH_KEYS, max_size=4))
    def list_items(self, batches: dict[str, str]) -> None:
        new = {item_id: self.items.get(item_id) for item_id in batches if item_id not in self.listed}
        assert self.journal.list_items(self.run, batches, 2.0) == new
        self.items |= {item_id: Entry(batches[item_id]) for item_id, old in new.items() if old is None}
        self.listed |= batches.keys()
        self.gone -= batches.keys()

    @rule(files=st.dictionaries(ITEM_IDS, st.tuples(BATCH_KEYS, VERSIONS, FILE_STATES), max_size=3))
    def record(self, files: dict[str, tuple[str, Version, FileState]]) -> None:
        stored: list[StoredFile] = []
        for item_id, (batch, version, state) in files.items():
            if item_id in self.items:
                old, path = self.items[item_id], f"{batch or 'Default'}/{item_id}.json"
                self.items[item_id] = Entry(batch, path, version, state, b"sha")
                self.gone.discard(item_id)
                stored.append(StoredFile(item_id, self.items[item_id], old))
                self.left_behind |= {old.path} if old.path else set()
                self.left_behind -= {path}
        self.journal.record(self.run, stored, 3.0)

    @rule(item_id=ITEM_IDS, version=VERSIONS, mtime_ns=st.integers(0, 2**62))
    def record_unchanged(self, item_id: str, version: Version, mtime_ns: int) -> None:
        old = self.items.get(item_id)
        if old is not None and old.state is not None:
            state = FileState(old.state.size, mtime_ns)
            self.items[item_id] = msgspec.structs.replace(old, version=version, state=state)
            self.journal.record_unchanged(self.run, [(item_id, version, state)], 4.0)

    @rule(item_id=ITEM_IDS)
    def note_failed(self, item_id: str) -> None:
        if item_id in self.items:
            self.items[item_id] = msgspec.structs.replace(self.items[item_id], failed=True)
            self.gone.discard(item_id)
        self.journal.note_failed(self.run, item_id, "timeout", "x", 5.0)

    @rule()
    def prune(self) -> None:
        forget(self.journal, self.run, list(stale_files(self.journal, self.run)))
        forget_fileless(self.journal, self.run)
        self.items = {item_id: known for item_id, known in self.items.items() if item_id in self.listed}
        self.left_behind.clear()
        self.gone.clear()

    @rule(failures_only=st.booleans())
    def note_gone(self, failures_only: bool) -> None:
        left = {item_id for item_id, known in self.items.items() if known.failed or not failures_only} - self.listed
        if failures_only:
            assert note_gone_failures(self.journal, self.run) == len(left)
        else:
            note_gone(self.journal, self.run)
        self.items |= {item_id: msgspec.structs.replace(self.items[item_id], failed=False) for item_id in left}
        self.gone |= left

    @invariant()
    def it_knows_what_the_model_knows(self) -> None:
        if not hasattr(self, "journal"):
            return
        items = self.items
        failed = sorted(item_id for item_id, known in items.items() if known.failed)
        assert [failure.item_id for failure in failures(self.journal, "p")] == failed
        with_files = {item_id: known for item_id, known in items.items() if known.path}
        assert {file.item_id: file for file in written_files(self.journal)} == {
            item_id: WrittenFile(
                item_id,
                known.path or "",
                known.state,
                known.sha256 or b"",
                item_id in self.gone,
                "p",
                int(known.batch) if known.batch else None,
            )
            for item_id, known in with_files.items()
            if known.state
        }
        gone = {known.path for item_id, known in with_files.items() if item_id not in self.listed}
        stale = list(stale_files(self.journal, self.run))
        assert sorted(file.path for file in stale) == sorted([*gone, *self.left_behind])
        counted = totals(self.journal, "p")
        assert (counted.failed, counted.gone) == (len(failed), len(self.gone))
        assert counted.stored + counted.failed + counted.not_attempted + counted.gone == len(items)
        assert counted.bytes == sum(known.state.size for known in items.values() if known.state)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        self.stack.close()


TestAnySequenceOfOperations = AgainstAModel.TestCase
TestAnySequenceOfOperations.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
