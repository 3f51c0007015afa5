"""What a journal knows of the assets of work items: written, like the documents, before a file gets its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..core.planning import Entry, FileState, Version
from ..errors import ErrorCode
from .journal import Journal
from .journal_rows import Run, StoredFile, entry_of, state_row

_COLUMNS = "batch, path, updated_at, NULL, etag, source, size, mtime_ns, sha256, state, base_url, space"
_STORED = """
INSERT INTO assets (
    batch, path, updated_at, etag, source, size, mtime_ns, sha256, state, origin, at, project, item)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'stored', ?, ?, ?, ?)
ON CONFLICT (project, item) DO UPDATE SET
    batch = excluded.batch, path = excluded.path, updated_at = excluded.updated_at, etag = excluded.etag,
    source = excluded.source, size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256,
    state = 'stored', code = NULL, error = NULL, origin = excluded.origin, at = excluded.at
"""
_FAILED = """
INSERT INTO assets (batch, state, code, error, failed_in, at, project, item) VALUES (?, 'failed', ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, item) DO UPDATE SET
    state = 'failed', code = excluded.code, error = excluded.error, failed_in = excluded.failed_in, at = excluded.at
"""


def known_assets(journal: Journal, run: Run, ids: Sequence[str]) -> Mapping[str, Entry]:
    """Return what is known of the assets of some items, by id."""
    with journal.transaction() as execute:
        rows = execute(
            f"SELECT item, {_COLUMNS} FROM assets LEFT JOIN runs ON number = origin"  # noqa: S608
            f" WHERE assets.project = ? AND item IN ({', '.join('?' * len(ids))})",
            (run.project, *ids),
        ).fetchall()
    return {row[0]: entry_of(row[1:], run.place) for row in rows}


def record_assets(journal: Journal, run: Run, files: Sequence[StoredFile], now: float) -> None:
    """Write down assets that are about to get their names."""
    journal.check_in_place()
    with journal.transaction() as execute:
        for file in files:
            new, version = file.entry, file.entry.version
            known = version.updated_at, version.etag, version.asset
            values = new.batch, new.path, *known, *state_row(new), run.number, now, run.project, file.item_id
            execute(_STORED, values)
        journal.note_moved(run, files)


def record_assets_unchanged(
    journal: Journal,
    run: Run,
    files: Iterable[tuple[str, Version, FileState]],
    now: float,
    *,
    as_asked: bool = True,
) -> None:
    """Write down versions of which the assets on disk are still right, as `Journal.record_unchanged` does."""
    origin = run.number if as_asked else None
    with journal.transaction() as execute:
        for item_id, version, state in files:
            execute(
                "UPDATE assets SET updated_at = ?, etag = ?, mtime_ns = ?, origin = coalesce(?, origin), at = ?"
                " WHERE project = ? AND item = ?",
                (version.updated_at, version.etag, state.mtime_ns, origin, now, run.project, item_id),
            )


def rename_asset(journal: Journal, run: Run, item_id: str, path: str) -> None:
    """Write down that an asset has another name."""
    with journal.transaction() as execute:
        execute("UPDATE assets SET path = ? WHERE project = ? AND item = ?", (path, run.project, item_id))


def forget_failures(journal: Journal, run: Run, ids: Iterable[str]) -> None:
    """Forget that the assets of some items failed: these name none any more. A file that is here stays known."""
    with journal.transaction() as execute:
        for item_id in ids:
            which = (run.project, item_id)
            execute("DELETE FROM assets WHERE project = ? AND item = ? AND path IS NULL", which)
            execute(
                "UPDATE assets SET state = 'stored', code = NULL, error = NULL WHERE project = ? AND item = ?", which
            )


def note_asset_failed(
    journal: Journal, run: Run, item_id: str, batch: str, code: ErrorCode, error: str, now: float
) -> None:
    """Keep the failure of an asset, to be written with what comes next."""
    journal.note_later(_FAILED, (batch, code, error, run.number, now, run.project, item_id))
