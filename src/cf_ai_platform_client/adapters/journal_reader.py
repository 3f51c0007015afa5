"""A journal that is only looked at: nothing is written, made or set aside, so a folder that cannot be written will do.

Where the file's log was left by a kill, or its tables are those of an older version, a copy is read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from .disk_errors import disk_error, unreadable
from .journal_file import (
    NAME,
    SIDE_FILES,
    Damaged,
    JournalBusy,
    connect,
    is_untouched,
    journal_error,
    journal_path,
    refuse_links,
    tells_of_damage,
    version_of,
)
from .journal_schema import SCHEMA_VERSION, migrate

_TEMPORARY = "The folder for temporary files"


class Readable(Protocol):
    """What questions can be put to: a journal, or a reader of one."""

    def transaction(self) -> AbstractContextManager[Callable[..., sqlite3.Cursor]]:
        """Give `execute` within one transaction."""
        ...


class JournalReader:
    """The journal of one destination, which no run can write to while this holds it.

    Raises JournalBusy while another process writes to it, Damaged, and DiskError where it cannot be read.
    """

    def __init__(self, destination: str) -> None:
        self._path = journal_path(destination)
        self._copy: TemporaryDirectory[str] | None = None
        refuse_links(self._path)
        self._connection = self._opened()

    @contextmanager
    def transaction(self) -> Generator[Callable[..., sqlite3.Cursor], None, None]:
        """Give `execute`; raise DiskError where the file cannot be read."""
        try:
            yield self._connection.execute
        except sqlite3.Error as error:
            raise journal_error(error, str(self._path)) from error

    def close(self) -> None:
        """Let go of the journal, and remove the copy."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _opened(self) -> sqlite3.Connection:
        try:
            with _closed_if_it_fails(connect(f"{self._path.absolute().as_uri()}?mode=ro")) as connection:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # else a log would get its shared memory here
                version = version_of(connection, self._path, may_be_empty=is_untouched(self._path))
            if version == SCHEMA_VERSION:
                return connection
            connection.close()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JournalBusy from error
        return self._opened_copy()

    def _opened_copy(self) -> sqlite3.Connection:
        try:
            self._copy = TemporaryDirectory(prefix="cf-ai-", ignore_cleanup_errors=True)
        except OSError as error:
            raise disk_error(error, _TEMPORARY) from error
        try:
            path = self._copied(Path(self._copy.name))
            with _closed_if_it_fails(connect(str(path))) as connection:
                connection.execute("BEGIN EXCLUSIVE")
                version = version_of(connection, self._path, may_be_empty=is_untouched(self._path))
                migrate(connection, version)
                connection.execute("COMMIT")
            return connection
        except BaseException as error:
            self._copy.cleanup()
            if isinstance(error, sqlite3.Error):
                raise journal_error(error, _TEMPORARY) from error
            raise

    def _copied(self, folder: Path) -> Path:
        """Copy the journal with its log; its shared memory is made anew."""
        sources = [self._path.with_name(NAME + ending) for ending in SIDE_FILES if ending != "-shm"]
        before = [*map(_mark, sources)]
        try:
            for source in filter(os.path.exists, sources):
                shutil.copyfile(source, folder / source.name)
        except OSError as error:
            full = disk_error(error, _TEMPORARY)
            raise full if full.code == "disk_full" else unreadable(error, str(self._path)) from error
        if before != [*map(_mark, sources)]:
            raise JournalBusy
        return folder / NAME


@contextmanager
def _closed_if_it_fails(connection: sqlite3.Connection) -> Generator[sqlite3.Connection, None, None]:
    try:
        yield connection
    except BaseException as error:
        connection.close()
        if tells_of_damage(error):
            raise Damaged from error
        raise


def _mark(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = os.stat(path)  # noqa: PTH116 - beside other calls of os
        return found.st_size, found.st_mtime_ns
    return None
