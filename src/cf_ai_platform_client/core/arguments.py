"""What users pass in, checked before any request: each ValueError names argument, value and what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from typing import Literal, TypeVar, get_args
from uuid import UUID

MAX_IDS = 100
MAX_WORKERS = 100
MAX_PAGE = 100

Moment = str | datetime
MaxWorkers = int | Literal["auto"]
ResultsKept = Literal["all", "failed", "none"]
StrPath = str | os.PathLike[str]

_ISO_8601 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_T = TypeVar("_T")
_Handler = TypeVar("_Handler")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which work items to list; dates are sent as they were given."""

    status: str = "COMPLETED"
    batch_ids: tuple[int, ...] = ()
    work_item_ids: tuple[str, ...] = ()
    created_at_from: str | None = None
    created_at_to: str | None = None
    updated_at_from: str | None = None
    updated_at_to: str | None = None
    limit: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether fewer than all completed work items are asked for, or others."""
        return bool(self.named)

    @property
    def named(self) -> list[str]:
        """The names of the filters that are set."""
        return [name for name, default in _NO_FILTERS.items() if getattr(self, name) != default]


_NO_FILTERS = {entry.name: entry.default for entry in fields(Filters) if entry.name != "limit"}


def check_filters(
    *,
    status: str = "COMPLETED",
    batch_ids: Iterable[int] | None = None,
    work_item_ids: Iterable[str | UUID] | None = None,
    created_at_from: Moment | None = None,
    created_at_to: Moment | None = None,
    updated_at_from: Moment | None = None,
    updated_at_to: Moment | None = None,
    limit: int | None = None,
) -> Filters:
    """Check the filters of a listing and normalise them to what is sent."""
    created = check_period("created_at", created_at_from, created_at_to)
    updated = check_period("updated_at", updated_at_from, updated_at_to)
    return Filters(
        status=check_identifier("status", status),
        batch_ids=tuple(check_batch_id(value) for value in at_most(MAX_IDS, "batch_ids", batch_ids)),
        work_item_ids=tuple(
            check_identifier("work_item_ids", value) for value in at_most(MAX_IDS, "work_item_ids", work_item_ids)
        ),
        created_at_from=created[0],
        created_at_to=created[1],
        updated_at_from=updated[0],
        updated_at_to=updated[1],
        limit=None if limit is None else check_between("limit", limit, 1, MAX_PAGE),
    )


def check_identifier(name: str, value: object) -> str:
    """Check that an id is a string with something in it."""
    text = str(value).strip() if isinstance(value, (str, UUID)) else ""
    if not text:
        raise ValueError(f"{name} is {value!r}: it must be a non-empty string.")
    if text in {".", ".."} or not text.isprintable():
        raise ValueError(f"{name} is {value!r}: it must be an id, not a path or control characters.")
    return text


def check_destination(value: StrPath) -> str:
    """Check that a destination is a path and return it as the string that was given."""
    return _path("destination", value, "folder")


def check_archive_path(value: StrPath) -> str:
    """Check that the place of a zip file is a path and return it as the string that was given."""
    return _path("path", value, "zip file")


def check_max_workers(value: MaxWorkers) -> MaxWorkers:
    """Check that the number of workers is 1 to 100, or "auto"."""
    if isinstance(value, str) and value == "auto":
        return value
    if not _is_int(value) or not 1 <= int(value) <= MAX_WORKERS:
        raise ValueError(f'max_workers is {value!r}: it must be between 1 and {MAX_WORKERS}, or "auto".')
    return int(value)


def check_results(value: ResultsKept) -> ResultsKept:
    """Check which results the summary shall keep."""
    if value in get_args(ResultsKept):
        return value
    raise ValueError(f'results is {value!r}: it must be "all", "failed" or "none".')


def check_since(value: object, filters: Filters) -> object:
    """Check that a listing goes on from the last run, or from nowhere."""
    if value is not None and value != "last":
        raise ValueError(f'since is {value!r}: it must be "last" or None; for a date use updated_at_from.')
    if value and (filters.updated_at_from or filters.updated_at_to):
        raise ValueError(f"since={value!r} cannot be combined with updated_at_from and updated_at_to.")
    return value


def check_prune(value: bool, filters: Filters, since: object) -> bool:
    """Check that pruning comes with a whole listing: what a filter leaves out has not left the project."""
    narrowing = [*filters.named, *(["since"] if since else [])]
    if value and narrowing:
        named = " and ".join(filter(None, (", ".join(narrowing[:-1]), narrowing[-1])))
        raise ValueError(f"prune={value!r} needs the whole project listed: leave out {named}.")
    return value


def check_handler(name: str, value: _Handler) -> _Handler:
    """Check that a handler is a function, or None."""
    if value is not None and not callable(value):
        raise ValueError(f"{name} is {value!r}: it must be a function that takes one event, or None.")
    return value


def check_between(name: str, value: int, low: int, high: int) -> int:
    """Check that a number is an integer from `low` to `high`."""
    if not _is_int(value) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}: it must be a whole number between {low} and {high}.")
    return value


def check_period(name: str, start: Moment | None, end: Moment | None) -> tuple[str | None, str | None]:
    """Check both ends of a period; an empty string means no bound, as None does."""
    first, last = _moment(f"{name}_from", start), _moment(f"{name}_to", end)
    if first and last and first[1] > last[1]:
        raise ValueError(f"{name}_from is {first[0]!r}, which is later than {name}_to, {last[0]!r}: swap the two.")
    return first and first[0], last and last[0]


def parse_moment(text: str) -> datetime:
    """Parse an ISO 8601 date or time; without an offset it is taken as UTC. Raises ValueError."""
    match = _ISO_8601.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not an ISO 8601 date")
    year, month, day, hour, minute, second, fraction, offset = match.groups(default="")
    micro = int((fraction or "0").ljust(6, "0")[:6])
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micro)
    return datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(offset))


def _zone(offset: str) -> timezone:
    if offset in {"", "Z", "z"}:
        return timezone.utc
    digits = offset[1:].replace(":", "").ljust(4, "0")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-delta if offset[0] == "-" else delta)


def _moment(name: str, value: Moment | None) -> tuple[str, datetime] | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, datetime):
            aware = value.replace(tzinfo=timezone.utc) if value.utcoffset() is None else value
            return aware.isoformat(), aware
        return value.strip(), parse_moment(value)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"{name} is {value!r}: it must be an ISO 8601 date such as 2026-01-31 or 2026-01-31T10:30:00Z."
        ) from error


def check_batch_id(value: int | str) -> int:
    """Check that a batch id is a whole number."""
    if _is_int(value):
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    raise ValueError(f"batch_ids holds {value!r}: each must be a whole number.")


def at_most(most: int, name: str, values: Iterable[_T] | None) -> list[_T]:
    """Check that ids are a list of not too many; None is an empty one."""
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{name} is {values!r}: it must be a list of ids.")
    try:
        listed = list(() if values is None else values)
    except TypeError:
        raise ValueError(f"{name} is {values!r}: it must be a list of ids.") from None
    if len(listed) > most:
        raise ValueError(f"{name} holds {len(listed)} ids: at most {most} are allowed a call, so split them.")
    return listed


def _path(name: str, value: StrPath, what: str) -> str:
    try:
        path = os.fsdecode(value)
    except TypeError:
        path = ""
    if not path.strip() or "\0" in path:
        raise ValueError(f"{name} is {value!r}: it must be the path of a {what}.")
    return path


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
