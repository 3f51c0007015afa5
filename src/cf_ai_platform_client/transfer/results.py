"""What a summary tells of each work item, kept small until it is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError

from ..core.arguments import ResultsKept
from ..errors import ErrorCode
from ..models import DownloadResult
from .job import Job


class Row(NamedTuple):
    """A result as a tuple of plain values, which the garbage collector need not look at."""

    order: int
    item_id: str
    batch_id: int | None
    success: bool
    skipped: bool
    path: str | None
    error: str | None
    code: ErrorCode | None
    warnings: tuple[str, ...]
    asset_path: str | None = None
    asset_error: str | None = None
    asset_code: ErrorCode | None = None

    @property
    def failed(self) -> bool:
        """Whether the document or the asset is not here."""
        return not self.success or self.asset_error is not None


class Results:
    """Those results that the user wants to keep."""

    def __init__(self, keep: ResultsKept) -> None:
        self._keep = keep
        self._rows: list[Row] = []

    def wants(self, *, failed: bool) -> bool:
        """Tell whether a result is kept."""
        return self._keep == "all" or (failed and self._keep == "failed")

    def add(self, row: Row) -> None:
        """Take a result in that is wanted."""
        if self.wants(failed=row.failed):
            self._rows.append(row)

    def in_order(self) -> list[DownloadResult]:
        """Return the results in the order of the listing."""
        return [_result(row) for row in sorted(self._rows, key=_listed_as)]


def row_of(
    job: Job,
    *,
    path: str | None = None,
    error: str | None = None,
    code: ErrorCode | None = None,
    warnings: tuple[str, ...] = (),
    skipped: bool = False,
) -> Row:
    """Make the result of a document."""
    return Row(job.index, job.item.id, job.item.batch_id, error is None, skipped, path, error, code, warnings)


def _listed_as(row: Row) -> int:
    return row.order


def _result(row: Row) -> DownloadResult:
    fields: dict[str, Any] = {
        "item_id": row.item_id,
        "batch_id": row.batch_id,
        "success": row.success,
        "skipped": row.skipped,
        "file_path": row.path,
        "error": row.error,
        "error_code": row.code,
        "warnings": list(row.warnings),
        "asset_path": row.asset_path,
        "asset_error": row.asset_error,
        "asset_error_code": row.asset_code,
    }
    try:
        return DownloadResult.model_validate(fields)  # twice as fast as what follows
    except ValidationError:  # a path that is no unicode
        return DownloadResult.model_construct(**fields)
