"""Datasets: what was downloaded, read, validated, merged, split and converted.

from cf_ai_platform_client import datasets

dataset = datasets.open("./annotations")
dataset.split(seed=7).convert("yolo", "./yolo")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dataset import Dataset
    from .dataset import open_dataset as open
    from .extras import MissingExtra
    from .findings import Finding
    from .fixing import Change, FixReport
    from .indexing import SampleIndex
    from .records import Annotation, Category, Image, Item, Rle, Sample
    from .report import Report, Tally
    from .splitting import Split
    from .stats import BatchStats, CategoryCounts, CategoryStats, Counts, Sizes, Spread, Stats
    from .validation import Validation

__all__ = [
    "Annotation",
    "BatchStats",
    "Category",
    "CategoryCounts",
    "CategoryStats",
    "Change",
    "Counts",
    "Dataset",
    "Finding",
    "FixReport",
    "Image",
    "Item",
    "MissingExtra",
    "Report",
    "Rle",
    "Sample",
    "SampleIndex",
    "Sizes",
    "Split",
    "Spread",
    "Stats",
    "Tally",
    "Validation",
    "open",
]

_ELSEWHERE = {
    "Annotation": "records",
    "Category": "records",
    "Change": "fixing",
    "Dataset": "dataset",
    "Finding": "findings",
    "FixReport": "fixing",
    "Image": "records",
    "Item": "records",
    "MissingExtra": "extras",
    "Report": "report",
    "Rle": "records",
    "Sample": "records",
    "SampleIndex": "indexing",
    "Split": "splitting",
    "Tally": "report",
    "Validation": "validation",
    "open": "dataset",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_ELSEWHERE.get(name, 'stats')}", __name__)
    value = globals()[name] = getattr(module, "open_dataset" if name == "open" else name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
