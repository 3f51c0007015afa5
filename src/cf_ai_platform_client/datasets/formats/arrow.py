"""Tables as Arrow: `images.arrow`, `annotations.arrow`, `categories.arrow`, with the columns of `datasets.tables`.

The IPC file format (https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format), also known as Feather 2. Not
compressed: `pyarrow.memory_map` reads it without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ..arrow_tables import pyarrow, record_batch, schema
from ..conversion import Conversion
from ..table_writing import write_tables
from ..tables import Column, Row


def write(job: Conversion) -> None:
    """Write the three tables. Raises MissingExtra without pyarrow."""
    pyarrow("Arrow tables")
    write_tables(job, "arrow", ArrowFile)


class ArrowFile:
    """An Arrow file, a record batch a time."""

    def __init__(self, file: IO[bytes], columns: tuple[Column, ...]) -> None:
        self._pa = pyarrow("Arrow tables")
        self._schema = schema(self._pa, columns)
        self._writer = self._pa.ipc.new_file(file, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """Write a record batch."""
        self._writer.write_batch(record_batch(self._pa, rows, self._schema))

    def finish(self) -> None:
        """Write the footer."""
        self._writer.close()
