"""From a member of an export to its records, by the extension of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .csv_rows import csv_rows
from .json_values import json_lines, json_values
from .text_pieces import UnreadableError, decoded

RecordKind = Literal["coco", "json", "csv"]

_COCO_MEMBERS = {"images", "annotations", "categories"}
_READERS: dict[str, Callable[[Iterable[str], int], Iterator[Any]]] = {
    ".json": json_values,
    ".geojson": json_values,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".csv": csv_rows,
}


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """One record of an export: a whole COCO document, a JSON object, or a row of a CSV, whose values are text.

    `member` is the name of the file in the export that it stands in.
    """

    member: str
    kind: RecordKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadMember:
    """A file in an export that was not read, or not to its end, and why; `records` of it were read before."""

    member: str
    reason: str
    records: int = 0


def records_of(member: str, pieces: Iterable[bytes], most: int) -> Iterator[ExportRecord]:
    """Yield the records of a member, holding one of them at a time, of at most `most` characters.

    Raises UnreadableError where the extension is unknown, or at what is no record.
    """
    _, dot, suffix = member.rpartition("/")[2].rpartition(".")
    extension = (dot + suffix).lower()
    reader = _READERS.get(extension)
    if reader is None:
        raise UnreadableError(f"only {', '.join(_READERS)} are read")
    for value in reader(decoded(pieces), most):
        if not isinstance(value, dict):
            raise UnreadableError("a record in it is no JSON object")
        yield ExportRecord(member, _kind(value, extension), value)  # pyright: ignore[reportUnknownArgumentType]


def _kind(value: Mapping[str, Any], extension: str) -> RecordKind:
    if extension == ".csv":
        return "csv"
    return "json" if _COCO_MEMBERS.isdisjoint(value) else "coco"
