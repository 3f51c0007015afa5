"""Repairs put into a document, each told as a change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from .coco_rows import encode_lines
from .findings import json_path
from .notes import ABSENT, REMOVED, At, Repair, shown


class Change(msgspec.Struct, frozen=True):
    """One value of a document that was changed; `before` and `after` are cut where they are long."""

    code: str
    document: str
    path: str
    before: str
    after: str


def apply(data: dict[str, Any], repairs: Iterable[Repair], document: str) -> list[Change]:
    """Change a document, and tell what was changed; entries of lists are removed in the end, so that places hold.

    >>> data = {"annotations": [{"id": 0}]}
    >>> [change.after for change in apply(data, [Repair("zero_annotation_id", ("annotations", 0, "id"), 1)], "a.json")]
    ['1']
    >>> data
    {'annotations': [{'id': 1}]}
    """
    changes: list[Change] = []
    gone: list[At] = []
    for repair in repairs:
        holder, step = _holder(data, repair.at)
        before = _value(holder, step)
        if repair.value is REMOVED:
            if isinstance(step, int):
                gone.append(repair.at)
            elif before is not ABSENT:
                del holder[step]
        else:
            holder[step] = repair.value
        after = "removed" if repair.value is REMOVED else shown(repair.value)
        changes.append(Change(repair.code, document, json_path(repair.at), shown(before), after))
    for at in sorted(set(gone), key=lambda each: cast("int", each[-1]), reverse=True):
        holder, step = _holder(data, at)
        del holder[step]
    return changes


def encode(data: dict[str, Any]) -> bytes:
    """Write a document as ASCII."""
    return encode_lines([data]) + b"\n"


def _holder(data: Any, at: At) -> tuple[Any, str | int]:
    for step in at[:-1]:
        data = data[step]
    return data, at[-1]


def _value(holder: Any, step: str | int) -> Any:
    return holder[step] if isinstance(step, int) else holder.get(step, ABSENT)
