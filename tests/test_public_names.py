"""The names that users import. Runs away from the checkout too, next to `wheel/test_installed.py`."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import pytest

PACKAGE = "cf_ai_platform_client"
NAMES: dict[str, str] = {
    PACKAGE: """
        AnnotatedItem Annotation AssetSummary Batch BatchesResponse CFError CFUserClient Destination Difference
        DownloadResult DownloadSummary ExportContent ExportFormat ExportListResponse ExportReader ExportRecord
        ExportResponse ExportStatus ExtractLimits ExtractedFiles FailedItem KeysetPaginationMeta Limits ProjectStatus
        RetryPolicy
        SearchResponse SignedURLObject SignedURLResponse SyncCFUserClient UnreadMember WorkItem __version__
        extract_export read_export
    """,
    f"{PACKAGE}.datasets": """
        Annotation BatchStats Category CategoryCounts CategoryStats Change Counts Dataset Finding FixReport Image Item
        MissingExtra Report Rle Sample SampleIndex Sizes Split Spread Stats Tally Validation open
    """,
    f"{PACKAGE}.sandbox": "STORM Delivery Document Fault Project Sandbox SeenRequest",
    f"{PACKAGE}.webhooks": """
        DeliveryStore MemoryStore PRODUCTION_JWKS_URL SQLiteStore Verifier WebhookApp WebhookError WebhookEvent
        WebhookReason WebhookWSGIApp serve
    """,
    f"{PACKAGE}.models": """
        AnnotatedItem Annotation AssetSummary Batch BatchesResponse DownloadResult DownloadSummary ExportContent
        ExportFormat
        ExportListResponse ExportResponse ExportStatus KeysetPaginationMeta SearchResponse SignedURLObject
        SignedURLResponse WorkItem
    """,
    f"{PACKAGE}.errors": """
        ArchiveError AuthenticationError CFError ConflictError DiskError ExportError ExportTimeoutError
        ForbiddenError ItemError ItemsFailedError ListingError NetworkError NoConnectionError NotFoundError
        RateLimitError RejectedError RequestTimeoutError ResponseError ServerError StatusError UnsafeURLError
    """,
    f"{PACKAGE}.events": """
        AssetFailed AssetMissing AssetSkipped AssetStored
        ConcurrencyChanged ExportBytes ExportStatusChanged ExportStored ItemFailed ItemPruned ItemSkipped ItemStored
        ListingFinished PageListed Progress RetryScheduled Warned
    """,
}
PUBLISHED = """
    CFUserClient SyncCFUserClient WorkItem SearchResponse DownloadResult DownloadSummary KeysetPaginationMeta
    ExportFormat ExportContent ExportStatus ExportResponse ExportListResponse
"""
CONSTANTS = {f"{PACKAGE}.errors": ("ERROR_CODES", "RETRYABLE_CODES", "ErrorCode"), f"{PACKAGE}.events": ("Event",)}
LAZY = [PACKAGE, f"{PACKAGE}.datasets", f"{PACKAGE}.sandbox", f"{PACKAGE}.webhooks"]
HEAVY = {"aiohttp", "anyio", "asyncio", "click", "httpx", "msgspec", "platformdirs", "pydantic", "pytest", "tqdm"} | {
    *("cryptography", "datasets", "fiftyone", "numpy", "pandas", "PIL", "polars", "pyarrow", "pycocotools", "torch"),
    "supervision",
}


def classes_of(module: Any) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
    }


@pytest.mark.parametrize("module", LAZY)
def test_all_is_what_it_was(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == sorted(NAMES[module].split())


@pytest.mark.parametrize("module", [name for name in NAMES if name not in LAZY])
def test_the_public_classes_are_what_they_were(module: str) -> None:
    assert classes_of(importlib.import_module(module)) == set(NAMES[module].split())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((module, name) for module, names in NAMES.items() for name in names.split()),
        *((module, name) for module, names in CONSTANTS.items() for name in names),
        *((PACKAGE, name) for name in PUBLISHED.split()),
    ],
)
def test_each_name_is_there(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, type):
        assert value.__name__ == name
        assert value.__doc__


def test_dir_shows_the_names_before_they_are_imported() -> None:
    code = f"import {PACKAGE} as it; assert set(it.__all__) <= set(dir(it)), dir(it)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", LAZY)
@pytest.mark.parametrize("name", ["Nonsense", "_ELSEWHERES", "httpx", "__path"])
def test_an_unknown_name_is_an_attribute_error(module: str, name: str) -> None:
    loaded = importlib.import_module(module)
    with pytest.raises(AttributeError, match=f"^module '{module}' has no attribute '{name}'$"):
        getattr(loaded, name)
    assert not hasattr(loaded, name)


def test_counting_a_dataset_imports_nothing_heavy_but_msgspec() -> None:
    sample = f"__import__('importlib.resources').resources.files('{PACKAGE}.sandbox') / 'data' / 'coco'"
    counted = f"import sys; from {PACKAGE} import datasets; datasets.open({sample}).counts()"
    code = f"{counted}; print(*{HEAVY!r} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "msgspec\n"


@pytest.mark.parametrize(
    ("module", "before"), [*((module, "sys") for module in LAZY), (f"{PACKAGE}.sandbox.pytest_plugin", "pytest")]
)
def test_importing_the_package_imports_nothing_heavy(module: str, before: str) -> None:
    code = f"import sys, {before}; had = {{*sys.modules}}; import {module}; print(*{HEAVY!r} & {{*sys.modules}} - had)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


def test_a_star_import_brings_the_public_names() -> None:
    names: dict[str, Any] = {}
    exec(f"from {PACKAGE} import *", names)
    assert set(names) - {"__builtins__"} == set(NAMES[PACKAGE].split())
