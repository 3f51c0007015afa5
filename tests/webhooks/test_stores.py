"""What every store of deliveries keeps, and what is the file's alone."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.webhooks import DeliveryStore, MemoryStore, SQLiteStore, sqlite_store

from .signing import event_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deliveries.sqlite3"


@pytest.fixture(params=[MemoryStore, SQLiteStore])
def store(request: pytest.FixtureRequest, file: Path) -> Iterator[DeliveryStore]:
    if request.param is MemoryStore:
        yield MemoryStore()
    else:
        with SQLiteStore(file) as made:
            yield made


def left(store: DeliveryStore, attempts: int = 3) -> list[str]:
    return [event.work_item_id for event in store.unhandled(attempts)]


def test_from_stored_to_handled(store: DeliveryStore) -> None:
    one, two = event_of(1), event_of(2)
    assert [store.add(one), store.add(two), store.add(one)] == [True, True, False]
    assert left(store) == ["item-1", "item-2"]
    assert store.unhandled(3)[0].body == one.body
    store.begin(one)
    assert left(store) == ["item-1", "item-2"]
    store.mark_handled(one)
    assert left(store) == ["item-2"]
    assert not store.add(one)


def test_attempts_are_counted(store: DeliveryStore) -> None:
    store.add(event_of(1))
    for attempt in range(3):
        assert (left(store, 3), left(store, attempt)) == (["item-1"], [])
        assert store.begin(event_of(1)) == attempt + 1
    assert (left(store, 3), left(store, 4)) == ([], ["item-1"])


def test_what_is_not_known_is_no_error(store: DeliveryStore) -> None:
    assert store.begin(event_of(1)) is None
    store.mark_handled(event_of(1))
    assert left(store) == []
    assert store.add(event_of(1))


def test_of_many_at_once_one_is_the_first(store: DeliveryStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda number: store.add(event_of(number % 10)), range(200)))
    assert sum(added) == 10
    assert sorted(left(store)) == sorted(f"item-{number}" for number in range(10))


@pytest.mark.parametrize("kind", [MemoryStore, SQLiteStore])
def test_handled_ones_are_forgotten_in_the_end(kind: Any, file: Path) -> None:
    store: Any = MemoryStore(keep=3) if kind is MemoryStore else SQLiteStore(file, keep=2)
    store.add(event_of(0))
    for number in range(1, 6):
        assert store.add(event_of(number))
        store.mark_handled(event_of(number))
    assert left(store) == ["item-0"]
    assert [store.add(event_of(number)) for number in (0, 5, 4)] == [False] * 3
    assert [store.add(event_of(number)) for number in (3, 1)] == [True, True]
    if isinstance(store, SQLiteStore):
        store.close()


def test_memory_is_bounded_where_nothing_is_handled() -> None:
    store = MemoryStore(keep=3)
    assert all(store.add(event_of(number)) for number in range(10))
    assert left(store) == ["item-7", "item-8", "item-9"]


@pytest.mark.parametrize("keep", [0, -1, True, 1.5, "5"])
def test_how_many_to_keep_is_checked(keep: Any, file: Path) -> None:
    for make in (lambda: MemoryStore(keep=keep), lambda: SQLiteStore(file, keep=keep)):
        with pytest.raises(ValueError, match="^keep is .*: it must be a whole number, at least 1"):
            make()


# the file


def test_it_outlives_the_process_and_forgets_what_was_handled(file: Path) -> None:
    with SQLiteStore(file) as store:
        store.add(event_of(1, assetUrl="https://x/?X-Amz-Signature=canary-signature"))
        store.add(event_of(2))
        store.mark_handled(event_of(1))
    with SQLiteStore(str(file)) as store:
        assert (left(store), store.add(event_of(1))) == (["item-2"], False)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries WHERE body LIKE '%canary%'").fetchone() == (0,)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_it_is_for_its_owner_alone(file: Path) -> None:
    SQLiteStore(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_may_share_a_file(file: Path) -> None:
    with SQLiteStore(file) as one, SQLiteStore(file) as two:
        assert [one.add(event_of(1)), two.add(event_of(1)), two.add(event_of(2)), one.add(event_of(2))] == [
            True,
            False,
            True,
            False,
        ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_has_a_connection_of_its_own(file: Path) -> None:
    with SQLiteStore(file) as store:
        store.add(event_of(1))
        child = os.fork()
        if not child:
            os._exit(0 if not store.add(event_of(1)) and store.add(event_of(2)) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert left(store) == ["item-1", "item-2"]


def test_it_opens_again_after_it_was_closed(file: Path) -> None:
    store = SQLiteStore(file)
    store.add(event_of(1))
    store.close()
    store.close()
    assert left(store) == ["item-1"]
    store.close()


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")


def text(path: Path) -> None:
    path.write_text("no database at all, but text of some length", encoding="utf-8")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [other_database, text, folder])
def test_what_is_no_store_is_refused_and_left_alone(spoil: Any, file: Path) -> None:
    spoil(file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(DiskError) as caught:
        SQLiteStore(file)
    assert (caught.value.code, str(file) in str(caught.value)) == ("disk_error", True)
    assert before == (file.read_bytes() if file.is_file() else None)


def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="cannot be read or written: No such file or directory"):
        SQLiteStore(tmp_path / "missing" / "x.sqlite3")


def test_a_full_disk_is_said_so(file: Path) -> None:
    with SQLiteStore(file) as store:
        store.add(event_of(1))
        store._connection().execute("PRAGMA max_page_count = 5")
        with pytest.raises(DiskError) as caught:
            store.add(event_of(2, padding="x" * 100_000))
        assert caught.value.code == "disk_full"
        assert left(store) == ["item-1"]


@pytest.mark.parametrize("body", [b"{}", b"\xff", "text", 7, 1.5])
def test_a_row_that_cannot_be_read_is_skipped_and_told_once(
    body: object, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SQLiteStore(file) as store:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("INSERT INTO deliveries (key, body) VALUES ('x', ?)", (body,))
        store.add(event_of(1))
        for _ in range(2):
            assert left(store) == ["item-1"]
    assert [record.getMessage().startswith(f"Row 1 of {file} cannot be read") for record in caplog.records] == [True]


def test_a_locked_file_is_an_error_for_all_that_wait_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite_store._PATIENCE <= 1
    monkeypatch.setattr(sqlite_store, "_PATIENCE", 0.01)
    with SQLiteStore(file) as store, closing(sqlite3.connect(file, isolation_level=None)) as other:
        store.add(event_of(0))
        store._lock.acquire()
        with pytest.raises(DiskError, match="are locked by others"):
            store.add(event_of(1))
        store._lock.release()
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DiskError, match="database is locked"):
            store.add(event_of(1))
        other.execute("ROLLBACK")
        assert store.add(event_of(1))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_file_that_others_may_read_is_theirs_no_more(file: Path) -> None:
    SQLiteStore(file).close()
    file.chmod(0o644)
    SQLiteStore(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError, match="is a link"):
        SQLiteStore(file)
    assert not (tmp_path / "elsewhere").exists()
