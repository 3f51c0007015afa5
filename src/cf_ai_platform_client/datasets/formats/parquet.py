"""Tables as Parquet: `images.parquet`, `annotations.parquet` and `categories.parquet`, columns as in `datasets.tables`.

https://parquet.apache.org/docs/file-format/. Row groups of at most 8,192 rows, compressed with zstd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ..arrow_tables import pyarrow, record_batch, schema
from ..conversion import Conversion
from ..extras import require
from ..table_writing import write_tables
from ..tables import Column, Row


def write(job: Conversion) -> None:
    """Write the three tables. Raises MissingExtra without pyarrow."""
    pyarrow("Parquet tables")
    write_tables(job, "parquet", ParquetFile)


class ParquetFile:
    """A Parquet file, a row group a time."""

    def __init__(self, file: IO[bytes], columns: tuple[Column, ...]) -> None:
        self._pa = pyarrow("Parquet tables")
        self._schema = schema(self._pa, columns)
        parquet = require("pyarrow.parquet", "tables", "Parquet tables")
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """Write a row group."""
        self._writer.write_batch(record_batch(self._pa, rows, self._schema), row_group_size=len(rows))

    def finish(self) -> None:
        """Write the footer."""
        self._writer.close()
