"""Datasets: what was downloaded, read, validated, merged, split and converted."""

from __future__ import annotations

from .dataset import Dataset
from .dataset import open_dataset as open

__all__ = ["Dataset", "open"]
