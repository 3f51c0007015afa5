"""Deliveries in a file, which outlives the process."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Generator
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Any

from typing_extensions import Self

from ..core.arguments import StrPath
from ..errors import DiskError
from .deliveries import check_count
from .errors import WebhookError
from .event import WebhookEvent
from .telling import logger, said_by

_APPLICATION = 0x63667768  # "cfwh"
_PATIENCE = 1.0
"""Seconds to wait for a file that is locked; then the platform is told to come again."""

_SCHEMA = """
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB, attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX unhandled ON deliveries (id) WHERE body IS NOT NULL;
"""
_DELETE_OLD = """
DELETE FROM deliveries WHERE body IS NULL AND id <= (
    SELECT id FROM deliveries WHERE body IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?)
"""


class SQLiteStore:
    """Remembers deliveries in a file: all that are not handled, and the last `keep` that are.

    What is not handled is there with its body, and so with the asset's URL; of handled ones only the key stays. The
    file is made for its owner alone. Several threads and processes of one machine may share it. Raises DiskError where
    the file cannot be used.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, SQLiteStore(f"{folder}/deliveries.sqlite3") as store:
    ...     store.unhandled(attempts=3)
    []
    """

    def __init__(self, path: StrPath, *, keep: int = 100_000) -> None:
        self._path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - resolve() would follow links
        self._keep = check_count("keep", keep)
        self._lock = threading.Lock()
        self._unreadable = set[int]()
        self._open: dict[int, sqlite3.Connection] = {}
        weakref.finalize(self, _close_all, self._open)
        with self._errors(), closing(self._connect()) as connection:
            self._prepare(connection)
            os.chmod(self._path, 0o600)  # noqa: PTH101 - the path is a text here

    def add(self, event: WebhookEvent) -> bool:
        """Store a delivery, on the disk once this returns; False where it is here already."""
        statement = "INSERT OR IGNORE INTO deliveries (key, body) VALUES (?, ?)"
        return self._run(statement, event.delivery_key, event.body) == 1

    def begin(self, event: WebhookEvent) -> int | None:
        """Count an attempt to handle it; return how many that are."""
        self._run("UPDATE deliveries SET attempts = attempts + 1 WHERE key = ?", event.delivery_key)
        rows = self._rows("SELECT attempts FROM deliveries WHERE key = ?", event.delivery_key)
        return int(rows[0][0]) if rows else None

    def mark_handled(self, event: WebhookEvent) -> None:
        """Note that the handler is done with it, and forget its body and what is too old."""
        self._run("UPDATE deliveries SET body = NULL WHERE key = ?", event.delivery_key)
        self._run(_DELETE_OLD, self._keep)

    def unhandled(self, attempts: int) -> list[WebhookEvent]:
        """Return those that are not handled and were begun fewer than `attempts` times, oldest first."""
        query = "SELECT id, body FROM deliveries WHERE body IS NOT NULL AND attempts < ? ORDER BY id"
        events = [self._event(number, body) for number, body in self._rows(query, attempts)]
        return [event for event in events if event is not None]

    def close(self) -> None:
        """Close the file; a later call opens it anew."""
        with self._lock:
            _close_all(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, statement: str, *values: object) -> int:
        with self._locked(), self._errors():
            return self._connection().execute(statement, values).rowcount

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._locked(), self._errors():
            return self._connection().execute(query, values).fetchall()

    def _event(self, number: int, body: Any) -> WebhookEvent | None:
        """Read a row; None, and a line in the log once, where it is none of ours."""
        try:
            return WebhookEvent.from_body(bytes(body))
        except (WebhookError, TypeError, ValueError) as error:
            if number not in self._unreadable:
                self._unreadable.add(number)
                logger.error("Row %d of %s cannot be read and is skipped: %s", number, self._path, said_by(error))
            return None

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        """Wait for other threads no longer than for other processes: all that wait shall fail at once."""
        if not self._lock.acquire(timeout=_PATIENCE):
            raise DiskError(f"The deliveries in {self._path} are locked by others.", code="disk_error")
        try:
            yield
        finally:
            self._lock.release()

    def _connection(self) -> sqlite3.Connection:
        """Return this process's connection: one that was made before a fork must not be used after it."""
        process = os.getpid()
        if process not in self._open:
            self._open[process] = self._connect()
        return self._open[process]

    def _connect(self) -> sqlite3.Connection:
        if os.path.islink(self._path):  # noqa: PTH114 - the path is a text here
            raise DiskError(f"{self._path} is a link.", code="disk_error", hint="Name the file itself.")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        run = connection.execute
        run("BEGIN IMMEDIATE")
        (application,), (count,) = (
            run("PRAGMA application_id").fetchone(),
            run("SELECT count(*) FROM sqlite_master").fetchone(),
        )
        if application == 0 and count == 0:
            for statement in _SCHEMA.split(";\n"):
                run(statement)
            run(f"PRAGMA application_id = {_APPLICATION}")
        elif application != _APPLICATION:
            raise DiskError(
                f"{self._path} is a database of something else.", code="disk_error", hint="Choose another file."
            )
        run("COMMIT")

    @contextmanager
    def _errors(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            full = "full" in str(error)
            raise DiskError(
                f"The deliveries in {self._path} cannot be read or written: {error}.",
                code="disk_full" if full else "disk_error",
                hint="Check the disk, and that the file is a store of deliveries.",
            ) from error
        except DiskError:
            raise
        except OSError as error:
            raise DiskError(
                f"The deliveries in {self._path} cannot be read or written: {error.strerror}.", code="disk_error"
            ) from error


def _close_all(connections: dict[int, sqlite3.Connection]) -> None:
    """Close this process's connection."""
    connection = connections.pop(os.getpid(), None)
    if connection is not None:
        connection.close()
