"""The tables' columns as Arrow has them, and rows as Arrow's record batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .extras import require
from .tables import Column, Kind, Row

_TYPES: dict[Kind, str] = {"int": "int64", "float": "float64", "bool": "bool", "text": "string"}


def pyarrow(what: str) -> Any:
    """Import pyarrow; `what` needs it."""
    return require("pyarrow", "tables", what)


def schema(pa: Any, columns: Sequence[Column]) -> Any:
    """Return the schema of a table: int64, float64, bool and string, null only where that may be."""
    return pa.schema([pa.field(column.name, _TYPES[column.kind], column.optional) for column in columns])


def record_batch(pa: Any, rows: Sequence[Row], schema: Any) -> Any:
    """Return rows as a record batch."""
    arrays = [pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)
