"""Questions to a journal: what failed, where the last run ended, what is here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.planning import FileState
from .journal_reader import Readable
from .journal_rows import Run

_AT_ONCE = 500
_NUMBER = re.compile(r"-?[0-9]{1,20}")
_SAME_PLATFORM = (
    "SELECT it.number FROM runs AS it JOIN runs AS own ON own.number = :run AND own.project = it.project"
    " AND it.base_url IS own.base_url"
)
ALIKE = f"{_SAME_PLATFORM} AND own.status = it.status"
"""The runs of the same project and status on the same platform."""
UNNOTED = (
    "SELECT it.number FROM runs AS it JOIN runs AS own ON own.number = :run AND own.project = it.project"
    " AND own.status = it.status AND it.base_url IS NULL AND own.base_url IS NOT NULL"
)
"""Those of a version that did not note its platform: they may have been on any."""
_FAILED_IN = "state = 'failed' AND coalesce(failed_in, run) IN"
SAME_SPACE = "AND own.space = it.space"
NOT_LISTED = f"project = :project AND run < :run AND run IN ({ALIKE})"
"""What a run over all items of its status would have listed: of those last seen by other runs it knows nothing."""
NOT_LISTED_UNNOTED = f"project = :project AND run < :run AND run IN ({UNNOTED})"
"""What it may have listed: nobody knows whether it is of the same platform."""
FAILED_ALIKE = f"{_FAILED_IN} ({ALIKE} {SAME_SPACE})"
"""What failed in such a run, of the same space too: rows of older versions have no `failed_in`."""
FAILED_UNNOTED = f"{_FAILED_IN} ({UNNOTED} {SAME_SPACE})"
OF_THIS_PLATFORM = f"origin IN ({_SAME_PLATFORM})"
"""What came from the run's platform."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a project: when in Unix seconds, with which status, space and platform, and how it ended."""

    project_id: str
    space_id: str
    status: str
    started: float
    ended: float | None
    outcome: str | None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class FailedRuns:
    """How many work items of a project failed in runs over one space, one status and one platform (None: unknown).

    Those are counted too of which only the asset failed.
    """

    project_id: str
    space_id: str
    status: str
    base_url: str | None
    failures: int


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
    gone: int = 0


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written for an item; `is_gone` tells that the item left the project since.

    `batch_id` is None where the item has no batch.
    """

    item_id: str
    path: str
    state: FileState
    sha256: bytes
    is_gone: bool
    project_id: str = ""
    batch_id: int | None = None
    is_asset: bool = False


@dataclass(frozen=True, slots=True)
class AssetFile:
    """The asset of a work item that is in the project, at a path relative to the destination, with `/`."""

    project_id: str
    item_id: str
    path: str


def last_complete(
    journal: Readable,
    project_id: str,
    space_id: str,
    status: str,
    base_url: str | None = None,
    *,
    assets: bool = False,
) -> tuple[float, str | None] | None:
    """Return start and newest update of the last run after which nothing older was left to list, `assets` included.

    None where another place was fetched from since: what that run brought is listed by no update.
    """
    with journal.transaction() as execute:
        found = execute(
            "SELECT started, newest FROM runs WHERE project = (SELECT id FROM projects WHERE project = :project)"
            " AND space = :space AND base_url IS :base AND status = :status AND complete AND assets >= :assets"
            " AND NOT EXISTS ("
            " SELECT 1 FROM runs AS other WHERE other.project = runs.project AND other.number > runs.number"
            " AND (other.space <> :space OR other.base_url IS NOT :base)) ORDER BY number DESC LIMIT 1",
            {"project": project_id, "space": space_id, "base": base_url, "status": status, "assets": assets},
        ).fetchone()
    return (found[0], found[1]) if found else None


def last_runs(journal: Readable) -> list[LastRun]:
    """Return the last run of each project."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT projects.project, space, status, started, ended, outcome, base_url FROM runs"
            " JOIN projects ON projects.id = runs.project"
            " WHERE number IN (SELECT max(number) FROM runs GROUP BY project) ORDER BY projects.project"
        ).fetchall()
    return [LastRun(*row) for row in rows]


