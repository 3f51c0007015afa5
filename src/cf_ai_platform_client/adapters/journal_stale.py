"""What a journal knows of work items that left the project, and of the files that they left behind."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from ..core.planning import FileState
from .journal import Journal
from .journal_queries import FAILED_ALIKE, NOT_LISTED
from .journal_rows import Run, StaleFile

_AT_ONCE = 500


def stale_files(journal: Journal, run: Run) -> Iterator[StaleFile]:
    """Yield the files of items that a complete listing did not have, and those that items left behind."""
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                f"SELECT id, item, path, size, mtime_ns, sha256 FROM items WHERE {NOT_LISTED}"  # noqa: S608
                " AND path IS NOT NULL AND id > :after ORDER BY id LIMIT :most",
                {**_named(run), "after": after, "most": _AT_ONCE},
            ).fetchall()
        yield from (StaleFile(row[0], row[1], row[2], FileState(row[3], row[4]), row[5]) for row in rows)
        if not rows:
            break
        after = rows[-1][0]
    with journal.transaction() as execute:
        rows = execute(
            "SELECT path, size, mtime_ns, sha256 FROM left_behind WHERE project = ?", (run.project,)
        ).fetchall()
    yield from (StaleFile(None, "", row[0], FileState(row[1], row[2]), row[3]) for row in rows)


def forget(journal: Journal, run: Run, files: Iterable[StaleFile]) -> None:
    """Forget files that are gone."""
    with journal.transaction() as execute:
        for file in files:
            if file.row is None:
                execute("DELETE FROM left_behind WHERE project = ? AND path = ?", (run.project, file.path))
            else:
                execute("DELETE FROM items WHERE id = ?", (file.row,))


def forget_fileless(journal: Journal, run: Run) -> None:
    """Forget items that a complete listing did not have and that never had a file."""
    with journal.transaction() as execute:
        execute(f"DELETE FROM items WHERE {NOT_LISTED} AND path IS NULL", _named(run))  # noqa: S608


def note_gone(journal: Journal, run: Run) -> None:
    """Note which items a complete listing did not have."""
    with journal.transaction() as execute:
        execute(f"UPDATE items SET state = 'gone' WHERE {NOT_LISTED} AND state <> 'gone'", _named(run))  # noqa: S608


def note_gone_failures(journal: Journal, run: Run) -> int:
    """Note which items failed before and were not listed, though they were asked for; return how many."""
    with journal.transaction() as execute:
        return execute(
            f"UPDATE items SET state = 'gone' WHERE project = :project AND run < :run AND {FAILED_ALIKE}",  # noqa: S608
            _named(run),
        ).rowcount


def was_alone(journal: Journal, run: Run) -> bool:
    """Tell whether no other run of the project was active meanwhile: two that list it move each other's marks."""
    with journal.transaction() as execute:
        other = execute(
            "SELECT 1 FROM runs AS own JOIN runs AS other ON other.project = own.project AND other.number <> own.number"
            " WHERE own.number = ? AND (other.ended IS NULL OR other.ended > own.started) LIMIT 1",
            (run.number,),
        ).fetchone()
    return other is None


@contextmanager
def paths_indexed(journal: Journal) -> Generator[None, None, None]:
    """Let `is_anothers` find paths quickly."""
    with journal.transaction() as execute:
        execute("CREATE INDEX IF NOT EXISTS items_by_path ON items (path)")
    try:
        yield
    finally:
        with journal.transaction() as execute:
            execute("DROP INDEX IF EXISTS items_by_path")


def is_anothers(journal: Journal, file: StaleFile) -> bool:
    """Tell whether another item, of whatever project, has its file at this path."""
    with journal.transaction() as execute:
        found = execute("SELECT 1 FROM items WHERE path = ? AND id IS NOT ? LIMIT 1", (file.path, file.row)).fetchone()
    return found is not None


def _named(run: Run) -> dict[str, int]:
    return {"project": run.project, "run": run.number}
