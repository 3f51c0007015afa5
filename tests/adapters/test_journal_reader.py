from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.journal import Journal
from cf_ai_platform_client.adapters.journal_file import Damaged, JournalBusy, journal_path
from cf_ai_platform_client.adapters.journal_queries import last_runs
from cf_ai_platform_client.adapters.journal_reader import JournalReader
from cf_ai_platform_client.errors import DiskError

from .disks import as_nobody, files_of_at_most, mounted

FULL = r"^The folder for temporary files cannot be (written|used): "


def change(out: Path, *statements: str) -> None:
    with closing(sqlite3.connect(journal_path(str(out)), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def with_log(out: Path) -> None:
    """Let the header ask for a log, which cannot be had where nothing is to be written: a copy is read."""
    change(out, "PRAGMA journal_mode = WAL")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    with closing(Journal.open(str(path))) as journal:
        journal.begin_run("p", "s", "COMPLETED", 1.0)
    return path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies are made: nothing is left of them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def of_older_version(out: Path) -> None:
    change(
        out,
        "DROP TABLE assets",
        "ALTER TABLE runs DROP assets",
        "ALTER TABLE left_behind DROP origin",
        "PRAGMA user_version = 2",
    )


@pytest.mark.parametrize("prepare", [with_log, of_older_version, None])
def test_a_reader_reads(prepare: Callable[[Path], None] | None, out: Path, temporary: Path) -> None:
    if prepare:
        prepare(out)
    with closing(JournalReader(str(out))) as reader:
        assert [run.project_id for run in last_runs(reader)] == ["p"]
        assert bool(list(temporary.iterdir())) == bool(prepare), "only these are copied"


@pytest.mark.parametrize("statement", ["nonsense", "DELETE FROM runs"])
def test_what_the_file_refuses_is_said(statement: str, out: Path) -> None:
    with closing(JournalReader(str(out))) as reader:
        with pytest.raises(DiskError, match=r"journal\.sqlite3 cannot be used: "), reader.transaction() as execute:
            execute(statement)
        assert len(last_runs(reader)) == 1


@pytest.mark.usefixtures("temporary")
def test_a_copy_may_be_damaged_or_newer(out: Path) -> None:
    with_log(out)
    change(out, "PRAGMA user_version = 99")
    with pytest.raises(DiskError, match="newer version"):
        JournalReader(str(out))
    change(out, "PRAGMA user_version = 4", "CREATE VIEW evil AS SELECT * FROM items")
    with pytest.raises(Damaged):
        JournalReader(str(out))


def test_a_folder_for_temporary_files_that_is_gone(out: Path, temporary: Path) -> None:
    with_log(out)
    temporary.rmdir()
    with pytest.raises(DiskError, match=FULL):
        JournalReader(str(out))
    temporary.mkdir()


@pytest.mark.usefixtures("temporary")
def test_a_copy_that_finds_no_room(out: Path) -> None:
    with_log(out)
    with files_of_at_most(5000), pytest.raises(DiskError, match=FULL) as caught:
        JournalReader(str(out))
    assert caught.value.code == "disk_full"


def test_a_copy_that_finds_no_room_for_its_log(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_log(out)
    folder = tmp_path / "small"
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with mounted(folder, f"size={journal_path(str(out)).stat().st_size + 4096}"):
        with pytest.raises(DiskError, match=FULL):
            JournalReader(str(out))
        assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_a_journal_that_is_written_to_while_it_is_copied(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_log(out)
    copy = shutil.copyfile

    def copy_and_write(source: Path, target: Path) -> None:
        copy(source, target)
        change(out, "INSERT INTO projects (project) VALUES ('q')")
        os.utime(source, ns=(1, 1))

    monkeypatch.setattr(shutil, "copyfile", copy_and_write)
    with pytest.raises(JournalBusy):
        JournalReader(str(out))


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions of POSIX")
def test_a_journal_that_may_not_be_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal_path(str(out)).chmod(0)
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o777)
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        monkeypatch.chdir(out)
        with as_nobody(), pytest.raises(DiskError, match=r"journal\.sqlite3 cannot be read: permission denied\."):
            JournalReader(".")
        assert list(Path(temporary).iterdir()) == []
