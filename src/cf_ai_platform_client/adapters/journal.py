"""What is in a destination and from what: one row a work item, in SQLite, committed many at a time.

A row is written before its file gets its name, with the size and the time of change that the file keeps: after a kill
at any moment, a row tells the truth or its file does not match it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from ..core.naming import OWN_FOLDER
from ..core.planning import Entry, FileState, Place, Version
from ..errors import DiskError, ErrorCode
from .journal_file import file_identity, give_up_log, journal_error, journal_path, open_journal_file
from .journal_rows import COLUMNS, Outcome, Run, StaleFile, StoredFile, entry_of, state_row, stored_row, version_row
from .local_store import LocalStore

__all__ = ["Execute", "Journal", "Outcome", "Run", "StaleFile", "StoredFile"]

Execute = Callable[..., sqlite3.Cursor]

_FAILED = "UPDATE items SET state = 'failed', code = ?, error = ?, failed_in = ?, at = ? WHERE project = ? AND item = ?"
_STATE = 2 + COLUMNS.split(", ").index("state")


class Journal:
    """The journal of one destination: one for all runs of this process, safe to use from any thread."""

    _open: ClassVar[dict[str, Journal]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()
    _inherited: ClassVar[list[dict[str, Journal]]] = []

    def __init__(self, destination: str, place: str, *, durable: bool) -> None:
        file = open_journal_file(destination, durable=durable)
        self.damaged = file.damaged
        self._path = str(journal_path(destination))
        self._place = place
        self._destination = os.path.abspath(destination)  # noqa: PTH100 - links stay; the current folder may change
        self._folder = file_identity(self._destination)
        self._identity = file_identity(journal_path(self._destination))
        self._connection = file.connection
        self._lock = threading.RLock()
        self._later: deque[tuple[str, tuple[object, ...]]] = deque()
        self._users = 0
        try:
            killed = self._close_killed_runs()
        except DiskError:
            self._connection.close()
            raise
        if killed or file.is_new:
            LocalStore(destination).clear_partials()

    @property
    def is_in_place(self) -> bool:
        """Whether its file is still where it was opened."""
        return file_identity(journal_path(self._destination)) == self._identity

    @property
    def is_destination_there(self) -> bool:
        """Whether the destination is still the folder in which it was opened."""
        return file_identity(self._destination) == self._folder

    def check_in_place(self) -> None:
        """Raise DiskError where its file was moved or removed: a later run would know nothing of what this one does."""
        if not self.is_in_place:
            raise DiskError(
                f"{self._path} is gone: the destination or its {OWN_FOLDER} was moved or removed during the run.",
                code="disk_error",
                hint="Move it back and run again.",
            )

    @classmethod
    def forget_all(cls) -> None:
        """Begin anew in a forked process, which has no right to its parent's connections, not even to close them."""
        cls._inherited.append(dict(cls._open))
        cls._open.clear()
        cls._opening = threading.Lock()

    @classmethod
    def open(cls, destination: str, *, durable: bool = False) -> Journal:
        """Open the journal of a destination; what a killed run left unfinished is cleared.

        Raises JournalBusy while another process holds it, DiskError where it cannot be opened.
        """
        place = os.path.realpath(destination)
        with cls._opening:
            journal = cls._open.get(place)
            if journal is None:
                journal = cls._open[place] = cls(destination, place, durable=durable)
            journal._users += 1
            return journal

    @classmethod
    def shared(cls, destination: str) -> Journal | None:
        """Return the journal that a run of this process has open, to be closed as well; None where there is none."""
        with cls._opening:
            journal = cls._open.get(os.path.realpath(destination))
            if journal is not None:
                journal._users += 1
            return journal

    def close(self) -> None:
        """Let go of the journal; the last of its users closes the file."""
        with self._opening, self._lock:  # a cancelled run's thread may still be at it
            self._users -= 1
            if not self._users:
                self._open.pop(self._place, None)
                if self.is_in_place:
                    give_up_log(self._connection)
                self._connection.close()

    def begin_run(
        self,
        project_id: str,
        space_id: str,
        status: str,
        now: float,
        *,
        base_url: str | None = None,
        assets: bool = False,
    ) -> Run:
        """Note that a run begins; `base_url` is where it fetches from, None where nobody knows.

        `assets` tells whether it fetches assets too.
        """
        with self.transaction() as execute:
            execute("INSERT OR IGNORE INTO projects (project) VALUES (?)", (project_id,))
            (project,) = execute("SELECT id FROM projects WHERE project = ?", (project_id,)).fetchone()
            number = execute(
                "INSERT INTO runs (project, space, status, started, base_url, assets) VALUES (?, ?, ?, ?, ?, ?)",
                (project, space_id, status, now, base_url, assets),
            ).lastrowid
        return Run(int(number or 0), int(project), Place(base_url, space_id))

    def end_run(self, run: Run, end: Outcome, now: float) -> None:
        """Note how a run ended."""
        with self.transaction() as execute:
            execute(
                "UPDATE runs SET ended = :ended, outcome = :outcome, complete = :complete, newest = :newest,"
                " listed = :listed, stored = :stored, skipped = :skipped, failed = :failed,"
                " not_attempted = :not_attempted, bytes = :bytes WHERE number = :number",
                {"ended": now, "number": run.number, **end.row},
            )

    def list_items(self, run: Run, batches: Mapping[str, str], now: float) -> dict[str, Entry | None]:
        """Note that items were listed, by id with their batches; return what is known of those not listed before."""
        self.check_in_place()
        with self.transaction() as execute:
            rows = self._take_up(execute, run, [*batches])
            self._connection.executemany(
                "INSERT INTO items (project, item, run, batch, state, at) VALUES (?, ?, ?, ?, 'listed', ?)",
                [(run.project, item, run.number, batch, now) for item, batch in batches.items() if item not in rows],
            )
        return {
            item: entry_of(rows[item][2:], run.place) if item in rows else None
            for item in batches
            if item not in rows or rows[item][1] != run.number
        }

    def record(self, run: Run, files: Sequence[StoredFile], now: float) -> None:
        """Write down files that are about to get their names."""
        self.check_in_place()
        with self.transaction() as execute:
            self._connection.executemany(
                "UPDATE items SET batch = ?, path = ?, updated_at = ?, result = ?, etag = ?, asset = ?, size = ?,"
                " mtime_ns = ?, sha256 = ?, state = 'stored', code = NULL, error = NULL, origin = ?, at = ?"
                " WHERE project = ? AND item = ?",
                [stored_row(file, run, now) for file in files],
            )
            pins = {(run.project, file.entry.batch, (file.entry.path or "").partition("/")[0]) for file in files}
            for pin in pins:  # of batches that were not listed
                execute("INSERT OR IGNORE INTO folders VALUES (?, ?, ?, '')", pin)
            self.note_moved(run, files)

    def record_unchanged(
        self, run: Run, files: Iterable[tuple[str, Version, FileState]], now: float, *, as_asked: bool = True
    ) -> None:
        """Write down versions of which the files on disk are still right, with their present times of change.

        `as_asked` tells that the storage said so, not only the disk.
        """
        origin = run.number if as_asked else None
        with self.transaction() as execute:
            for item_id, version, state in files:
                execute(
                    "UPDATE items SET updated_at = ?, result = ?, etag = ?, asset = ?, mtime_ns = ?,"
                    " origin = coalesce(?, origin), at = ? WHERE project = ? AND item = ?",
                    (*version_row(version), state.mtime_ns, origin, now, run.project, item_id),
                )

    def note_failed(self, run: Run, item_id: str, code: ErrorCode, error: str, now: float) -> None:
        """Keep a failure, to be written with what comes next."""
        self.note_later(_FAILED, (code, error, run.number, now, run.project, item_id))

    def note_later(self, statement: str, values: tuple[object, ...]) -> None:
        """Keep a statement, to be run with what comes next."""
        self._later.append((statement, values))

    def folders(self, run: Run) -> dict[str, tuple[str, str]]:
        """Return folder and name of each batch, as they were when it came first."""
        with self.transaction() as execute:
            rows = execute("SELECT batch, folder, name FROM folders WHERE project = ?", (run.project,)).fetchall()
        return {batch: (folder, name) for batch, folder, name in rows}

    def pin_folders(self, run: Run, folders: Iterable[tuple[str, str, str]]) -> None:
        """Keep batch, folder and name of some batches."""
        with self.transaction() as execute:
            for batch, folder, name in folders:
                execute("INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?)", (run.project, batch, folder, name))

    @contextmanager
    def transaction(self) -> Generator[Execute, None, None]:
        """Give `execute` within one transaction; raise DiskError where the file cannot be read or written."""
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                try:
                    written = self._write_late()
                    yield self._connection.execute
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
                for _ in range(written):
                    self._later.popleft()
            except sqlite3.Error as error:
                raise journal_error(error, self._path) from error

    def _take_up(self, execute: Execute, run: Run, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """Mark the rows of some items as this run's, and return those rows as they were."""
        of_these = f"project = ? AND item IN ({', '.join('?' * len(ids))})"
        found = execute(
            f"SELECT item, run, {COLUMNS} FROM items LEFT JOIN runs ON number = origin WHERE items.{of_these}",  # noqa: S608
            (run.project, *ids),
        ).fetchall()
        if found:
            execute(f"UPDATE items SET run = ? WHERE {of_these}", (run.number, run.project, *ids))  # noqa: S608
        if any(row[_STATE] == "gone" for row in found):  # back again
            execute(
                "UPDATE items SET state = CASE WHEN path IS NULL THEN 'listed' ELSE 'stored' END"  # noqa: S608
                f" WHERE state = 'gone' AND {of_these}",
                (run.project, *ids),
            )
        return {row[0]: row for row in found}

    def note_moved(self, run: Run, files: Sequence[StoredFile]) -> None:
        """Note, within a transaction, what files leave behind that get other names than before."""
        execute = self._connection.execute
        moved = [file for file in files if file.replaces is None or file.replaces.path != file.entry.path]
        for file in moved:
            old = file.replaces
            if old is not None and old.path:
                values = (run.project, old.path, *state_row(old), run.number)
                execute("INSERT OR REPLACE INTO left_behind VALUES (?, ?, ?, ?, ?, ?)", values)
        if execute("SELECT 1 FROM left_behind WHERE project = ? LIMIT 1", (run.project,)).fetchone():
            for file in moved:
                execute("DELETE FROM left_behind WHERE project = ? AND path = ?", (run.project, file.entry.path))

    def _write_late(self) -> int:
        late = self._later.copy()
        for statement, values in late:
            self._connection.execute(statement, values)
        return len(late)

    def _close_killed_runs(self) -> bool:
        with self.transaction() as execute:
            killed = execute("UPDATE runs SET ended = started, outcome = 'killed' WHERE ended IS NULL").rowcount
        return bool(killed > 0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Journal.forget_all)
