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
from .journal_schema import APPLICATION, SCHEMA_VERSION, is_whole, migrate, objects_of

NAME = "journal.sqlite3"
_CACHE_KIB = 16_000
SIDE_FILES = ("", "-wal", "-journal", "-shm")


class JournalBusy(Exception):
    """Another process holds the journal: writes to it or, `only_read`, looks into it."""

    def __init__(self, *, only_read: bool = False) -> None:
        super().__init__()
        self.only_read = only_read


class Damaged(Exception):
    """The file is no journal of ours, or not a whole one."""


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
        refuse_links(path)
        is_new = not path.exists()
        try:
            return OpenedFile(_prepared(path, durable, may_be_empty=is_untouched(path)), None, is_new)
        except Damaged:
            aside = _set_aside(path)
            return OpenedFile(_prepared(path, durable, may_be_empty=True), aside, is_new=True)
    except DiskError:
        raise
    except OSError as error:
        raise disk_error(error, str(path)) from error
    except sqlite3.Error as error:
        raise journal_error(error, str(path)) from error


def give_up_log(connection: sqlite3.Connection) -> None:
    """Bring a journal into one file without a log, which can be read where nothing can be written.

    Not for one that was moved: what has the name of its log now is not ours.
    """
    with contextlib.suppress(sqlite3.Error):  # then its log stays, which is as good
        connection.execute("PRAGMA journal_mode = DELETE")


def file_identity(path: str | Path) -> tuple[int, int] | None:
    """Return what tells a file or a folder from every other, None where none is there; links are followed."""
    try:
        found = os.stat(path)  # noqa: PTH116 - beside other calls of os
    except OSError:
        return None
    return found.st_dev, found.st_ino


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


def is_untouched(path: Path) -> bool:
    """Tell whether nothing was downloaded yet: no journal, or one that a kill kept empty and nothing beside it."""
    return not path.exists() or os.listdir(path.parent.parent) == [OWN_FOLDER]  # noqa: PTH208


def connect(path: str) -> sqlite3.Connection:
    """Open a file, or what a `file:` URI names, without looking into it."""
    is_uri = path.startswith("file:")
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False, uri=is_uri)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # damaged text shall not end a run
    return connection


def _prepared(path: Path, durable: bool, *, may_be_empty: bool) -> sqlite3.Connection:
    connection = connect(str(path))
    try:
        _prepare(connection, path, durable, may_be_empty=may_be_empty)
    except BaseException as error:
        is_busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        busy = JournalBusy(only_read=is_busy and _can_be_read(connection))
        connection.close()
        if is_busy:
            raise busy from error
        if tells_of_damage(error):
            raise Damaged from error
        raise
    return connection


def _can_be_read(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.Error:
        return False
    return True


def tells_of_damage(error: BaseException) -> bool:
    """Tell whether SQLite says that a file is broken; what it says may repeat the file's bytes, which are no text."""
    damage = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
    return damage or isinstance(error, UnicodeDecodeError)


def _prepare(connection: sqlite3.Connection, path: Path, durable: bool, *, may_be_empty: bool) -> None:
    run = connection.execute
    run("PRAGMA locking_mode = EXCLUSIVE")
    run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    run(f"PRAGMA cache_size = -{_CACHE_KIB}")
    run("BEGIN EXCLUSIVE")
    version = version_of(connection, path, may_be_empty=may_be_empty)
    run("COMMIT")
    run("PRAGMA journal_mode = WAL")  # only now: a file that is refused stays as it is
    if version != SCHEMA_VERSION:
        run("BEGIN EXCLUSIVE")
        migrate(connection, version)
        run("COMMIT")


def version_of(connection: sqlite3.Connection, path: Path, *, may_be_empty: bool) -> int:
    """Return the version of a whole journal, 0 for an empty file; raise Damaged, or DiskError for a newer one."""
    if may_be_empty and not objects_of(connection):
        return 0
    ask = connection.execute
    (application,), (version,) = ask("PRAGMA application_id").fetchone(), ask("PRAGMA user_version").fetchone()
    if application == APPLICATION and version > SCHEMA_VERSION:
        raise DiskError(
            f"The journal {path} was written by a newer version of this package.",
            code="disk_error",
            hint="Update the package, or choose another destination.",
        )
    if application != APPLICATION or version < 1 or not is_whole(connection, version):
        raise Damaged
    return int(version)


def _set_aside(path: Path) -> str:
    """Give a damaged journal another name, so that whoever wants may look at it; the last one is kept."""
    aside = path.with_name("damaged-" + NAME)
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, aside)  # noqa: PTH105 - beside other calls of os
    for ending in SIDE_FILES[1:]:
        path.with_name(NAME + ending).unlink(missing_ok=True)
    return str(aside)


def refuse_links(path: Path) -> None:
    """Let no link lead the journal elsewhere, and nothing that is no file pass for one."""
    places = [(path.parent, stat.S_ISDIR), *((path.with_name(NAME + end), stat.S_ISREG) for end in SIDE_FILES)]
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
