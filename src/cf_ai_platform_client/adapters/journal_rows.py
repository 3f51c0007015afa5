"""What goes into a journal and comes out of it, as values, and as the columns of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from ..core.planning import Entry, FileState, Place, Version

COLUMNS = "batch, path, updated_at, result, etag, asset, size, mtime_ns, sha256, state, base_url, space"
"""Of an item and of the run that its file came with: what an Entry is made of."""

_NOBODY_KNOWS = Place(None, "")


@dataclass(frozen=True, slots=True)
class Run:
    """A run's number, its project's, and where it fetches from."""

    number: int
    project: int
    place: Place


class StoredFile(msgspec.Struct, frozen=True, gc=False):
    """A file that is about to get its name; `replaces` is what was known of its item before."""

    item_id: str
    entry: Entry
    replaces: Entry | None


@dataclass(frozen=True, slots=True)
class StaleFile:
    """A file of an item that is no longer listed, or that its item left behind; `row` is None for the latter."""

    row: int | None
    item_id: str
    path: str
    state: FileState
    sha256: bytes
    is_asset: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `complete` tells that whatever changed before it began was listed."""

    outcome: str
    complete: bool
    newest: str | None
    listed: int
    stored: int
    skipped: int
    failed: int
    not_attempted: int
    bytes: int

    @property
    def row(self) -> dict[str, object]:
        """Its fields by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def entry_of(row: Sequence[Any], here: Place) -> Entry:
    """Read `COLUMNS` for a run that fetches from a place."""
    batch, path, updated_at, result, etag, asset, size, mtime_ns, sha256, state, base_url, space = row
    version = Version(updated_at, result, etag, asset)
    if path is None:
        return Entry(batch, None, version, None, sha256, failed=state == "failed")
    elsewhere = None
    if space is None:  # written by an older version of this package
        elsewhere = _NOBODY_KNOWS
    elif space != here.space_id or base_url != here.base_url:
        elsewhere = Place(base_url, space)
    return Entry(batch, path, version, FileState(size, mtime_ns), sha256, failed=state == "failed", origin=elsewhere)


def stored_row(file: StoredFile, run: Run, now: float) -> tuple[object, ...]:
    """Return what is kept of a file that a run wrote, its project and its item."""
    new = file.entry
    return (new.batch, new.path, *version_row(new.version), *state_row(new), run.number, now, run.project, file.item_id)


def version_row(version: Version) -> tuple[str | None, str | None, str | None, bytes | None]:
    """Return `updated_at`, `result`, `etag` and `asset`."""
    return version.updated_at, version.result, version.etag, version.asset


def state_row(entry: Entry) -> tuple[int | None, int | None, bytes | None]:
    """Return `size`, `mtime_ns` and `sha256`."""
    state = entry.state
    return state.size if state else None, state.mtime_ns if state else None, entry.sha256
