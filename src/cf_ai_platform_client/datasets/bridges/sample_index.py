"""Samples by number, in any order: documents are read when they are asked for, and the last few are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records import Sample

if TYPE_CHECKING:
    from ..dataset import Dataset


class SampleIndex:
    """The samples of a dataset by number, from 0."""

    def __init__(self, dataset: Dataset) -> None:
        self._samples = list(dataset.samples())

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, number: int) -> Sample:
        return self._samples[number]
