"""What is noted down while a document is read: findings, repairs of the file, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from .finding_codes import CODES
from .findings import Effect, Finding, json_path
from .json_types import is_list

At: TypeAlias = "tuple[str | int, ...]"
"""The way to a value in a document."""

REMOVED: Final = object()
"""What takes a value's place where it is removed."""

ABSENT: Final = object()
"""What a member is that is not there."""


class Repair(NamedTuple):
    """One change of a document: the value at a place is set, or `REMOVED`."""

    code: str
    at: At
    value: Any


@dataclass
class Notes:
    """Findings of one document. An image or annotation that is left out is counted once, by the first reason."""

    document: str
    findings: list[Finding] = field(default_factory=list[Finding])
    repairs: list[Repair] = field(default_factory=list[Repair])
    images_left_out: Counter[str] = field(default_factory=Counter[str])
    annotations_left_out: Counter[str] = field(default_factory=Counter[str])

    def tell(self, code: str, at: At, message: str, *, effect: Effect | None = None, fix: str | None = None) -> None:
        """Note a finding that no fix mends, unless `fix` says how."""
        kind = CODES[code]
        self.findings.append(
            Finding(code, kind.severity, self.document, json_path(at), message, fix, effect or kind.effect)
        )

    def mend(self, code: str, at: At, message: str, *changes: tuple[At, Any], effect: Effect | None = None) -> None:
        """Note a finding that changes of the file mend."""
        self.repairs.extend(Repair(code, where, value) for where, value in changes)
        self.tell(code, at, message, effect=effect, fix=CODES[code].fix)

    def repair(self, code: str, at: At, value: Any) -> None:
        """Note a change that belongs to a finding at another place."""
        self.repairs.append(Repair(code, at, value))

    def leave_out_image(self, code: str, at: At, message: str, *changes: tuple[At, Any]) -> None:
        """Note an image that cannot be used, or is there twice."""
        self.images_left_out[reason(code)] += 1
        self.mend(code, at, message, *changes) if changes else self.tell(code, at, message, effect="left_out")

    def leave_out(self, code: str, at: At, message: str) -> None:
        """Note an annotation that cannot be used."""
        self.annotations_left_out[reason(code)] += 1
        self.tell(code, at, message, effect="left_out")


def reason(code: str) -> str:
    """Write a code as the reason that people read.

    >>> reason("unknown_image_id")
    'unknown image id'
    """
    return code.replace("_", " ")


def shown(value: Any, most: int = 60) -> str:
    """Write a value of a document for a message, cut where it is long."""
    text = _repr(value, most)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _repr(value: Any, most: int) -> str:
    if value is ABSENT:
        return "missing"
    if value is None:
        return "null"
    if isinstance(value, str):
        return repr(value) if len(value) <= most else f"text of {len(value):,}"
    if is_list(value):
        return f"a list of {len(value):,}" if len(value) > most else _short(value)
    if isinstance(value, dict):
        return "an object"
    return repr(value) if not isinstance(value, int) or value.bit_length() < 200 else "a very long number"


def _short(values: list[Any]) -> str:
    if any(isinstance(each, list | dict) for each in values):
        return "a list of lists" if all(map(is_list, values)) else "a list of objects"
    return "[" + ", ".join(_repr(each, 30) for each in values) + "]"
