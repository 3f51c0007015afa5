"""The exports of a space as state: which there are, and how far each is. No I/O."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from .moments import moment_text, parse_moment
from .project import Selection
from .queries import Problem

FORMATS = ("COCO_JSON", "JSON", "CSV")
CONTENTS = ("ANNOTATION", "INFERENCE", "ASSET_METADATA")
MAX_PROJECTS = 50
MAX_BATCHES = 100

_PERIODS = (("createdAtFrom", "createdAtTo"), ("updatedAtFrom", "updatedAtTo"))


@dataclass(frozen=True)
class Order:
    """What an export is to hold."""

    name: str
    format: str
    content: str
    project_ids: Sequence[str]
    selection: Selection


@dataclass
class Export:
    """One export; `fails_with` is the reason that it ends with, if it does not complete."""

    export_id: str
    order: Order
    created_at: str
    fails_with: str | None
    polls: int = 0


class Exports:
    """The exports of one space, newest first; safe to use from several threads.

    An export moves on by being asked for: it is PENDING when made, COMPLETED (or FAILED) in the answer to the GET
    number `polls`, and IN_PROGRESS from half of them on. With `polls` 0 it is COMPLETED at once.
    """

    def __init__(
        self, polls: int, clock: Callable[[], float], new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._polls = polls
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.Lock()
        self._exports: dict[str, Export] = {}
        self._failures: list[str] = []

    def fail_next(self, reason: str) -> None:
        """Let the next export that is made end FAILED, with this reason; called twice, the next two."""
        with self._lock:
            self._failures.append(reason)

    def create(self, order: Order) -> Export:
        """Make an export. Raises Problem (409) while another one is active."""
        with self._lock:
            for other in self._exports.values():
                if self.status(other) in {"PENDING", "IN_PROGRESS"}:
                    raise Problem(409, f"Export {other.export_id} of this space is still {self.status(other)}")
            reason = self._failures.pop(0) if self._failures else None
            export = Export(self._new_id(), order, moment_text(self._clock()), reason)
            self._exports[export.export_id] = export
            return export

    def poll(self, export_id: str) -> Export:
        """Return an export and move it on. Raises Problem (404)."""
        with self._lock:
            export = self._known(export_id)
            export.polls += 1
            return export

    def find(self, export_id: str) -> Export | None:
        """Return an export as it stands, None for an unknown one."""
        return self._exports.get(export_id)

    def listing(self, format_: str | None = None) -> list[Export]:
        """Return the exports of a format, or all, newest first. Raises Problem (422) for an unknown format."""
        if format_ is not None and format_ not in FORMATS:
            raise _unknown("format", format_, FORMATS)
        with self._lock:
            newest_first = list(self._exports.values())[::-1]
        return [export for export in newest_first if format_ is None or export.order.format == format_]

    def delete(self, export_id: str) -> None:
        """Delete an export, whatever its status. Raises Problem (404)."""
        with self._lock:
            del self._exports[self._known(export_id).export_id]

    def status(self, export: Export) -> str:
        """Return where an export stands."""
        if export.polls >= self._polls:
            return "COMPLETED" if export.fails_with is None else "FAILED"
        return "IN_PROGRESS" if export.polls * 2 >= self._polls else "PENDING"

    def wire(self, export: Export, sign: Callable[[], str]) -> dict[str, Any]:
        """Return an export as it goes over the wire; `sign` makes its download URL."""
        status = self.status(export)
        return {
            "exportId": export.export_id,
            "name": export.order.name,
            "status": status,
            "format": export.order.format,
            "content": export.order.content,
            "createdBy": "sandbox@example.com",
            "downloadUrl": sign() if status == "COMPLETED" else None,
            "error": export.fails_with if status == "FAILED" else None,
            "createdAt": export.created_at,
        }

    def _known(self, export_id: str) -> Export:
        if export_id not in self._exports:
            raise Problem(404, f"Export {export_id} was not found")
        return self._exports[export_id]


def read_order(body: Any) -> Order:
    """Read the body that makes an export. Raises Problem (422)."""
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object")
    values = cast("dict[str, Any]", body)
    name = values.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Problem(422, "name must be a text that is not empty")
    format_ = _one_of("format", values.get("format"), FORMATS)
    content = _one_of("content", values.get("content") or "ANNOTATION", CONTENTS)
    if format_ == "COCO_JSON" and content != "ANNOTATION":
        raise Problem(422, f"content {content} takes the format JSON or CSV, not COCO_JSON")
    return Order(name, format_, content, _ids(values, "projectIds", MAX_PROJECTS, str), _selection(values, content))


def _selection(values: dict[str, Any], content: str) -> Selection:
    created, updated = ((_moment(values, start), _moment(values, end)) for start, end in _PERIODS)
    return Selection(
        status="COMPLETED" if content == "ANNOTATION" else None,
        batch_ids=frozenset(_ids(values, "batchIds", MAX_BATCHES, int)),
        created=created,
        updated=updated,
    )


def _ids(values: dict[str, Any], name: str, most: int, kind: type) -> list[Any]:
    if values.get(name) is None:
        return []
    if not isinstance(values[name], list) or not 1 <= len(values[name]) <= most:
        raise Problem(422, f"{name} must be a list of 1 to {most} ids")
    ids: list[Any] = values[name]
    if not all(type(value) is kind for value in ids):
        raise Problem(422, f"{name} must hold {'texts' if kind is str else 'whole numbers'} only")
    return ids


def _moment(values: dict[str, Any], name: str) -> datetime | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        return parse_moment(text)
    except (TypeError, ValueError):
        raise Problem(422, f"{name} must be an ISO 8601 date, not {text!r}") from None


def _one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise _unknown(name, value, allowed)
    return str(value)


def _unknown(name: str, value: Any, allowed: Sequence[str]) -> Problem:
    return Problem(422, f"{name} must be one of {', '.join(allowed)}, not {value!r}")
