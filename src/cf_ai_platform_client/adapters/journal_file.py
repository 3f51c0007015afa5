"""The journal's SQLite file: found, locked for one process, checked, set aside where it is damaged.

`locking_mode=EXCLUSIVE` lets WAL do without shared memory, which network file systems lack, and keeps a second
process out. The file is never opened by other means: closing it would drop the lock on POSIX.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sqlite3
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..core.naming import OWN_FOLDER
from ..errors import DiskError
from .disk_errors import disk_error

NAME = "journal.sqlite3"
SCHEMA_VERSION = 1

_APPLICATION = 0x63666169  # "cfai"
_CACHE_KIB = 16_000
_SIDE_FILES = ("", "-wal", "-journal", "-shm")
_SCHEMA = """
CREATE TABLE projects (id INTEGER PRIMARY KEY, project TEXT NOT NULL UNIQUE);
CREATE TABLE items (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, item TEXT NOT NULL, run INTEGER NOT NULL,
    batch TEXT NOT NULL, path TEXT, updated_at TEXT, result TEXT, etag TEXT, asset BLOB,
    size INTEGER, mtime_ns INTEGER, sha256 BLOB, state TEXT NOT NULL, code TEXT, error TEXT, at REAL NOT NULL,
    UNIQUE (project, item),
    CHECK ('blob' NOT IN (
        typeof(item), typeof(batch), typeof(path), typeof(updated_at), typeof(result), typeof(etag))));
CREATE INDEX failed_items ON items (project, item) WHERE state = 'failed';
CREATE TABLE left_behind (
    project INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER, mtime_ns INTEGER, sha256 BLOB,
    PRIMARY KEY (project, path), CHECK (typeof(path) <> 'blob')) WITHOUT ROWID;
CREATE TABLE folders (
    project INTEGER NOT NULL, batch TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (project, batch), CHECK ('blob' NOT IN (typeof(batch), typeof(folder), typeof(name)))) WITHOUT ROWID;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, project INTEGER NOT NULL, space TEXT NOT NULL, status TEXT NOT NULL,
    started REAL NOT NULL, ended REAL, outcome TEXT, complete INTEGER NOT NULL DEFAULT 0, newest TEXT,
    listed INTEGER, stored INTEGER, skipped INTEGER, failed INTEGER, not_attempted INTEGER, bytes INTEGER);
"""


class JournalBusy(Exception):
    """Another process holds the journal."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An open journal; `damaged` names where a damaged one was set aside, `is_new` tells that nothing was there."""

    connection: sqlite3.Connection
    damaged: str | None
    is_new: bool


def journal_path(destination: str) -> Path:
    """Return where the journal of a destination is."""
    return Path(destination) / OWN_FOLDER / NAME


def open_journal_file(destination: str, *, durable: bool = False) -> OpenedFile:
    """Open the journal, made where it is missing, and lock it for this process.

    Raises JournalBusy, and DiskError where it cannot be opened; a damaged one is set aside.
    """
    path = journal_path(destination)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_links(path)
        is_new = not path.exists()
        try:
            return OpenedFile(_connect(path, durable, may_be_empty=_is_untouched(path)), None, is_new)
        except _Damaged:
            aside = _set_aside(path)
            return OpenedFile(_connect(path, durable, may_be_empty=True), aside, is_new=True)
    except DiskError:
        raise
    except OSError as error:
        raise disk_error(error, str(path)) from error
    except sqlite3.Error as error:
        raise journal_error(error, str(path)) from error


def journal_error(error: sqlite3.Error, path: str) -> DiskError:
    """Say in one sentence what the journal's file refused."""
    text = str(error)
    if text == "database or disk is full":
        return disk_error(OSError(errno.ENOSPC, text), path)
    if "disk I/O" in text and _files_are_limited():
        return disk_error(OSError(errno.EFBIG, text), path)
    return DiskError(f"{path} cannot be used: {text}.", code="disk_error", hint="Check the disk and run again.")


def _files_are_limited() -> bool:
    """Tell whether a file-size limit is set, of which SQLite says no more than "disk I/O error"."""
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # Windows
        return False
    return bool(resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY)


class _Damaged(Exception):
    pass


def _is_untouched(path: Path) -> bool:
    """Tell whether nothing was downloaded yet: no journal, or one that a kill kept empty and nothing beside it."""
    return not path.exists() or os.listdir(path.parent.parent) == [OWN_FOLDER]  # noqa: PTH208


def _connect(path: Path, durable: bool, *, may_be_empty: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # damaged text shall not end a run
    try:
        _prepare(connection, path, durable, may_be_empty=may_be_empty)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise JournalBusy from error
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise _Damaged from error
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, durable: bool, *, may_be_empty: bool) -> None:
    run = connection.execute
    run("PRAGMA locking_mode = EXCLUSIVE")
    run("PRAGMA journal_mode = WAL")
    run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    run(f"PRAGMA cache_size = -{_CACHE_KIB}")
    run("BEGIN EXCLUSIVE")
    (application,), (version,) = run("PRAGMA application_id").fetchone(), run("PRAGMA user_version").fetchone()
    tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables and may_be_empty:
        _create(connection)
    elif application == _APPLICATION and version > SCHEMA_VERSION:
        raise DiskError(
            f"The journal {path} was written by a newer version of this package.",
            code="disk_error",
            hint="Update the package, or choose another destination.",
        )
    elif application != _APPLICATION or version != SCHEMA_VERSION or not _is_whole(connection, tables):
        raise _Damaged
    run("COMMIT")


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _is_whole(connection: sqlite3.Connection, tables: set[str]) -> bool:
    """Look through it, indexes too: an item that its index lost would be taken for a stale one (2 s a million)."""
    expected = {"projects", "items", "left_behind", "folders", "runs"}
    return expected <= tables and connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)


def _set_aside(path: Path) -> str:
    """Give a damaged journal another name, so that whoever wants may look at it; the last one is kept."""
    aside = path.with_name("damaged-" + NAME)
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, aside)  # noqa: PTH105 - beside other calls of os
    for ending in _SIDE_FILES[1:]:
        path.with_name(NAME + ending).unlink(missing_ok=True)
    return str(aside)


def _refuse_links(path: Path) -> None:
    """Let no link lead the journal elsewhere, and nothing that is no file pass for one."""
    places = [(path.parent, stat.S_ISDIR), *((path.with_name(NAME + end), stat.S_ISREG) for end in _SIDE_FILES)]
    for place, is_right in places:
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(place).st_mode
            if stat.S_ISLNK(mode):
                raise disk_error(OSError(errno.ELOOP, "a link stands in the way"), str(place))
            if not is_right(mode):
                raise DiskError(
                    f"{place} cannot be used: something that is not of the journal stands in the way.",
                    code="disk_error",
                    hint="Move it away and run again.",
                )
