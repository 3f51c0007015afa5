"""What a journal knows of work items that left the project, and of the files that they left behind."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from ..core.planning import FileState
from .journal import Journal
from .journal_asset_queries import FAILED_ASSETS_ALIKE
from .journal_queries import FAILED_ALIKE, FAILED_UNNOTED, NOT_LISTED, NOT_LISTED_UNNOTED, OF_THIS_PLATFORM
from .journal_rows import Run, StaleFile

_AT_ONCE = 500
_OF_NO_LISTED_ITEM = (
    "NOT EXISTS (SELECT 1 FROM items WHERE items.project = assets.project AND items.item = assets.item"  # noqa: S608
    f" AND NOT ({NOT_LISTED}))"
)
"""Of assets: their item was not listed, or is forgotten."""


def stale_files(journal: Journal, run: Run) -> Iterator[StaleFile]:
    """Yield the files of items that a complete listing did not have, their assets, and those that items left behind.

    What came from another platform is none of them. An asset is told after the document of its item, which may be
    forgotten by then.
    """
    yield from _files_of_items(journal, run, f"{NOT_LISTED} AND (origin IS NULL OR {OF_THIS_PLATFORM})")
    yield from _stale_assets(journal, run)
    with journal.transaction() as execute:
        rows = execute(
            f"SELECT path, size, mtime_ns, sha256 FROM left_behind WHERE project = :project AND {OF_THIS_PLATFORM}",  # noqa: S608
            _named(run),
        ).fetchall()
    yield from (StaleFile(None, "", row[0], FileState(row[1], row[2]), row[3]) for row in rows)


def _stale_assets(journal: Journal, run: Run) -> Iterator[StaleFile]:
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                "SELECT id, item, path, size, mtime_ns, sha256 FROM assets WHERE project = :project"  # noqa: S608
                f" AND path IS NOT NULL AND id > :after AND {OF_THIS_PLATFORM} AND {_OF_NO_LISTED_ITEM}"
                " ORDER BY id LIMIT :most",
                {**_named(run), "after": after, "most": _AT_ONCE},
            ).fetchall()
        for row in rows:
            yield StaleFile(row[0], row[1], row[2], FileState(row[3], row[4]), row[5], is_asset=True)
        if not rows:
            return
        after = rows[-1][0]


def unnoted_files(journal: Journal, run: Run) -> Iterator[StaleFile]:
    """Yield the files that a complete listing did not have and that may be of another platform: nobody noted which.

    Those of items that failed are told as failures.
    """
    return _files_of_items(journal, run, f"{NOT_LISTED_UNNOTED} AND state <> 'failed'")


def _files_of_items(journal: Journal, run: Run, which: str) -> Iterator[StaleFile]:
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                f"SELECT id, item, path, size, mtime_ns, sha256 FROM items WHERE {which}"  # noqa: S608
                " AND path IS NOT NULL AND id > :after ORDER BY id LIMIT :most",
                {**_named(run), "after": after, "most": _AT_ONCE},
            ).fetchall()
        yield from (StaleFile(row[0], row[1], row[2], FileState(row[3], row[4]), row[5]) for row in rows)
        if not rows:
            return
        after = rows[-1][0]


def forget(journal: Journal, run: Run, files: Iterable[StaleFile]) -> None:
    """Forget files that are gone."""
    with journal.transaction() as execute:
        for file in files:
            if file.row is None:
                execute("DELETE FROM left_behind WHERE project = ? AND path = ?", (run.project, file.path))
            else:
                execute(f"DELETE FROM {'assets' if file.is_asset else 'items'} WHERE id = ?", (file.row,))  # noqa: S608


def forget_fileless(journal: Journal, run: Run) -> None:
    """Forget items, and assets, that a complete listing did not have and that never had a file."""
    with journal.transaction() as execute:
        execute(
            f"DELETE FROM assets WHERE project = :project AND path IS NULL AND {_OF_NO_LISTED_ITEM}",  # noqa: S608
            _named(run),
        )
        execute(
            f"DELETE FROM items WHERE {NOT_LISTED} AND path IS NULL AND NOT EXISTS (SELECT 1 FROM assets"  # noqa: S608
            " WHERE assets.project = items.project AND assets.item = items.item)",
            _named(run),
        )


def note_gone(journal: Journal, run: Run) -> None:
    """Note which items a complete listing did not have."""
    with journal.transaction() as execute:
        execute(f"UPDATE items SET state = 'gone' WHERE {NOT_LISTED} AND state <> 'gone'", _named(run))  # noqa: S608


def note_gone_failures(journal: Journal, run: Run, *, assets: bool = False) -> int:
    """Note which items failed before and were not listed, though they were asked for; return how many.

    With `assets` those were asked for too of which only the asset failed.
    """
    asked = f"({FAILED_ALIKE} OR (state <> 'gone' AND item IN ({FAILED_ASSETS_ALIKE})))" if assets else FAILED_ALIKE
    with journal.transaction() as execute:
        return execute(
            f"UPDATE items SET state = 'gone' WHERE project = :project AND run < :run AND {asked}",  # noqa: S608
            _named(run),
        ).rowcount


def unnoted_failures(journal: Journal, run: Run) -> int:
    """Count what failed on a platform that nobody noted and was not listed, though it was asked for."""
    with journal.transaction() as execute:
        found = execute(
            f"SELECT count(*) FROM items WHERE project = :project AND run < :run AND {FAILED_UNNOTED}",  # noqa: S608
            _named(run),
        ).fetchone()
    return int(found[0])


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
        execute("CREATE INDEX IF NOT EXISTS assets_by_path ON assets (path)")
    try:
        yield
    finally:
        with journal.transaction() as execute:
            execute("DROP INDEX IF EXISTS items_by_path")
            execute("DROP INDEX IF EXISTS assets_by_path")


def is_anothers(journal: Journal, file: StaleFile) -> bool:
    """Tell whether another item, of whatever project, has its document or its asset at this path."""
    item, asset = (None, file.row) if file.is_asset else (file.row, None)
    with journal.transaction() as execute:
        found = execute(
            "SELECT 1 FROM items WHERE path = :path AND id IS NOT :item UNION ALL"
            " SELECT 1 FROM assets WHERE path = :path AND id IS NOT :asset LIMIT 1",
            {"path": file.path, "item": item, "asset": asset},
        ).fetchone()
    return found is not None


def _named(run: Run) -> dict[str, int]:
    return {"project": run.project, "run": run.number}
