"""Between listing and annotating: each item once, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ..core.arguments import Filters
from ..core.manifest import ManifestPage
from ..core.paging import Unique
from ..core.planning import Entry, Verdict
from ..errors import ItemError
from ..models import KeysetPaginationMeta, WorkItem
from .job import AssetPlan


class Planned(msgspec.Struct, frozen=True):
    """A listed item and its plan; `path` is where the file of one that is skipped is.

    `asset` is the plan of its asset, None where that is not wanted.
    """

    item: WorkItem | ItemError
    verdict: Verdict = "fetch"
    entry: Entry | None = None
    path: str = ""
    asset: AssetPlan | None = None


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """One page of the manifest, without what was listed before."""

    items: Sequence[Planned]
    total: int | None
    meta: KeysetPaginationMeta | None


class Planner(Protocol):
    """Knows what to list, and what to do with what is listed."""

    def listings(self) -> AsyncIterator[Filters]:
        """Yield the filters of each listing that is to be made."""
        ...

    async def plan(self, page: ManifestPage) -> PlannedPage:
        """Leave out what was listed before and say what to do with the rest."""
        ...


class EachOnce:
    """The plan of those who keep no files: fetch everything, once."""

    def __init__(self, filters: Sequence[Filters]) -> None:
        self._filters = filters
        self._unique = Unique()

    async def listings(self) -> AsyncIterator[Filters]:
        """Yield the filters that were given."""
        for filters in self._filters:
            yield filters

    async def plan(self, page: ManifestPage) -> PlannedPage:
        """Keep what is new."""
        new = [Planned(item) for item in page.items if isinstance(item, ItemError) or self._unique.is_new(item.id)]
        return PlannedPage(new, page.total, page.meta)
