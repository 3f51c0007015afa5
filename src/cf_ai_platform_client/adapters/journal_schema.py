"""The tables of a journal, how those of older versions become today's, and whether a file holds these and no more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache

SCHEMA_VERSION = 4
APPLICATION = 0x63666169  # "cfai"

_VERSION_1 = """
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
_VERSION_2 = """
ALTER TABLE runs ADD COLUMN base_url TEXT;
ALTER TABLE items ADD COLUMN origin INTEGER;
ALTER TABLE items ADD COLUMN failed_in INTEGER;
"""
_VERSION_3 = """
ALTER TABLE left_behind ADD COLUMN origin INTEGER;
"""
_VERSION_4 = """
CREATE TABLE assets (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, item TEXT NOT NULL,
    batch TEXT NOT NULL, path TEXT, updated_at TEXT, etag TEXT, source BLOB,
    size INTEGER, mtime_ns INTEGER, sha256 BLOB, state TEXT NOT NULL, code TEXT, error TEXT,
    origin INTEGER, failed_in INTEGER, at REAL NOT NULL,
    UNIQUE (project, item),
    CHECK ('blob' NOT IN (typeof(item), typeof(batch), typeof(path), typeof(updated_at), typeof(etag))));
CREATE INDEX failed_assets ON assets (project, item) WHERE state = 'failed';
ALTER TABLE runs ADD COLUMN assets INTEGER NOT NULL DEFAULT 0;
"""
_STEPS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)
"""What each version added to the one before: never changed once released.

`origin` is the run that wrote a file, or last heard that it is right, or saw its item elsewhere and left it behind;
`failed_in` the run in which an item failed. `source` is a digest of where an asset comes from; `runs.assets` tells
whether a run fetched assets.
"""

_ALLOWED = frozenset(
    {
        ("index", "items_by_path", "items", "CREATE INDEX items_by_path ON items (path)"),  # of a killed run
        ("index", "assets_by_path", "assets", "CREATE INDEX assets_by_path ON assets (path)"),
        ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ("table", "sqlite_stat4", "sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
    }
)

_RUNS = "(SELECT number FROM runs)"
_LOST_RUN_1 = f"SELECT 1 FROM items WHERE run NOT IN {_RUNS}"  # noqa: S608
_LOST_RUN_2 = f"{_LOST_RUN_1} OR origin NOT IN {_RUNS} OR failed_in NOT IN {_RUNS}"
_LOST_RUN_4 = f"{_LOST_RUN_2} UNION ALL SELECT 1 FROM assets WHERE origin NOT IN {_RUNS} OR failed_in NOT IN {_RUNS}"  # noqa: S608

Objects = frozenset[tuple[str, str, str, str]]


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables of a version to today's, within a transaction of the caller's; 0 is an empty file."""
    for step in _STEPS[version:]:
        for statement in filter(str.strip, step.split(";\n")):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def objects_of(connection: sqlite3.Connection) -> Objects:
    """Return type, name, table and text of everything that a file defines; nothing of it is run."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return frozenset((str(kind), str(name), str(table), " ".join(str(sql).split())) for kind, name, table, sql in rows)


def is_whole(connection: sqlite3.Connection, version: int) -> bool:
    """Tell whether a file has the tables of a version, no trigger, no view, no damage, and each run that items name.

    It is looked through, indexes too: an item that its index lost would be taken for a stale one (2 s a million).
    """
    if objects_of(connection) - _ALLOWED != _expected(version):
        return False
    if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        return False
    lost = _LOST_RUN_4 if version > 3 else _LOST_RUN_2 if version > 1 else _LOST_RUN_1
    return connection.execute(f"{lost} LIMIT 1").fetchone() is None


@lru_cache
def _expected(version: int) -> Objects:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in _STEPS[:version]:
            connection.executescript(step)
        return objects_of(connection)
