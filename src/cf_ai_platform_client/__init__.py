"""Get annotated data out of the CloudFactory AI Platform: whole, fast, ready to train on.

from cf_ai_platform_client import SyncCFUserClient

with SyncCFUserClient.create_with_api_key("your-api-key") as client:
    client.download_project("project-id", "space-id", "./annotations")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .archives import ExtractedFiles, extract_export
    from .client import CFUserClient
    from .core.export_records import ExportRecord, UnreadMember
    from .core.retry import RetryPolicy
    from .core.zip_members import ExtractLimits
    from .destination import Destination, Difference, FailedItem, ProjectStatus
    from .errors import CFError
    from .export_reader import ExportReader, read_export
    from .models import (
        AnnotatedItem,
        Annotation,
        AssetSummary,
        Batch,
        BatchesResponse,
        DownloadResult,
        DownloadSummary,
        ExportContent,
        ExportFormat,
        ExportListResponse,
        ExportResponse,
        ExportStatus,
        KeysetPaginationMeta,
        SearchResponse,
        SignedURLObject,
        SignedURLResponse,
        WorkItem,
    )
    from .settings import Limits
    from .sync import SyncCFUserClient

__all__ = [
    "AnnotatedItem",
    "Annotation",
    "AssetSummary",
    "Batch",
    "BatchesResponse",
    "CFError",
    "CFUserClient",
    "Destination",
    "Difference",
    "DownloadResult",
    "DownloadSummary",
    "ExportContent",
    "ExportFormat",
    "ExportListResponse",
    "ExportReader",
    "ExportRecord",
    "ExportResponse",
    "ExportStatus",
    "ExtractLimits",
    "ExtractedFiles",
    "FailedItem",
    "KeysetPaginationMeta",
    "Limits",
    "ProjectStatus",
    "RetryPolicy",
    "SearchResponse",
    "SignedURLObject",
    "SignedURLResponse",
    "SyncCFUserClient",
    "UnreadMember",
    "WorkItem",
    "__version__",
    "extract_export",
    "read_export",
]

_ELSEWHERE = {
    "CFError": "errors",
    "CFUserClient": "client",
    "Destination": "destination",
    "Difference": "destination",
    "ExportReader": "export_reader",
    "ExportRecord": "core.export_records",
    "ExtractLimits": "core.zip_members",
    "ExtractedFiles": "archives",
    "FailedItem": "destination",
    "ProjectStatus": "destination",
    "Limits": "settings",
    "RetryPolicy": "core.retry",
    "SyncCFUserClient": "sync",
    "UnreadMember": "core.export_records",
    "extract_export": "archives",
    "read_export": "export_reader",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `cf-ai --help` does not wait for all of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_ELSEWHERE.get(name, 'models')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
