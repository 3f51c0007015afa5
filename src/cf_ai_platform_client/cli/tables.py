"""Aligned tables for people, row by row, so that a million rows need no memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import click

from ..core.redaction import printable


@dataclass(frozen=True)
class Column:
    """A column: its heading, its least width, and whether it holds numbers."""

    heading: str
    width: int
    number: bool = False


class Table:
    """Writes rows under headings; the last column takes what the terminal leaves and is cut there."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        fixed = sum(max(column.width, len(column.heading)) + 2 for column in columns[:-1])
        self._last = max(columns[-1].width, shutil.get_terminal_size((120, 24)).columns - fixed)
        self.row([column.heading for column in columns])

    def row(self, values: Sequence[object]) -> None:
        """Write one row; None is shown as a dash."""
        cells = [self._cell(column, value) for column, value in zip(self._columns[:-1], values, strict=False)]
        last = printable("-" if values[-1] is None else str(values[-1]), self._last)
        click.echo("  ".join([*cells, last]).rstrip())

    def _cell(self, column: Column, value: object) -> str:
        text = printable("-" if value is None else str(value))
        width = max(column.width, len(column.heading))
        return text.rjust(width) if column.number else text.ljust(width)


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
