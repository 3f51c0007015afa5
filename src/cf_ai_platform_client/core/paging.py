"""Cursors and duplicates: does the listing go on, and which of its items are new."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from ..errors import ListingError
from ..models import KeysetPaginationMeta

IDLE_PAGES = 1000
"""Pages in a row without anything new after which a listing is given up."""


@dataclass(slots=True)
class Cursors:
    """The cursors that a listing has used.

    >>> cursors = Cursors("work items")
    >>> cursors.following(KeysetPaginationMeta(cursorNext="b"))
    'b'
    """

    of: str
    used: set[str] = field(default_factory=set[str])
    idle: int = 0

    def following(self, meta: KeysetPaginationMeta | None, *, brought: bool = True) -> str | None:
        """Return the cursor of the next page, None at the end.

        `brought` tells whether the page had anything new. Raises ListingError where the cursors go in a circle, or on
        and on without anything new.
        """
        cursor = meta.cursor_next if meta else None
        if not cursor:
            return None
        self.idle = 0 if brought else self.idle + 1
        if self.idle >= IDLE_PAGES:
            raise ListingError(
                f"The listing of {self.of} does not end: {self.idle:,} pages in a row brought nothing new.",
                code="cursor_loop",
                hint="What was listed before is kept; run again, and tell CloudFactory if it stays so.",
            )
        if cursor in self.used:
            raise ListingError(
                f"The listing of {self.of} goes in a circle: page {len(self.used) + 1} leads back to an earlier one.",
                code="cursor_loop",
                hint="What was listed before is kept; run again, and tell CloudFactory if it stays so.",
            )
        self.used.add(cursor)
        return cursor


@dataclass(slots=True)
class Unique:
    """Keeps the first of equal keys."""

    seen: set[Hashable] = field(default_factory=set[Hashable])

    def is_new(self, key: Hashable) -> bool:
        """Return whether the key comes for the first time."""
        before = len(self.seen)
        self.seen.add(key)
        return len(self.seen) > before


def total_warning(total: int | None, listed: int) -> str | None:
    """Return what to tell the user when the server's count and its listing differ."""
    if total is None or total == listed:
        return None
    return f"The platform counted {total} work items and listed {listed}: it may have changed during the run."
