"""What goes over the wire and what a download returns, as pydantic models.

Fields are snake_case, the wire's camelCase names are aliases, both are accepted. Fields that a newer
server adds are kept in `model_extra`; enum values that it invents become members with that `.value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, cast
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, HttpUrl, field_validator
from typing_extensions import Self

from .errors import CFError, ErrorCode, ItemsFailedError

_QUERY = re.compile(r"([A-Za-z][\w+.-]{0,19}:?//[^\s?#\"'<>]*)[?#][^\s\"'<>]*")


class _OpenEnum(str, Enum):
    """An enum of strings that takes unknown values as they come."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


class _WireModel(BaseModel):
    model_config = ConfigDict(populate_by_name=True, extra="allow", str_strip_whitespace=True)


class KeysetPaginationMeta(_WireModel):
    """Where a page stands: `cursor_next` and `cursor_prev` are None at the ends."""

    object: str = ""
    limit: int = 0
    page: str | None = None
    cursor_next: str | None = Field(
        default=None, alias="cursorNext", validation_alias=AliasChoices("cursorNext", "cursor_next")
    )
    cursor_prev: str | None = Field(
        default=None, alias="cursorPrev", validation_alias=AliasChoices("cursorPrev", "cursor_prev")
    )


class WorkItem(_WireModel):
    """One work item of the manifest.

    `asset_url` is an absolute URL or a path in the space, `result_url` an absolute URL; the four fields
    from `status` on are there where the server sends them.
    """

    id: str
    batch_id: int | None = Field(default=None, alias="batchId")
    result_url: HttpUrl | None = Field(default=None, alias="resultUrl")
    asset_url: str | None = Field(default=None, alias="assetUrl")
    status: str | None = None
    created_at: str | None = Field(default=None, alias="createdAt")
    updated_at: str | None = Field(default=None, alias="updatedAt")
    asset_type: str | None = Field(default=None, alias="assetType")

    @field_validator("asset_url")
    @classmethod
    def _asset_url_is_not_empty(cls, value: str | None) -> str | None:
        if value == "":
            raise ValueError("asset_url must not be empty")
        return value


class SearchResponse(_WireModel):
    """One page of work items; `total` counts all that match."""

    items: list[WorkItem] = Field(default_factory=list[WorkItem])
    total: int = 0
    meta: KeysetPaginationMeta | None = None


class Annotation(_WireModel):
    """The annotation of one work item; `metadata["coco_results_url"]` names its COCO document."""

    id: str
    project_id: str = Field(alias="projectID")
    work_item_id: str = Field(alias="workItemID")
    metadata: dict[str, Any] | None = None


class Batch(_WireModel):
    """A batch of work items; its name is the folder that its files go to."""

    id: int
    project_id: str = Field(default="", alias="projectId")
    name: str
    created_at: str | None = Field(default=None, alias="createdAt")
    created_by: str | None = Field(default=None, alias="createdBy")
    metadata: dict[str, Any] | None = None
    priority: Any = None
    total_count: int | None = Field(default=None, alias="totalCount")
    completed_count: int | None = Field(default=None, alias="completedCount")


class BatchesResponse(_WireModel):
    """One page of batches."""

    items: list[Batch] = Field(default_factory=list[Batch])
    meta: KeysetPaginationMeta | None = None


class SignedURLObject(_WireModel):
    """A storage path and the URL that reads it."""

    path: str
    signed_url: str = Field(alias="signedUrl", repr=False)


class SignedURLResponse(_WireModel):
    """The signed URLs of one call."""

    items: list[SignedURLObject] = Field(default_factory=list[SignedURLObject])


class ExportFormat(_OpenEnum):
    """The format of a space export."""

    COCO_JSON = "COCO_JSON"
    JSON = "JSON"
    CSV = "CSV"


class ExportContent(_OpenEnum):
    """What a space export holds; INFERENCE and ASSET_METADATA exist as JSON and CSV only."""

    ANNOTATION = "ANNOTATION"
    ASSET_METADATA = "ASSET_METADATA"
    INFERENCE = "INFERENCE"


class ExportStatus(_OpenEnum):
    """Where a space export stands."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


def without_queries(value: Any) -> Any:
    """Cut the queries of all URLs in a value: whoever has a signed URL can read what it leads to."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return _QUERY.sub(r"\1", value)
    if isinstance(value, dict):
        return {without_queries(key): without_queries(entry) for key, entry in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list):
        return [without_queries(entry) for entry in cast("Iterable[Any]", value)]
    return value


