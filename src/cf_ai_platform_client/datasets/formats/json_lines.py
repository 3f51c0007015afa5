"""Tables as JSON Lines: `images.jsonl`, `annotations.jsonl`, `categories.jsonl`, with the columns of `datasets.tables`.

An object a line (https://jsonlines.org), every column in each, what is missing null; ASCII, so that no locale matters.
Columns that hold JSON are text here, too: every column has one type. Readers guess types, unless they are told:

    pandas.read_json(path, lines=True, dtype=False, precise_float=True)
    polars.read_ndjson(path, infer_schema_length=None)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ..coco_rows import encode_lines
from ..conversion import Conversion
from ..table_writing import write_tables
from ..tables import Column, Row


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
        self._file.write(encode_lines([dict(zip(self._names, row, strict=True)) for row in rows]) + b"\n")

    def finish(self) -> None:
        """Leave it as it is: the last line has its end."""
