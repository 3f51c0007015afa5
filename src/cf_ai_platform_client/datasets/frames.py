"""A dataset's tables in pandas and polars, through Arrow; the columns are those of `datasets.tables`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .arrow_tables import pyarrow, record_batch, schema
from .extras import require
from .report import Report, warn_of_left_out
from .table_writing import RowGroups, annotation_rows_of
from .tables import Row, TableName, category_row, columns_of, image_row

if TYPE_CHECKING:
    from .dataset import Dataset


def to_pandas(dataset: Dataset, table: TableName = "annotations", *, report: Report | None = None) -> Any:
    """Return a table as a pandas DataFrame.

    `table` is "annotations", "images" or "categories". Columns in which few values come again and again, such as
    `category` and `batch`, are categorical; integers that may be missing are Int64. `path` opens as it is. What is
    left out is told in `report`, without one by a Python warning. Raises ValueError for another table, MissingExtra
    without pandas and pyarrow.
    """
    columns = columns_of(table)
    pandas = require("pandas", "pandas", "DataFrames")
    pa = pyarrow("DataFrames")
    told = Report() if report is None else report
    found = arrow_table(dataset, table, told)
    warn_of_left_out(told, report)
    frame = found.to_pandas(split_blocks=True)
    for column in columns:
        if column.kind == "int" and column.optional:
            frame[column.name] = found.column(column.name).to_pandas(types_mapper={pa.int64(): pandas.Int64Dtype()}.get)
    return frame


def to_polars(dataset: Dataset, table: TableName = "annotations", *, report: Report | None = None) -> Any:
    """Return a table as a polars DataFrame, on Arrow's memory.

    `table` is "annotations", "images" or "categories". Columns in which few values come again and again, such as
    `category` and `batch`, are categorical. `path` opens as it is. What is left out is told in `report`, without one
    by a Python warning. Raises ValueError for another table, MissingExtra without polars and pyarrow.
    """
    columns_of(table)
    polars = require("polars", "polars", "polars frames")
    told = Report() if report is None else report
    found = arrow_table(dataset, table, told)
    warn_of_left_out(told, report)
    return polars.from_arrow(found)


def arrow_table(dataset: Dataset, table: TableName = "annotations", report: Report | None = None) -> Any:
    """Return a table as a pyarrow Table; columns in which few values come again and again are dictionaries."""
    columns = columns_of(table)
    pa = pyarrow("Arrow tables")
    plain = schema(pa, columns)
    batches: list[Any] = []
    groups = RowGroups(lambda rows: batches.append(record_batch(pa, rows, plain)))
    for row in _rows(dataset, table, report):
        groups.add(row)
    groups.flush()
    found = pa.Table.from_batches(batches, schema=plain)
    if report is not None:
        report.all_the_rest_went_out()
    for at, column in enumerate(columns):
        if column.repeats:
            found = found.set_column(at, column.name, found.column(at).dictionary_encode())
    return found


def _rows(dataset: Dataset, table: TableName, report: Report | None) -> Iterator[Row]:
    if table == "categories":
        yield from map(category_row, dataset.categories)
        return
    annotations = 0
    for image_id, sample in enumerate(dataset.samples(report), 1):
        if table == "images":
            yield image_row(sample, image_id, path=sample.path, split=None)
        else:
            yield from annotation_rows_of(sample, annotations + 1, image_id)
        annotations += len(sample.annotations)
