"""Questions to a journal: what failed, what left the project, where the last run ended, what is here."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..core.planning import FileState
from .journal import Journal, Run, StaleFile
from .journal_reader import Readable

_AT_ONCE = 500
_ALIKE = (
    "(SELECT it.number FROM runs AS it JOIN runs AS own ON own.number = :run AND own.project = it.project"
    " AND own.status = it.status AND coalesce(it.base_url, own.base_url) IS own.base_url)"
)
"""The runs of the same project and status on the same platform, or on one that nobody noted."""
_NOT_LISTED = f"project = :project AND run < :run AND run IN {_ALIKE}"
"""What a run over all items of its status would have listed: of those last seen by other runs it knows nothing."""


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


def last_complete(
    journal: Readable, project_id: str, space_id: str, status: str, base_url: str | None = None
) -> tuple[float, str | None] | None:
    """Return start and newest update of the last run after which nothing older was left to list.

    None where another place was fetched from since: what that run brought is listed by no update.
    """
    with journal.transaction() as execute:
        found = execute(
            "SELECT started, newest FROM runs WHERE project = (SELECT id FROM projects WHERE project = :project)"
            " AND space = :space AND base_url IS :base AND status = :status AND complete AND NOT EXISTS ("
            " SELECT 1 FROM runs AS other WHERE other.project = runs.project AND other.number > runs.number"
            " AND (other.space <> :space OR other.base_url IS NOT :base)) ORDER BY number DESC LIMIT 1",
            {"project": project_id, "space": space_id, "base": base_url, "status": status},
        ).fetchone()
    return (found[0], found[1]) if found else None


def last_runs(journal: Readable) -> list[LastRun]:
    """Return the last run of each project."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT projects.project, space, status, started, ended, outcome FROM runs"
            " JOIN projects ON projects.id = runs.project"
            " WHERE number IN (SELECT max(number) FROM runs GROUP BY project) ORDER BY projects.project"
        ).fetchall()
    return [LastRun(*row) for row in rows]


def failures(journal: Readable, project_id: str) -> Iterator[Failure]:
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


def totals(journal: Readable, project_id: str) -> Totals:
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


def written_files(journal: Readable) -> Iterator[tuple[str, str, FileState, bytes]]:
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
