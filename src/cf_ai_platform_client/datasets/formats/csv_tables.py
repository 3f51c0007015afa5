"""Tables as CSV: `images.csv`, `annotations.csv`, `categories.csv`, with the columns of `datasets.tables`.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180) but for the line ends, which are `\\n`; UTF-8 without a byte order
mark. Text is in quotes; numbers, true and false are not; what is missing is nothing at all. Readers guess: pandas takes
"NA" for missing, and both take "1" for a number, unless they are told the types:

    pandas.read_csv(path, **pandas_options("annotations"))
    polars.read_csv(path, **polars_options("annotations"))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

from ..conversion import Conversion
from ..extras import require
from ..table_writing import write_tables
from ..tables import Column, Kind, Row, Value, columns_of


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


def pandas_options(table: str) -> dict[str, Any]:
    """Return what pandas.read_csv needs to read a table as it was written: types, and where nothing means missing.

    >>> pandas_options("categories")["dtype"]["category"]
    'str'
    """
    columns = columns_of(table)
    return {
        "dtype": {column.name: _PANDAS[column.kind, column.optional] for column in columns},
        "keep_default_na": False,
        "na_values": {column.name: [""] for column in columns if column.optional},
        "encoding": "utf-8",
    }


def polars_options(table: str) -> dict[str, Any]:
    """Return what polars.read_csv needs to read a table as it was written: types.

    Raises MissingExtra without polars.
    """
    polars = require("polars", "polars", "polars' types")
    types = {"int": polars.Int64, "float": polars.Float64, "bool": polars.Boolean, "text": polars.String}
    return {"schema_overrides": {column.name: types[column.kind] for column in columns_of(table)}}


def _flag(value: Value) -> str:
    return "true" if value else "false"


_PANDAS: dict[tuple[Kind, bool], str] = {
    ("int", False): "int64",
    ("int", True): "Int64",
    ("float", False): "float64",
    ("bool", False): "bool",
    ("text", False): "str",
    ("text", True): "str",
}
_FIELD: dict[Kind, Callable[[Value], str]] = {"int": str, "float": repr, "bool": _flag, "text": quoted}
