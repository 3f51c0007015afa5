"""Options that the commands of datasets share: which work items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset


def open_filtered(path: str, options: dict[str, Any]) -> Dataset:
    """Open a dataset."""
    from ...datasets import open

    return open(path)
