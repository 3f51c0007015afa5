"""Tables as CSV: `images.csv`, `annotations.csv`, `categories.csv`, with the columns of `datasets.tables`.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180) but for the line ends, which are `\\n`; UTF-8 without a byte order mark.
Text is in quotes; numbers, true and false are not; what is missing is nothing at all. polars.read_csv reads that as it is
meant. pandas takes "NA" for missing and "1e5" for a number, quoted or not, unless it is told the types:

    pandas.read_csv(path, dtype=pandas_types("annotations"), keep_default_na=False, na_values=pandas_missing("annotations"))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO

from ..conversion import Conversion
from ..table_writing import write_tables
from ..tables import Column, Kind, Row, Value


def write(job: Conversion) -> None:
    """Write the three tables."""
    write_tables(job, "csv", CsvFile)


class CsvFile:
    """A CSV file with a line of column names."""

    def __init__(self, file: IO[bytes], columns: tuple[Column, ...]) -> None:
        self._file = file
        self._fields = tuple(_FIELD[column.kind] for column in columns)
        file.write(",".join(column.name for column in columns).encode() + b"\n")

    def write(self, rows: Sequence[Row]) -> None:
        """Write a line each."""
        lines = (
            ",".join(["" if value is None else field(value) for field, value in zip(self._fields, row, strict=True)])
            for row in rows
        )
        self._file.write("".join(f"{line}\n" for line in lines).encode())

    def finish(self) -> None:
        """Leave it as it is: a CSV file has no end of its own."""


def quoted(text: Value) -> str:
    """Put text into quotes, those in it doubled.

    >>> quoted('5" pipe')
    '"5"" pipe"'
    """
    return '"' + str(text).replace('"', '""') + '"'


def _flag(value: Value) -> str:
    return "true" if value else "false"


_FIELD: dict[Kind, Callable[[Value], str]] = {"int": str, "float": repr, "bool": _flag, "text": quoted}
