"""What a space export shall hold, checked before any request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from ..models import ExportContent, ExportFormat
from .arguments import MAX_PAGE, Moment, at_most, check_batch_id, check_between, check_identifier, check_period

MAX_PROJECTS = 50
MAX_BATCHES = 100

_ONLY_ANNOTATIONS = frozenset({ExportFormat.COCO_JSON})
_WITHOUT_ANNOTATIONS = frozenset({ExportContent.INFERENCE, ExportContent.ASSET_METADATA})
_DATES = {
    "created_at_from": "createdAtFrom",
    "created_at_to": "createdAtTo",
    "updated_at_from": "updatedAtFrom",
    "updated_at_to": "updatedAtTo",
}
_Enum = TypeVar("_Enum", ExportFormat, ExportContent)


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What an export shall hold; dates are sent as they were given."""

    name: str
    format: ExportFormat = ExportFormat.COCO_JSON
    project_ids: tuple[str, ...] = ()
    batch_ids: tuple[int, ...] = ()
    content: ExportContent | None = None
    created_at_from: str | None = None
    created_at_to: str | None = None
    updated_at_from: str | None = None
    updated_at_to: str | None = None

    @property
    def body(self) -> bytes:
        """The order as it is sent."""
        fields: dict[str, Any] = {"name": self.name, "format": self.format.value}
        if self.project_ids:
            fields["projectIds"] = list(self.project_ids)
        if self.batch_ids:
            fields["batchIds"] = list(self.batch_ids)
        if self.content:
            fields["content"] = self.content.value
        fields.update({sent: getattr(self, name) for name, sent in _DATES.items() if getattr(self, name)})
        return json.dumps(fields).encode()


def check_order(
    name: str,
    export_format: ExportFormat | str,
    *,
    project_ids: Iterable[str | UUID] | None = None,
    batch_ids: Iterable[int] | None = None,
    content: ExportContent | str | None = None,
    created_at_from: Moment | None = None,
    created_at_to: Moment | None = None,
    updated_at_from: Moment | None = None,
    updated_at_to: Moment | None = None,
) -> ExportOrder:
    """Check what an export shall hold; a format or content that only a newer platform knows is passed on."""
    order = ExportOrder(
        _check_name(name),
        check_format("export_format", export_format),
        tuple(check_identifier("project_ids", value) for value in at_most(MAX_PROJECTS, "project_ids", project_ids)),
        tuple(check_batch_id(value) for value in at_most(MAX_BATCHES, "batch_ids", batch_ids)),
        _member(ExportContent, "content", content) if content else None,
        *check_period("created_at", created_at_from, created_at_to),
        *check_period("updated_at", updated_at_from, updated_at_to),
    )
    if order.content and order.content in _WITHOUT_ANNOTATIONS and order.format in _ONLY_ANNOTATIONS:
        raise ValueError(
            f"content is {order.content.value!r}: there is no {order.format.value} of it, so ask for JSON or CSV."
        )
    return order


def check_format(name: str, value: ExportFormat | str) -> ExportFormat:
    """Check that a format is one, perhaps one that only a newer platform knows."""
    return _member(ExportFormat, name, value)


def check_export_id(value: object) -> str:
    """Check an export's id; a UUID is spelled as the platform does."""
    text = check_identifier("export_id", value)
    try:
        return str(UUID(text))
    except ValueError:
        return text


def check_seconds(name: str, value: float) -> float:
    """Check that a number of seconds is none that time cannot have."""
    number = cast("object", value)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not number >= 0:
        raise ValueError(f"{name} is {value!r}: it must be a number of seconds, 0 or more.")
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{name} is beyond any number of seconds: for no end at all, it is math.inf.") from None


def check_limit(value: int | None) -> int | None:
    """Check how many exports a page shall have; None leaves it to the platform."""
    return None if value is None else check_between("limit", value, 1, MAX_PAGE)


def _check_name(value: object) -> str:
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise ValueError(f"name is {value!r}: it must be a non-empty string without control characters.")


def _member(kind: type[_Enum], name: str, value: object) -> _Enum:
    if isinstance(value, str) and value.strip() and value.isprintable():
        return kind(value)
    known = ", ".join(member.value for member in kind)
    raise ValueError(f"{name} is {value!r}: it must be one of {known}.")
