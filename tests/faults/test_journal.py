"""D7 and D5: journals that are damaged, altered, newer, or in use by somebody else."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.adapters.journal import Journal
from cf_ai_platform_client.adapters.journal_file import JournalBusy
from cf_ai_platform_client.adapters.journal_reader import JournalReader
from cf_ai_platform_client.errors import DiskError

from ..adapters.disks import mounted
from ..conftest import Clock
from .projects import journal_of, made, rows, serve, sources_of
from .promise import client_of, run
from .reruns import BATCHES, Items, of_version_1, rerun, statements, ten, warnings_of

DAMAGES: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"garbage" * 1000),
    "a short text": lambda path: path.write_text("{}"),
    "no bytes": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut within a page": lambda path: os.truncate(path, path.stat().st_size - 5000),  # the last ones hold nothing yet
    "cut within the header": lambda path: os.truncate(path, 50),
    "only the first page": lambda path: os.truncate(path, 4096),
    "no tables": lambda path: statements(path, "DROP TABLE items", "DROP TABLE runs", "DROP TABLE folders"),
    "one table less": lambda path: statements(path, "DROP TABLE left_behind"),
    "another application's": lambda path: (path.unlink(), statements(path, "CREATE TABLE items (theirs)")),
    "no application id": lambda path: statements(path, "PRAGMA application_id = 0"),
    "an older schema": lambda path: statements(path, "PRAGMA user_version = 0"),
    "bytes for texts": lambda path: statements(
        path, "PRAGMA ignore_check_constraints = 1", "UPDATE items SET path = x'ff'"
    ),
    "a trigger": lambda path: statements(
        path, "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN UPDATE items SET path = '../../evil'; END"
    ),
    "a view": lambda path: statements(path, "CREATE VIEW evil AS SELECT * FROM items"),
    "a view for a table": lambda path: statements(
        path, "ALTER TABLE folders RENAME TO theirs", "CREATE VIEW folders AS SELECT * FROM theirs"
    ),
    "a table more": lambda path: statements(path, "CREATE TABLE theirs (x)"),
    "a column more": lambda path: statements(path, "ALTER TABLE items ADD COLUMN theirs"),
    "no runs": lambda path: statements(path, "DELETE FROM runs"),
    "the run of a failure is missing": lambda path: statements(path, "UPDATE items SET failed_in = 99"),
    "the run of a file is missing": lambda path: statements(path, "UPDATE items SET origin = 99 WHERE item = 'item-9'"),
    "the run that listed it is missing": lambda path: statements(path, "UPDATE items SET run = 99"),
    "numbers missing": lambda path: statements(path, "PRAGMA writable_schema = 1", "DELETE FROM sqlite_master"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_d7_a_damaged_journal_is_said_so_and_made_anew(damage: Callable[[Path], object], destination: Path) -> None:
    with serve(ten()) as sandbox:
        first, _ = rerun(sandbox, destination)
        part = destination / "one" / ".cf-ai-0123456789abcdef.part"
        part.write_bytes(b"of a run that was killed")
        damage(journal_of(destination))
        kept, seen = rerun(sandbox, destination)
        assert kept.counts() == (10, 0, 0, 0), "what is not known is fetched again"
        assert kept.files == first.files
        (said,) = warnings_of(kept)
        assert "journal" in said
        assert "damaged" in said
        aside = journal_of(destination).with_name("damaged-journal.sqlite3")
        assert str(aside) in said
        assert aside.exists()
        again, seen = rerun(sandbox, destination)
        assert (again.counts(), warnings_of(again), seen.storage) == ((0, 10, 0, 0), [], 0)


def test_d7_pages_that_were_overwritten_at_random_never_lose_a_file_or_end_a_run(destination: Path) -> None:
    items: Items = {f"item-{number:03}": 1 + number % 2 for number in range(100)}
    source = random.Random(7)
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
        for number in range(25):
            path = journal_of(destination)
            content = bytearray(path.read_bytes())
            place = source.randrange(0, len(content) - 4096)
            length = source.choice([1, 2, 16, 300, 4096])
            content[place : place + length] = source.randbytes(length)
            path.write_bytes(content)
            kept = run(client_of(sandbox), destination, expected=sources_of(items))
            assert kept.error is None, f"round {number}: {length} bytes at {place}: {kept.error}"
            assert kept.counts()[2:] == (0, 0)
            assert len(kept.files) == 100


@pytest.mark.parametrize("damage", ["deleted", "garbage", "cut", "of another journal"])
def test_d7_a_write_ahead_log_that_is_lost_or_damaged(damage: str, destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        with_wal(destination)
        wal = journal_of(destination).with_name("journal.sqlite3-wal")
        if damage == "deleted":
            wal.unlink()
        elif damage == "cut":
            os.truncate(wal, wal.stat().st_size // 2)
        else:
            wal.write_bytes(b"garbage" * 5000 if damage == "garbage" else b"\x37\x7f\x06\x82" + bytes(4000))
        kept, _ = rerun(sandbox, destination)
        assert kept.error is None
        assert len(kept.files) == 10
        assert rerun(sandbox, destination)[1].storage == 0


def with_wal(destination: Path) -> None:
    """Leave the journal as a kill does, with all that the last run wrote in its write-ahead log."""
    path = journal_of(destination)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE runs SET ended = NULL, outcome = NULL")
        connection.execute("UPDATE items SET state = 'listed', path = NULL WHERE item > 'item-5'")
        copies = {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}
    for end, content in copies.items():
        path.with_name(path.name + end).write_bytes(content)


def test_d7_a_journal_whose_first_log_is_lost_is_made_anew(destination: Path) -> None:
    """What is left after a kill early on, when nothing was moved from the log to the file, and the log is deleted."""
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        journal = journal_of(destination)
        journal.unlink()
        statements(journal, "PRAGMA journal_mode = WAL")
        kept, _ = rerun(sandbox, destination)
        assert kept.counts() == (10, 0, 0, 0)
        assert "damaged" in warnings_of(kept)[0]


def test_d7_a_journal_that_a_kill_kept_empty_is_no_damage(destination: Path) -> None:
    journal = journal_of(destination)
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"")
    with serve(ten()) as sandbox:
        kept, _ = rerun(sandbox, destination)
    assert (kept.counts(), warnings_of(kept)) == ((10, 0, 0, 0), [])


def test_d7_a_text_that_is_no_utf_8_ends_no_run(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        rows(destination, "UPDATE items SET path = CAST(x'6f6e652fff' AS TEXT) WHERE item = 'item-0'")
        rows(destination, "UPDATE items SET updated_at = CAST(x'ff' AS TEXT) WHERE item = 'item-1'")
        kept, _ = rerun(sandbox, destination)
        assert kept.error is None
        assert kept.counts() == (1, 9, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["size", "mtime_ns", "sha256", "updated_at", "etag", "result", "asset", "batch"])
@pytest.mark.parametrize("value", ["'text'", "-1", "1e300", "NULL", "x''"])
def test_d7_whatever_one_column_says_nothing_is_lost(column: str, value: str, destination: Path) -> None:
    items: Items = {"a": 1, "b": 1, "gone": 1}
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
    try:
        rows(destination, f"UPDATE items SET {column} = {value}")
    except sqlite3.IntegrityError:
        pytest.skip("SQLite itself refuses it")
    with serve(made({"a": 1, "b": 1}, BATCHES)) as sandbox:
        Destination(destination).verify()
        Destination(destination).status()
        kept = run(client_of(sandbox), destination, expected=sources_of(items), prune=True)
        assert kept.error is None
        assert kept.counts()[2:] == (0, 0)
        assert {"one/a.json", "one/b.json"} <= set(kept.files)
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (0, 2, 0, 0)


def test_d7_a_newer_journal_is_refused_and_kept(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        statements(journal_of(destination), "PRAGMA user_version = 99")
        before = journal_of(destination).read_bytes()
        kept, seen = rerun(sandbox, destination)
    assert (kept.code, seen.storage) == ("disk_error", 0)
    assert str(kept.error) == (
        f"The journal {journal_of(destination)} was written by a newer version of this package."
        " Update the package, or choose another destination."
    )
    assert journal_of(destination).read_bytes() == before
    with pytest.raises(DiskError, match="newer version"):
        Destination(destination).status()


def test_d7_status_and_verify_of_a_damaged_journal(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        journal_of(destination).write_bytes(b"garbage")
        for look in (Destination(destination).verify, Destination(destination).status):
            with pytest.warns(UserWarning, match="is damaged"):
                assert look() == []
        kept, _ = rerun(sandbox, destination)
        assert "damaged" in warnings_of(kept)[0], "the next download says so, too"
        assert (destination / ".cf-ai" / "damaged-journal.sqlite3").read_bytes() == b"garbage"


LOOKED_AT: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "ended well": (lambda _: None, 10, "finished"),
    "killed": (with_wal, 6, "killed"),
    "of the version before": (lambda destination: of_version_2(destination), 10, "finished"),
    "of the first version": (lambda destination: of_version_1(destination), 10, "finished"),
    "empty": (lambda destination: journal_of(destination).write_bytes(b""), 0, "damaged"),
    "damaged": (lambda destination: os.truncate(journal_of(destination), 5000), 0, "damaged"),
    "without its runs": (lambda destination: rows(destination, "DELETE FROM runs"), 0, "damaged"),
    "of the first version without its runs": (
        lambda destination: (of_version_1(destination), rows(destination, "DELETE FROM runs")),
        0,
        "damaged",
    ),
    "with a trigger": (lambda destination: DAMAGES["a trigger"](journal_of(destination)), 0, "damaged"),
}


def everything_in(destination: Path) -> dict[str, tuple[int, bytes]]:
    """Return the times and the bytes of all that is there, the journal's folder too."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [destination, *destination.rglob("*")]
    }


