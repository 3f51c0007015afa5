"""Questions to a journal: what failed, what left the project, where the last run ended, what is here."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..core.planning import FileState
from .journal import Journal, Run, StaleFile

_AT_ONCE = 500
_NOT_LISTED = (
    "project = :project AND run < :run AND (SELECT status FROM runs WHERE number = items.run)"
    " = (SELECT status FROM runs WHERE number = :run)"
)
"""What a run over all items of its status would have listed: of those last seen with another it knows nothing."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a project: when in Unix seconds, with which status and space, and how it ended."""

    project_id: str
    space_id: str
    status: str
    started: float
    ended: float | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A work item whose last attempt failed, when (Unix seconds) and why."""

    item_id: str
    code: str
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class Totals:
    """How many work items of a project are in each state, and the bytes of what is stored."""

    stored: int
    failed: int
    not_attempted: int
    bytes: int


def last_complete(journal: Journal, project_id: str, space_id: str, status: str) -> tuple[float, str | None] | None:
    """Return start and newest update of the last run after which nothing older was left to list."""
    with journal.transaction() as execute:
        found = execute(
            "SELECT started, newest FROM runs JOIN projects ON projects.id = runs.project WHERE projects.project = ?"
            " AND space = ? AND status = ? AND complete ORDER BY number DESC LIMIT 1",
            (project_id, space_id, status),
        ).fetchone()
    return (found[0], found[1]) if found else None


def last_runs(journal: Journal) -> list[LastRun]:
    """Return the last run of each project."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT projects.project, space, status, started, ended, outcome FROM runs"
            " JOIN projects ON projects.id = runs.project"
            " WHERE number IN (SELECT max(number) FROM runs GROUP BY project) ORDER BY projects.project"
        ).fetchall()
    return [LastRun(*row) for row in rows]


def failures(journal: Journal, project_id: str) -> Iterator[Failure]:
    """Yield what failed, in the order of the ids; what changes meanwhile is seen or not."""
    after = ""
    while True:
        with journal.transaction() as execute:
            rows = execute(
                "SELECT item, code, error, at FROM items WHERE state = 'failed' AND item > ?"
                " AND project = (SELECT id FROM projects WHERE project = ?) ORDER BY item LIMIT ?",
                (after, project_id, _AT_ONCE),
            ).fetchall()
        yield from (Failure(*row) for row in rows)
        if not rows:
            return
        after = rows[-1][0]


def totals(journal: Journal, project_id: str) -> Totals:
    """Count the items of a project."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT state, count(*), total(size) FROM items WHERE project = (SELECT id FROM projects WHERE project = ?)"
            " GROUP BY state",
            (project_id,),
        ).fetchall()
    counts = {state: (count, int(size)) for state, count, size in rows}
    none = (0, 0)
    stored, failed, listed = counts.get("stored", none), counts.get("failed", none), counts.get("listed", none)
    return Totals(stored[0], failed[0], listed[0], stored[1] + failed[1])


def written_files(journal: Journal) -> Iterator[tuple[str, str, FileState, bytes]]:
    """Yield item id, path, state and digest of every file that was written and is an item's."""
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                "SELECT id, item, path, size, mtime_ns, sha256 FROM items WHERE path IS NOT NULL AND id > ?"
                " ORDER BY id LIMIT ?",
                (after, _AT_ONCE),
            ).fetchall()
        yield from ((row[1], row[2], FileState(row[3], row[4]), row[5]) for row in rows)
        if not rows:
            return
        after = rows[-1][0]


def stale_files(journal: Journal, run: Run) -> Iterator[StaleFile]:
    """Yield the files of items that a complete listing did not have, and those that items left behind."""
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                f"SELECT id, item, path, size, mtime_ns, sha256 FROM items WHERE {_NOT_LISTED}"  # noqa: S608
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
        execute(f"DELETE FROM items WHERE {_NOT_LISTED} AND path IS NULL", _named(run))  # noqa: S608


def other_space(journal: Journal, run: Run, space_id: str) -> str | None:
    """Return another space that documents of this project may be from, back to the last run that finished."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT space, outcome FROM runs WHERE project = ? AND number < ? ORDER BY number DESC",
            (run.project, run.number),
        )
        for space, outcome in rows:
            if space != space_id:
                return str(space)
            if outcome == "finished":
                return None
    return None


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
