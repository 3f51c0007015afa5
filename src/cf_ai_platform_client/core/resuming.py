"""A file that is fetched in several goes: what to ask for, and what to do with what comes. Nothing is ever spliced.

Bytes are joined only where a strong ETag says that they are of one and the same file:
https://www.rfc-editor.org/rfc/rfc9110#field.if-range.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import ResponseError
from .planning import kept_etag

PARTIAL_CONTENT = 206

EXPORT = "the export's file"

PROGRESS = 64 << 10
"""Bytes that a file must have grown by for its attempts to be counted anew."""

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_DIGESTS = ("content-md5", "x-goog-hash", "x-goog-stored-content-encoding", "x-amz-checksum-crc32")
_DIGEST_HEADERS = frozenset({*_DIGESTS, "x-amz-checksum-sha1", "x-amz-checksum-sha256"})
_LONGEST_DIGEST = 1000
_COMPRESSED = re.compile(r"\b(?:x-)?(?:gzip|deflate|br|zstd|compress)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the file that comes: its strong ETag, its size, and the digests that were announced for it."""

    etag: str | None = None
    total: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_note(self) -> bytes:
        """Write it down for a later run."""
        return json.dumps({"etag": self.etag, "total": self.total, "digests": dict(self.digests)}).encode()


def read_note(note: bytes) -> Known:
    """Read what an earlier run wrote down; what somebody broke says nothing."""
    try:
        fields: Any = json.loads(note)
        etag, total, digests = fields["etag"], fields["total"], fields["digests"]
        whole = (total is None or _is_size(total)) and isinstance(digests, dict)
        announced = {str(name): str(value) for name, value in cast("dict[Any, Any]", digests).items()} if whole else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return Known()
    return Known(strong_etag(etag if isinstance(etag, str) else None), total, announced) if whole else Known()


def range_headers(known: Known, size: int) -> dict[str, str]:
    """Return what asks for the rest of a file of which `size` bytes are here, or for all of it."""
    whole = {"Accept-Encoding": "identity"}
    return {**whole, "Range": f"bytes={size}-", "If-Range": known.etag} if size and known.etag else whole


def can_resume(known: Known, size: int) -> bool:
    """Tell whether what is here is worth keeping for a later run."""
    return bool(size and known.etag) and (known.total is None or size <= known.total)


def is_complete(known: Known, size: int) -> bool:
    """Tell whether all bytes of the file are here."""
    return bool(size and known.etag and size == known.total)


@dataclass(frozen=True, slots=True)
class Start:
    """What comes: the bytes from `offset` on of the file that is `known`."""

    offset: int
    known: Known


class FileChanged(ResponseError):
    """What is here cannot be continued: ask for the whole file."""


def start_of(
    status: int, headers: Mapping[str, str], before: Known, size: int, *, what: str = EXPORT, encoded: bool = False
) -> Start:
    """Say what a 200 or 206 brings, where `size` bytes of the file `before` are here; `what` names it in errors.

    With `encoded` its bytes may be compressed once more.

    Raises FileChanged where the file is another one now, and ResponseError (`mismatch`) where the answer is not what
    was asked for.
    """
    if not encoded and _COMPRESSED.search(headers.get("content-encoding", "")):
        raise _not_asked_for("it is compressed once more", what)
    if status != PARTIAL_CONTENT:
        return Start(0, _known(headers, _length(headers)))
    if not range_headers(before, size).get("Range"):
        raise _not_asked_for("it is a part of the file", what)
    found = _RANGE.fullmatch(headers.get("content-range", "").strip())
    if not found or int(found[1]) != size or int(found[2]) < size:
        raise _not_asked_for("its Content-Range is not what was asked for", what)
    etag = headers.get("etag")
    total = None if found[3] == "*" else int(found[3])
    if (etag is not None and strong_etag(etag) != before.etag) or (before.total and total not in {None, before.total}):
        raise FileChanged("The file in the storage is another one than before.", code="truncated")
    return Start(size, Known(before.etag, before.total or total, before.digests))


@dataclass(slots=True)
class Progress:
    """How far a file came that can be continued: only what goes beyond that is progress, never what comes again."""

    furthest: int = 0
    _made: bool = False

    def made(self, known: Known, size: int) -> bool:
        """Tell whether enough came since the last time that attempts are counted anew."""
        if not can_resume(known, size) or size - self.furthest < PROGRESS:
            return False
        self.furthest, self._made = size, True
        return True

    def starts_anew(self) -> None:
        """Forget what only an earlier run brought: another file's length says nothing of this one's."""
        if not self._made:
            self.furthest = 0


def check_room(known: Known, size: int, most: int, what: str = EXPORT, limit: str = "export_bytes") -> None:
    """Raise ResponseError where a file is longer than it was to be (`mismatch`) or may be (`too_large`)."""
    if max(size, known.total or 0) > most:
        raise ResponseError(
            f"{what[0].upper()}{what[1:]} is larger than {most:,} bytes.",
            code="too_large",
            hint=f"Raise {limit} of Limits if it is right.",
        )
    if known.total is not None and size > known.total:
        raise ResponseError(
            f"More came than the {known.total:,} bytes that {what} has.",
            code="mismatch",
            hint="Run again: it starts anew. A proxy between may be the cause.",
        )


def check_size(known: Known, size: int) -> None:
    """Raise ResponseError where fewer bytes came than were to come."""
    if known.total is not None and size < known.total:
        raise ResponseError(f"Only {size:,} of {known.total:,} bytes came.", code="truncated")


def strong_etag(value: str | None) -> str | None:
    """Return an ETag that names the same bytes always, else None."""
    etag = kept_etag(value)
    return None if etag is None or etag.startswith("W/") else etag


def _known(headers: Mapping[str, str], total: int | None) -> Known:
    digests = {name: value for name, value in headers.items() if name in _DIGEST_HEADERS}
    return Known(
        strong_etag(headers.get("etag")),
        total,
        {name: value for name, value in digests.items() if len(value) <= _LONGEST_DIGEST},
    )


def _length(headers: Mapping[str, str]) -> int | None:
    value = headers.get("content-length", "").strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else None


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _not_asked_for(why: str, what: str) -> ResponseError:
    return ResponseError(
        f"The storage's answer for {what} cannot be used: {why}.",
        code="mismatch",
        hint="Run again: it starts anew. A proxy between may be the cause.",
    )
