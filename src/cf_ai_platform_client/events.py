"""What happens in a transfer, as frozen values: bars, logs and programs read these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import ErrorCode


@dataclass(frozen=True, slots=True)
class PageListed:
    """A page of the manifest came: `items` new work items of `total`, where the server said how many."""

    items: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ListingFinished:
    """The manifest is complete: `items` unique work items."""

    items: int


@dataclass(frozen=True, slots=True)
class ItemStored:
    """A work item is on disk, whole, at `path` (below the destination)."""

    item_id: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class ItemSkipped:
    """A work item was here already, unchanged, at `path` (below the destination); nothing was fetched."""

    item_id: str
    path: str


@dataclass(frozen=True, slots=True)
class AssetStored:
    """The asset of a work item is on disk, whole, at `path` (below the destination)."""

    item_id: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class AssetSkipped:
    """The asset of a work item was here already, unchanged, at `path` (below the destination)."""

    item_id: str
    path: str


@dataclass(frozen=True, slots=True)
class AssetFailed:
    """The asset of a work item failed for good; its document may be here nevertheless."""

    item_id: str
    code: ErrorCode
    error: str


@dataclass(frozen=True, slots=True)
class AssetMissing:
    """Assets are wanted, and a work item names none: there is nothing to fetch."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemPruned:
    """The file at `path` was deleted: its work item left the project, or has another file now (then without an id)."""

    item_id: str
    path: str


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """A work item failed for good."""

    item_id: str
    code: ErrorCode
    error: str


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """A call failed and will be made again after `delay` seconds; `item_id` is None for listings."""

    endpoint: str
    attempt: int
    delay: float
    code: ErrorCode
    item_id: str | None


@dataclass(frozen=True, slots=True)
class ConcurrencyChanged:
    """The number of calls in flight for a stage is now at most `limit`."""

    stage: str
    limit: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that is no failure; `passing` is of the moment and not in the summary."""

    message: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class ExportStatusChanged:
    """A space export has another status than when it was last asked for, `elapsed` seconds after the waiting began."""

    export_id: str
    status: str
    elapsed: float


@dataclass(frozen=True, slots=True)
class ExportBytes:
    """So many bytes of an export's file are here, of `total`, where the storage said how many."""

    export_id: str
    bytes: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ExportStored:
    """An export's file is on disk, whole, at `path`; `fetched` tells whether any of it was downloaded now."""

    export_id: str
    path: str
    size: int
    fetched: bool = True


Event = (
    PageListed
    | ListingFinished
    | ItemStored
    | ItemSkipped
    | AssetStored
    | AssetSkipped
    | AssetFailed
    | AssetMissing
    | ItemPruned
    | ItemFailed
    | RetryScheduled
    | ConcurrencyChanged
    | Warned
    | ExportStatusChanged
    | ExportBytes
    | ExportStored
)
EventHandler = Callable[[Event], object]
"""Called with each event, in the event loop's thread: be quick; what it raises ends the transfer."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is, in work items; `total` is None while nobody knows. An export counts as one item.

    Where assets are fetched too, an item is done with its asset, and failed with either.
    """

    done: int
    failed: int
    total: int | None
    bytes: int


ProgressHandler = Callable[[Progress], object]