class ExportResponse(_WireModel):
    """One space export; `download_url` once COMPLETED, `error` once FAILED.

    Its `repr` shows no `download_url`, and no query of a URL that is anywhere else in it.
    """

    export_id: UUID = Field(alias="exportId")
    name: str | None = None
    status: ExportStatus
    format: ExportFormat | None = None
    content: ExportContent | None = None
    created_by: str | None = Field(default=None, alias="createdBy")
    download_url: str | None = Field(default=None, alias="downloadUrl", repr=False)
    error: str | None = None
    created_at: str | None = Field(default=None, alias="createdAt")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return ((name, without_queries(value)) for name, value in super().__repr_args__())


class ExportListResponse(_WireModel):
    """One page of space exports, newest first."""

    items: list[ExportResponse] = Field(default_factory=list[ExportResponse])
    meta: KeysetPaginationMeta | None = None


class DownloadResult(BaseModel):
    """What became of one work item.

    `skipped` tells that it was here already, unchanged. `file_path` begins with the destination as it was given. A
    failed item has an `error` to read and an `error_code` to act on (`cf_ai_platform_client.errors.ERROR_CODES`).
    Where assets are wanted, `asset_path` is where the asset is, or `asset_error` and `asset_error_code` say why it is
    not; all three are None where the item names no asset. `success` is of the document alone.
    """

    item_id: str
    batch_id: int | None = None
    success: bool
    skipped: bool = False
    file_path: str | None = None
    error: str | None = None
    error_code: ErrorCode | None = None
    warnings: list[str] = Field(default_factory=list[str])
    asset_path: str | None = None
    asset_error: str | None = None
    asset_error_code: ErrorCode | None = None


class AssetSummary(BaseModel):
    """What became of the assets of a download.

    `successful` + `failed` + `not_attempted` + `missing` are the work items whose assets were wanted; of the successful
    ones `skipped` were here already, unchanged, and `missing` work items name none. `bytes` counts those that were
    fetched, as stored.

    >>> AssetSummary(successful=2, skipped=1, missing=1).failed
    0
    """

    successful: int = 0
    failed: int = 0
    skipped: int = 0
    not_attempted: int = 0
    missing: int = 0
    bytes: int = 0


class DownloadSummary(BaseModel):
    """What became of a download.

    `total_items` = `successful` + `failed` + `not_attempted`; of the successful ones `skipped` were here already,
    unchanged. `results` is in listing order and holds what `results=` asked for. `stale` counts the files on disk of
    work items that left the project, known after a complete listing without filters; `pruned` of them were deleted. Of
    items that were last listed with another status it tells nothing. `retries` counts the calls that were made
    again, `bytes` the documents that were fetched, as stored; `elapsed` is in seconds. `assets` counts the assets,
    which all other numbers but `stale`, `pruned` and `retries` leave out; it is None where none were wanted.
    """

    total_items: int
    successful: int
    failed: int
    results: list[DownloadResult] = Field(default_factory=list[DownloadResult])
    not_attempted: int = 0
    skipped: int = 0
    stale: int = 0
    pruned: int = 0
    retries: int = 0
    warnings: list[str] = Field(default_factory=list[str])
    bytes: int = 0
    elapsed: float = 0.0
    assets: AssetSummary | None = None

    def raise_for_failures(self) -> Self:
        """Raise an ItemsFailedError that names the first failure if any item or asset failed, else return self.

        >>> DownloadSummary(total_items=1, successful=1, failed=0).raise_for_failures().failed
        0
        """
        if not self.failed:
            return self._raise_for_assets()
        first = next((result for result in self.results if not result.success), None)
        error = ItemsFailedError(
            f"{self.failed} of {self.total_items} work items failed"
            + (f", the first of them {first.item_id}: {first.error}" if first else "."),
            code=(first.error_code if first else None) or "not_attempted",
            hint="summary.results tells why each of them did.",
        )
        error.summary = self
        raise error

    def _raise_for_assets(self) -> Self:
        if self.assets is None or not self.assets.failed:
            return self
        first = next((result for result in self.results if result.asset_error), None)
        error = ItemsFailedError(
            f"The assets of {self.assets.failed} of {self.total_items} work items failed"
            + (f", the first of them that of {first.item_id}: {first.asset_error}" if first else "."),
            code=(first.asset_error_code if first else None) or "not_attempted",
            hint="summary.results tells why each of them did.",
        )
        error.summary = self
        raise error


class AnnotatedItem(BaseModel):
    """A work item with its COCO document, or with the error that kept it away.

    `document` holds the bytes as the storage sent them, with `info.asset_url` added.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    item: WorkItem
    document: bytes | None = None
    error: CFError | None = None
    warnings: tuple[str, ...] = ()
