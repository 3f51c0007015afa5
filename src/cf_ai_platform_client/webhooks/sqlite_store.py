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

from typing_extensions import Self

from ..core.arguments import StrPath
from ..errors import DiskError
from .deliveries import check_count
from .event import WebhookEvent

_APPLICATION = 0x63667768  # "cfwh"
_PATIENCE = 10.0
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
        self._open: dict[int, sqlite3.Connection] = {}
        weakref.finalize(self, _close_all, self._open)
        with self._errors(), closing(self._connect()) as connection:
            self._prepare(connection)

    def add(self, event: WebhookEvent) -> bool:
        """Store a delivery, on the disk once this returns; False where it is here already."""
        statement = "INSERT OR IGNORE INTO deliveries (key, body) VALUES (?, ?)"
        return self._run(statement, event.delivery_key, event.body) == 1

    def begin(self, event: WebhookEvent) -> None:
        """Count an attempt to handle it."""
        self._run("UPDATE deliveries SET attempts = attempts + 1 WHERE key = ?", event.delivery_key)

    def mark_handled(self, event: WebhookEvent) -> None:
        """Note that the handler is done with it, and forget its body and what is too old."""
        self._run("UPDATE deliveries SET body = NULL WHERE key = ?", event.delivery_key)
        self._run(_DELETE_OLD, self._keep)

    def unhandled(self, attempts: int) -> list[WebhookEvent]:
        """Return those that are not handled and were begun fewer than `attempts` times, oldest first."""
        query = "SELECT body FROM deliveries WHERE body IS NOT NULL AND attempts < ? ORDER BY id"
        with self._lock, self._errors():
            rows = self._connection().execute(query, (attempts,)).fetchall()
        return [WebhookEvent.from_body(body) for (body,) in rows]

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
        with self._lock, self._errors():
            return self._connection().execute(statement, values).rowcount

    def _connection(self) -> sqlite3.Connection:
        """Return this process's connection: one that was made before a fork must not be used after it."""
        process = os.getpid()
        if process not in self._open:
            self._open[process] = self._connect()
        return self._open[process]

    def _connect(self) -> sqlite3.Connection:
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
