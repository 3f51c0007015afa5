"""Query parameters to selections and pages; what is wrong with them is a 422 that names the parameter. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from .moments import parse_moment
from .project import JSONObject, Selection

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_IDS = 100
MAX_PATHS = 1000

_CURSOR = re.compile(r"c([0-9a-f]{1,16})")
_DATES = ("createdAtFrom", "createdAtTo", "updatedAtFrom", "updatedAtTo")


class Problem(Exception):
    """An error answer of the platform."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Query(Protocol):
    """A multi-dictionary of query parameters."""

    def get(self, name: str, /) -> str | None: ...

    def getall(self, name: str, default: list[str], /) -> list[str]: ...


class Countable(Protocol):
    """Something with a number of entries that can be had by position."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> JSONObject: ...


@dataclass(frozen=True)
class Page:
    """Which part of a listing is asked for, from `start` to before `end`; cursors are positions, opaque to clients."""

    limit: int
    start: int
    end: int
    direction: str | None


def read_selection(query: Query) -> Selection:
    """Read the filters of a manifest request. Raises Problem."""
    dates = {name: _moment(name, query.get(name)) for name in _DATES}
    return Selection(
        status=query.get("status"),
        batch_ids=frozenset(_whole("batchIds", value) for value in _ids(query, "batchIds")),
        item_ids=tuple(_ids(query, "workItemIDs")),
        created=(dates["createdAtFrom"], dates["createdAtTo"]),
        updated=(dates["updatedAtFrom"], dates["updatedAtTo"]),
    )


def read_page(query: Query) -> Page:
    """Read the paging parameters. Raises Problem."""
    text = query.get("limit")
    limit = DEFAULT_LIMIT if text is None else _whole("limit", text)
    if not 1 <= limit <= MAX_LIMIT:
        raise Problem(422, f"limit must be between 1 and {MAX_LIMIT}, not {limit}")
    cursor, direction = query.get("cursor"), query.get("page")
    if direction not in {None, "NEXT", "PREV"}:
        raise Problem(422, "page must be NEXT or PREV")
    if cursor is None:
        return Page(limit, 0, limit, None)
    position = _position(cursor)
    if direction == "PREV":
        return Page(limit, max(0, position - limit), position, direction)
    return Page(limit, position, position + limit, "NEXT")


def cut_page(listing: Countable, page: Page, kind: str) -> dict[str, Any]:
    """Return the answer for one page of a listing, without `total`."""
    count = len(listing)
    end = min(page.end, count)
    return {
        "items": [listing[position] for position in range(page.start, end)],
        "meta": {
            "object": kind,
            "limit": page.limit,
            "page": page.direction,
            "cursorNext": _cursor(end) if end < count else None,
            "cursorPrev": _cursor(page.start) if 0 < page.start <= count else None,
        },
    }


def read_paths(body: Any) -> Sequence[str]:
    """Read the paths to sign from a request's body. Raises Problem."""
    paths: Any = body.get("paths") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(paths, list) or not all(map(_is_path, paths)):  # pyright: ignore[reportUnknownArgumentType]
        raise Problem(422, "paths must be a list of strings that are not empty")
    if not 1 <= len(paths) <= MAX_PATHS:  # pyright: ignore[reportUnknownArgumentType]
        raise Problem(422, f"paths must hold 1 to {MAX_PATHS} paths, not {len(paths)}")  # pyright: ignore[reportUnknownArgumentType]
    return paths  # pyright: ignore[reportUnknownVariableType]


def _cursor(position: int) -> str:
    return f"c{position:x}"


def _position(cursor: str) -> int:
    match = _CURSOR.fullmatch(cursor)
    if not match:
        raise Problem(422, "cursor is not one that this listing gave")
    return int(match.group(1), 16)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any("\ud800" <= character <= "\udfff" for character in value)


def _ids(query: Query, name: str) -> list[str]:
    values = query.getall(name, [])
    if len(values) > MAX_IDS:
        raise Problem(422, f"{name} takes at most {MAX_IDS} ids, not {len(values)}")
    return values


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Problem(422, f"{name} must be a whole number, not {text!r}") from None


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise Problem(422, f"{name} must be an ISO 8601 date, not {text!r}") from None
