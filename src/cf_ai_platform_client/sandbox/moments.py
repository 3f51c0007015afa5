"""Moments as the wire has them: ISO 8601. No I/O."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_ISO_8601 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?"
)


def parse_moment(text: str) -> datetime:
    """Parse an ISO 8601 date or time; without an offset it is UTC. Raises ValueError."""
    match = _ISO_8601.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    zone = timezone.utc
    if offset and offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
        zone = timezone(timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1))
    midnight = datetime(int(year), int(month), int(day), tzinfo=zone)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    return midnight.replace(hour=int(hour or 0), minute=int(minute or 0), second=int(second or 0), microsecond=micro)


def moment_text(seconds: float) -> str:
    """Return a Unix time as it goes over the wire, in UTC, to the second.

    >>> moment_text(1767225600.9)
    '2026-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
