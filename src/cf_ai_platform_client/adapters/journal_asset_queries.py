"""Questions to a journal about assets: which failed, and how many there are. Those of items that left count as gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .journal_queries import ALIKE, SAME_SPACE, UNNOTED, Failure
from .journal_reader import Readable
from .journal_rows import Run

_AT_ONCE = 500
_OF_ITEMS = "assets JOIN items ON items.project = assets.project AND items.item = assets.item"
FAILED_ASSETS_ALIKE = (
    f"SELECT item FROM assets WHERE project = :project AND state = 'failed' AND failed_in IN ({ALIKE} {SAME_SPACE})"  # noqa: S608
)
"""The items whose assets failed in runs as `FAILED_ALIKE` has them."""


@dataclass(frozen=True, slots=True)
class AssetTotals:
    """How many assets of a project are here and how many failed, and the bytes of what is here."""

    stored: int
    failed: int
    bytes: int


def failed_assets(journal: Readable, project_id: str, like: Run | None = None) -> Iterator[Failure]:
    """Yield the assets that failed, in the order of the ids; what changes meanwhile is seen or not.

    With `like`, only those that `failures` would yield and does not, since their documents did not fail.
    """
    which = (
        " AND items.run < :run AND items.state <> 'failed'"
        f" AND (assets.failed_in IN ({ALIKE} {SAME_SPACE}) OR assets.failed_in IN ({UNNOTED} {SAME_SPACE}))"
        if like
        else ""
    )
    named: dict[str, object] = {"of": project_id, "most": _AT_ONCE, "run": like.number if like else 0}
    after = ""
    while True:
        with journal.transaction() as execute:
            rows = execute(
                f"SELECT assets.item, assets.code, assets.error, assets.at FROM {_OF_ITEMS}"  # noqa: S608
                " WHERE assets.state = 'failed' AND items.state <> 'gone' AND assets.item > :after"
                f" AND assets.project = (SELECT id FROM projects WHERE project = :of){which}"
                " ORDER BY assets.item LIMIT :most",
                {**named, "after": after},
            ).fetchall()
        yield from (Failure(*row) for row in rows)
        if not rows:
            return
        after = rows[-1][0]


def asset_totals(journal: Readable, project_id: str) -> AssetTotals:
    """Count the assets of a project."""
    with journal.transaction() as execute:
        rows = execute(
            f"SELECT assets.state, count(*) FROM {_OF_ITEMS} WHERE items.state <> 'gone'"  # noqa: S608
            " AND assets.project = (SELECT id FROM projects WHERE project = ?) GROUP BY assets.state",
            (project_id,),
        ).fetchall()
        (size,) = execute(
            "SELECT total(size) FROM assets WHERE project = (SELECT id FROM projects WHERE project = ?)", (project_id,)
        ).fetchone()
    counts = dict(rows)
    return AssetTotals(counts.get("stored", 0), counts.get("failed", 0), int(size))