def failed_runs(journal: Readable, project_id: str) -> list[FailedRuns]:
    """Return in which runs what failed did so, the first ones first."""
    with journal.transaction() as execute:
        rows = execute(
            "SELECT space, status, base_url, count(*) FROM ("
            " SELECT project, coalesce(failed_in, run) AS failed_in FROM items WHERE state = 'failed' UNION ALL"
            " SELECT assets.project, assets.failed_in FROM assets JOIN items USING (project, item)"
            " WHERE assets.state = 'failed' AND items.state NOT IN ('failed', 'gone')"
            ") AS failure JOIN runs ON number = failure.failed_in"
            " WHERE failure.project = (SELECT id FROM projects WHERE project = ?)"
            " GROUP BY space, status, base_url ORDER BY min(number)",
            (project_id,),
        ).fetchall()
    return [FailedRuns(project_id, *row) for row in rows]


def failures(journal: Readable, project_id: str, like: Run | None = None) -> Iterator[Failure]:
    """Yield what failed, in the order of the ids; what changes meanwhile is seen or not.

    With `like`, only what failed in runs over the same space, status and platform (or one that nobody noted) as that
    run's, and was not listed by it yet.
    """
    which = f" AND run < :run AND ({FAILED_ALIKE} OR {FAILED_UNNOTED})" if like else ""
    named: dict[str, object] = {"of": project_id, "most": _AT_ONCE, "run": like.number if like else 0}
    after = ""
    while True:
        with journal.transaction() as execute:
            rows = execute(
                "SELECT item, code, error, at FROM items WHERE state = 'failed' AND item > :after"  # noqa: S608
                f" AND project = (SELECT id FROM projects WHERE project = :of){which} ORDER BY item LIMIT :most",
                {**named, "after": after},
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
    stored, failed, listed, gone = (counts.get(state, none) for state in ("stored", "failed", "listed", "gone"))
    return Totals(stored[0], failed[0], listed[0], stored[1] + failed[1] + gone[1], gone[0])


def count_from_elsewhere(journal: Readable, last: LastRun) -> int:
    """Count the files of a project that came from another platform than its last run's, or nobody noted from which."""
    with journal.transaction() as execute:
        found = execute(
            "SELECT count(*) FROM items LEFT JOIN runs ON number = origin WHERE path IS NOT NULL"
            " AND items.project = (SELECT id FROM projects WHERE project = ?) AND base_url IS NOT ?",
            (last.project_id, last.base_url),
        ).fetchone()
    return int(found[0])


def written_files(journal: Readable) -> Iterator[WrittenFile]:
    """Yield every document that was written and is an item's."""
    return _written(journal, "items", "state = 'gone'")


def written_assets(journal: Readable) -> Iterator[WrittenFile]:
    """Yield every asset that was written."""
    return _written(journal, "assets", f"{_ITS_ITEM} IS NOT 'there'")


def asset_files(journal: Readable) -> Iterator[AssetFile]:
    """Yield the asset of every work item that is still in its project, as the last run left it."""
    for file in written_assets(journal):
        if not file.is_gone:
            yield AssetFile(file.project_id, file.item_id, file.path)


def batch_names(journal: Readable) -> dict[tuple[str, int | None], str]:
    """Return the name of each batch by project and batch id, its folder where it was not listed.

    None is the id of what has no batch.
    """
    with journal.transaction() as execute:
        rows = execute(
            "SELECT projects.project, batch, name, folder FROM folders JOIN projects ON projects.id = folders.project"
        ).fetchall()
    return {
        (project, int(batch) if _NUMBER.fullmatch(str(batch)) else None): name or folder
        for project, batch, name, folder in rows
    }


_ITS_ITEM = (
    "(SELECT CASE state WHEN 'gone' THEN 'gone' ELSE 'there' END FROM items"
    " WHERE items.project = file.project AND items.item = file.item)"
)


def _written(journal: Readable, table: str, is_gone: str) -> Iterator[WrittenFile]:
    after = 0
    while True:
        with journal.transaction() as execute:
            rows = execute(
                f"SELECT file.id, item, path, size, mtime_ns, sha256, {is_gone}, projects.project, batch"  # noqa: S608
                f" FROM {table} AS file LEFT JOIN projects ON projects.id = file.project"
                " WHERE path IS NOT NULL AND file.id > ? ORDER BY file.id LIMIT ?",
                (after, _AT_ONCE),
            ).fetchall()
        for _, item_id, path, size, mtime_ns, sha256, gone, project_id, batch in rows:
            number = int(batch) if _NUMBER.fullmatch(str(batch)) else None
            yield WrittenFile(
                item_id,
                path,
                FileState(size, mtime_ns),
                sha256,
                bool(gone),
                project_id or "",
                number,
                table == "assets",
            )
        if not rows:
            return
        after = rows[-1][0]
