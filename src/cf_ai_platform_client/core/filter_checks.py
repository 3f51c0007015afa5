"""Did the platform keep to the filters: checked on what its items say of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from ..models import WorkItem
from .arguments import Filters, parse_moment

_DAY = timedelta(days=1)
"""How far a date may be outside: servers read dates without a time, and fractions of seconds, in their own ways."""

_Check = Callable[[WorkItem], bool]


class IgnoredFilters:
    """Counts the listed items that are outside of each filter; what an item does not say is not held against it.

    >>> ignored = IgnoredFilters(Filters(batch_ids=(7,)))
    >>> ignored.look_at([WorkItem(id="a", batch_id=8)])
    >>> ignored.warnings()
    ['The platform seems to ignore the filter batch_ids: 1 of the listed work items is outside of it.']
    """

    def __init__(self, filters: Filters) -> None:
        self._checks = _checks(filters)
        self._outside: Counter[str] = Counter()

    def look_at(self, items: Iterable[WorkItem]) -> None:
        """Check some items."""
        for item in items:
            self._outside.update(name for name, is_inside in self._checks.items() if not is_inside(item))

    def warnings(self) -> list[str]:
        """Say which filters were ignored."""
        return [
            f"The platform seems to ignore the filter {name}: {count:,} of the listed work items"
            f" {'is' if count == 1 else 'are'} outside of it."
            for name, count in self._outside.items()
        ]


def _checks(filters: Filters) -> Mapping[str, _Check]:
    checks: dict[str, _Check] = {"status": lambda item: item.status in {None, filters.status}}
    if filters.batch_ids:
        batches = frozenset(filters.batch_ids)
        checks["batch_ids"] = lambda item: item.batch_id in batches
    if filters.work_item_ids:
        ids = frozenset(item_id.lower() for item_id in filters.work_item_ids)
        checks["work_item_ids"] = lambda item: item.id.lower() in ids
    for name in ("created_at", "updated_at"):
        start, end = (_moment(getattr(filters, f"{name}_{bound}")) for bound in ("from", "to"))
        if start or end:
            checks[name] = _within(name, start, end)
    return checks


def _within(name: str, start: datetime | None, end: datetime | None) -> _Check:
    def is_inside(item: WorkItem) -> bool:
        moment = _moment(getattr(item, name))
        if moment is None:
            return True
        return (start is None or start - moment <= _DAY) and (end is None or moment - end <= _DAY)

    return is_inside


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_moment(text) if text else None
    except (ValueError, OverflowError):
        return None
