"""Aligned tables for people, row by row, so that a million rows need no memory."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.redaction import printable
from .exits import say

_LONGEST = 2000


@dataclass(frozen=True)
class Column:
    """A column: its heading, its least width, whether it holds numbers, and whether it stays on narrow terminals."""

    heading: str
    width: int
    number: bool = False
    stays: bool = False


class Table:
    """Writes rows under headings.

    On a terminal the last column takes what is left and is cut there; columns that find no room are left out, the last
    ones first, but for the first one and those that stay. Elsewhere nothing is cut or left out.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._room = terminal_width()
        self._all = columns
        self._columns = list(columns)
        while self._room and self._needed() > self._room and (free := self._free()):
            self._columns.remove(free[-1])
        self.row([column.heading for column in columns])

    def row(self, values: Sequence[object]) -> None:
        """Write one row; None is shown as a dash."""
        texts = [printable("-" if value is None else str(value), _LONGEST) for value in values]
        pairs = [pair for pair in zip(texts, self._all, strict=True) if pair[1] in self._columns]
        cells = [aligned(text, column.width, column.number) for text, column in pairs]
        say(clip("  ".join(cells).rstrip(), self._room))

    def say_left_out(self) -> None:
        """Write which columns found no room."""
        lost = [column.heading for column in self._all if column not in self._columns]
        if lost:
            say(clip(f"No room for {', '.join(lost)}: --json", self._room))

    def _free(self) -> list[Column]:
        return [column for at, column in enumerate(self._columns) if at and not column.stays]

    def _needed(self) -> int:
        return sum(column.width + 2 for column in self._columns) - 2


def terminal_width() -> int | None:
    """Return how many columns a line may take, None where nothing limits it; `COLUMNS` overrules the terminal."""
    return max(20, width - 1) if (width := shutil.get_terminal_size((0, 0)).columns) else None


def columns_of(text: str) -> int:
    """Count the columns that a text takes in a terminal.

    >>> columns_of("樹木 tree")
    9
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def aligned(text: str, width: int, right: bool = False) -> str:
    """Pad a text to a width."""
    padding = " " * (width - columns_of(text))
    return padding + text if right else text + padding


def clip(text: str, room: int | None) -> str:
    """Cut a text to a width, with a sign that it was.

    >>> clip("a long name", 7)
    'a long…'
    """
    if room is None or columns_of(text) <= room:
        return text
    sign = fitting("…", "...")
    while text and columns_of(text) > room - len(sign):
        text = text[:-1]
    return text + sign


def fitting(pretty: str, plain: str) -> str:
    """Return the pretty signs where standard output can show them, else the plain ones."""
    try:
        pretty.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return plain
    return pretty


def size_text(size: float) -> str:
    """Write a number of bytes for people.

    >>> size_text(163465)
    '163.5 kB'
    """
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def files_text(count: int) -> str:
    """Write a number of files for people.

    >>> files_text(1), files_text(2000)
    ('1 file', '2,000 files')
    """
    return f"{count:,} {'file' if count == 1 else 'files'}"
