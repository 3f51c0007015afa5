"""What a delivery says, typed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn, cast

from typing_extensions import Self

from ..core.arguments import parse_moment
from .errors import WebhookError

_TEXTS = {"work_item_id": "workItemID", "status": "status"}
_OPTIONAL_TEXTS = {"asset_type": "assetType", "asset_url": "assetUrl"}
_MOMENTS = {"created_at": "createdAt", "updated_at": "updatedAt", "delivered_at": "deliveredAt"}
_KNOWN = {*_TEXTS.values(), *_OPTIONAL_TEXTS.values(), *_MOMENTS.values()}
_LEAP_SECOND = re.compile(r"(.*\d\d:\d\d):60((?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A work item whose status changed.

    `status` is kept as it came (CLIENT_REVIEW, COMPLETED, or what a newer server sends); the times are aware, one
    without an offset is taken as UTC. `extra` holds the fields that this version does not know, by their wire names,
    `body` the bytes that were signed.

    >>> event = WebhookEvent.from_body(
    ...     b'{"workItemID": "7", "status": "COMPLETED", "createdAt": "2026-01-01T00:00:00Z",'
    ...     b' "updatedAt": "2026-01-02T03:00:00+01:00", "deliveredAt": "2026-01-02T02:00:01Z", "priority": 3}'
    ... )
    >>> event.work_item_id, event.status, event.updated_at.isoformat(), event.extra
    ('7', 'COMPLETED', '2026-01-02T03:00:00+01:00', {'priority': 3})
    """

    work_item_id: str
    status: str
    asset_type: str | None
    asset_url: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime
    extra: Mapping[str, Any] = field(repr=False, hash=False)
    body: bytes = field(repr=False, compare=False)

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read a body, which nobody has verified yet: `Verifier.verify` does both. Raises WebhookError."""
        fields = _object_of(body)
        values: dict[str, Any] = {name: _text(fields, wire) for name, wire in _TEXTS.items()}
        values |= {name: _text_or_none(fields, wire) for name, wire in _OPTIONAL_TEXTS.items()}
        values |= {name: _moment(fields, wire) for name, wire in _MOMENTS.items()}
        extra = {name: value for name, value in fields.items() if name not in _KNOWN}
        return cls(**values, extra=extra, body=body)

    @property
    def delivery_key(self) -> str:
        """What is the same for a delivery that comes again: a digest of work item, status and `updated_at`.

        A platform that tries again may sign anew and set `delivered_at` anew, so neither is part of it. The same status
        reached once more has another `updated_at`, and is another delivery.
        """
        same = [self.work_item_id, self.status, self.updated_at.astimezone(timezone.utc).isoformat()]
        return hashlib.sha256(json.dumps(same).encode("ascii")).hexdigest()


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse("it is not JSON in UTF-8")
    if not isinstance(value, dict):
        _refuse("it is not a JSON object")
    return cast("dict[str, Any]", value)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        _refuse(f"{name} is {'missing' if value is None else 'not a string with something in it'}")
    return value


def _text_or_none(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        _refuse(f"{name} is not a string")
    return value


def _moment(fields: dict[str, Any], name: str) -> datetime:
    try:
        text = _text(fields, name)
        leap = _LEAP_SECOND.fullmatch(text)
        moment = parse_moment(f"{leap[1]}:59{leap[2]}" if leap else text)
        if leap:
            moment = _second_after(moment)
        moment.astimezone(timezone.utc)  # the first and the last day of the calendar may have none
    except (ValueError, OverflowError):
        _refuse(f"{name} is not an RFC 3339 time")
    return moment


def _second_after(moment: datetime) -> datetime:
    """Return the start of a minute after its leap second, which only the last one of a day (in UTC) has."""
    in_utc = moment.astimezone(timezone.utc)
    if (in_utc.hour, in_utc.minute) != (23, 59):
        raise ValueError
    return moment + timedelta(seconds=1)


def _refuse(why: str) -> NoReturn:
    raise WebhookError(f"The body is signed as it should be, and is no event: {why}.", reason="invalid_body") from None