@pytest.mark.parametrize(("prepare", "stored", "outcome"), LOOKED_AT.values(), ids=LOOKED_AT)
def test_d7_status_and_verify_only_read(
    prepare: Callable[[Path], object], stored: int, outcome: str, tmp_path: Path
) -> None:
    destination = tmp_path / "small" / "out"
    with mounted(destination.parent, "size=4m") as remount:
        with serve(ten()) as sandbox:
            rerun(sandbox, destination)
        prepare(destination)
        before = everything_in(destination)
        for mode in ("rw", "ro"):
            remount(mode)
            with pytest.warns(UserWarning, match="damaged") if outcome == "damaged" else nullcontext():
                assert Destination(destination).verify() == []
            with pytest.warns(UserWarning, match="damaged") if outcome == "damaged" else nullcontext():
                status = Destination(destination).status()
            assert [(each.stored, each.outcome) for each in status] == ([(stored, outcome)] if stored else [])
            assert everything_in(destination) == before
        remount("rw")
        with serve(ten()) as sandbox:
            kept, _ = rerun(sandbox, destination)
            assert bool(warnings_of(kept)) == (outcome == "damaged")


def test_d5_a_run_begins_while_somebody_verifies(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        looking = Destination(destination).iter_differences()
        assert next(looking) is None
        assert rerun(sandbox, destination)[0].counts() == (0, 10, 0, 0)
        assert list(looking) == [None] * 9
        assert rerun(sandbox, destination)[0].counts() == (0, 10, 0, 0)


def test_d5_a_run_says_that_somebody_reads_the_journal(destination: Path, clock: Clock) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        with closing(JournalReader(str(destination))):
            kept = run(client_of(sandbox, clock), destination)
    assert kept.code == "disk_error"
    assert str(kept.error) == (
        f"Another process is reading the journal of {destination}."
        " Wait until it has ended, or choose another destination."
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_d5_a_forked_process_is_another_one(destination: Path) -> None:
    journal = Journal.open(str(destination))
    code = os.fork()
    if code == 0:  # the child; nothing of the test's own end may run in it
        try:
            Journal.open(str(destination))
        except JournalBusy:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(code, 0)[1] == 0
    run_of_parent = journal.begin_run("p", "s", "COMPLETED", 1.0)
    assert run_of_parent.number == 1
    journal.close()


def of_version_2(destination: Path) -> None:
    statements(
        journal_of(destination),
        "DROP TABLE assets",
        "ALTER TABLE runs DROP assets",
        "ALTER TABLE left_behind DROP origin",
        "PRAGMA user_version = 2",
        "PRAGMA journal_mode = WAL",
    )


def test_d7_what_was_put_into_a_journal_is_never_run(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        statements(
            journal_of(destination),
            "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN DELETE FROM items; DELETE FROM folders; END",
        )
        kept, _ = rerun(sandbox, destination)
        assert "damaged" in warnings_of(kept)[0]
    aside = journal_of(destination).with_name("damaged-journal.sqlite3")
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (10,)
