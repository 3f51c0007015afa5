"""The files that a merge writes, and how they are known again."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from .coco_rows import decode_line
from .coco_writer import BEGINNING
from .records import SourceId

_LONGEST_LINE = 1 << 20


class MapLine(msgspec.Struct, gc=False):
    """A line of `map.jsonl`: from a new id to the id that it had, and where that was."""

    kind: str
    id: int
    source_id: SourceId
    work_item_id: str
    batch: str
    document: str


def is_merged_document(path: Path) -> bool:
    """Tell whether a file begins as merged documents do, and a map lies beside it."""
    return _first_bytes(path, len(BEGINNING)) == BEGINNING and is_map(path.with_name(f"{path.stem}.map.jsonl"))


def is_map(path: Path) -> bool:
    """Tell whether a file is a map by its first line; that of a dataset of nothing is empty."""
    line = _first_bytes(path, _LONGEST_LINE)
    if not line:
        return line is not None
    try:
        msgspec.convert(decode_line(line.partition(b"\n")[0]), MapLine)
    except (ValueError, RecursionError):
        return False
    return True


def _first_bytes(path: Path, count: int) -> bytes | None:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return None
