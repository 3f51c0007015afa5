"""Tables as JSON Lines: `images.jsonl`, `annotations.jsonl`, `categories.jsonl`, with the columns of `datasets.tables`.

An object a line (https://jsonlines.org), every column in each, what is missing null; ASCII, so that the locale does not matter.
Columns that hold JSON are text here, too: then every column has one type. pandas guesses types in text; tell it not to:

    pandas.read_json(path, lines=True, dtype=False, convert_dates=False)
    polars.read_ndjson(path)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ..conversion import Conversion
from ..table_writing import write_tables
from ..tables import Column, Row, json_lines


def write(job: Conversion) -> None:
    """Write the three tables."""
    write_tables(job, "jsonl", JsonLinesFile)


class JsonLinesFile:
    """A file with an object a line."""

    def __init__(self, file: IO[bytes], columns: tuple[Column, ...]) -> None:
        self._file = file
        self._names = tuple(column.name for column in columns)

    def write(self, rows: Sequence[Row]) -> None:
        """Write a line each."""
        self._file.write(json_lines([dict(zip(self._names, row, strict=True)) for row in rows]))

    def finish(self) -> None:
        """Leave it as it is: the last line has its end."""
