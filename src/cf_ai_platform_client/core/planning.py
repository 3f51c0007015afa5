"""Fetch, ask or skip: a work item, what the journal knows of it, what is on the disk, and what the user wants."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

import msgspec

from ..models import WorkItem
from .arguments import parse_moment
from .naming import batch_key

Verdict = Literal["fetch", "ask", "skip", "hash"]
"""Get the document; get it if it changed (a conditional GET); leave it; compare the bytes on disk, then plan again."""

OVERLAP = timedelta(hours=1)
"""How far `since="last"` reaches back behind what the last run saw: what was updated late may be listed later."""

_LONGEST_VALUE = 1000
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')  # RFC 9110, 8.8.3
_FIRST = datetime.min.replace(tzinfo=timezone.utc) + OVERLAP


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a run does with what is here already."""

    overwrite: bool = False
    verify: bool = False
    recheck: bool = False


class Version(msgspec.Struct, frozen=True, gc=False):
    """Which version of a document this is: all that the platform and the storage tell of it.

    `asset` is a digest of the asset's URL, which the document repeats; of an asset it is where it comes from.
    """

    updated_at: str | None = None
    result: str | None = None
    etag: str | None = None
    asset: bytes | None = None


class FileState(msgspec.Struct, frozen=True, gc=False):
    """What the file system says of a file: bytes, and nanoseconds of the Unix time of its last change."""

    size: int
    mtime_ns: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where documents come from: the platform's address, None where nobody noted it, and the space."""

    base_url: str | None
    space_id: str


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What the journal knows of a work item: the file that was written, and whether the last attempt failed.

    `origin` is where the file came from, if that is another place than the run fetches from, or an unknown one.
    """

    batch: str
    path: str | None = None
    version: Version = Version()
    state: FileState | None = None
    sha256: bytes | None = None
    failed: bool = False
    origin: Place | None = None


def plan(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun, *, same_bytes: bool | None = None
) -> Verdict:
    """Decide what to do with a listed item; `same_bytes` answers an earlier "hash".

    >>> plan(WorkItem(id="a"), None, None, Rerun())
    'fetch'
    """
    if how.overwrite or entry is None or entry.failed or entry.state is None or entry.batch != batch_key(item.batch_id):
        return "fetch"
    if entry.origin is not None and entry.origin.base_url is not None:
        return "fetch"
    if found is None or found.size != entry.state.size or same_bytes is False:
        return "fetch"
    if same_bytes is None and (how.verify or found.mtime_ns != entry.state.mtime_ns):
        return "hash"
    known = entry.version
    if known.updated_at and known.updated_at == kept(item.updated_at) and not how.recheck and entry.origin is None:
        return "skip"
    return "ask" if known.etag and known.asset == asset_mark(item) else "fetch"


def plan_asset(
    item: WorkItem, entry: Entry | None, found: FileState | None, how: Rerun, *, same_bytes: bool | None = None
) -> Verdict:
    """Decide the same of the asset of a work item, as `plan` does: it comes from one place only.

    >>> plan_asset(WorkItem(id="a", assetUrl="a.jpg"), None, None, Rerun())
    'fetch'
    """
    if entry is None or entry.version.asset != asset_mark(item):
        return "fetch"
    return plan(item, entry, found, how, same_bytes=same_bytes)


def asset_mark(item: WorkItem) -> bytes:
    """Return a digest of where the asset is, without what is signed."""
    return hashlib.sha256((item.asset_url or "").partition("?")[0].encode("utf-8", "replace")).digest()[:8]


def kept(value: str | None) -> str | None:
    """Return a short text of the server's without its query, None for one that cannot be kept."""
    if not value or len(value) > _LONGEST_VALUE or not value.isprintable():
        return None
    return value.partition("?")[0]


def kept_etag(value: str | None) -> str | None:
    """Return an ETag that can be sent back, else None; `*` and lists would be taken for any document."""
    return value if value and len(value) <= _LONGEST_VALUE and _ETAG.fullmatch(value) else None


def newest(moments: list[str | None], before: str | None = None) -> str | None:
    """Return the latest of some moments as it was written; what is no moment is passed over."""
    readable = [(moment, text) for text in [before, *moments] if text and (moment := _moment(text))]
    return max(readable)[1] if readable else None


def since(started: float, updated: str | None) -> str:
    """Return where a listing begins that goes on from a run: before its start, and before the newest that it saw.

    `started` is in Unix seconds, by this machine's clock, which may be wrong: the earlier of the two counts.
    """
    moments = [datetime.fromtimestamp(started, timezone.utc)]
    if updated and (seen := _moment(updated)):
        moments.append(seen)
    first = max(min(moments), _FIRST).astimezone(timezone.utc) - OVERLAP
    return first.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _moment(text: str) -> datetime | None:
    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        return None
