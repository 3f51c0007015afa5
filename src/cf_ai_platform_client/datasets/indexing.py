"""Images of a dataset by number, for what reads in any order: 16 bytes each, and some documents."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from .records import Sample

_CACHED_BYTES = 32_000_000

Load = Callable[[int], "tuple[list[Sample], int]"]
"""Reads a document by number: all its samples, whether shown or not, and its bytes."""


class SampleIndex:
    """The images of a dataset by number, in the order of iteration; it can be pickled, as workers need.

    Each look-up reads one document; what was read last is kept, at most 32 MB of JSON or one document. What is
    returned is what iteration yields: filtered, with the same key.

    >>> from cf_ai_platform_client import datasets
    >>> from cf_ai_platform_client.sandbox import SAMPLE
    """

    def __init__(self, positions: Iterator[tuple[int, int]], load: Load) -> None:
        self._documents, self._samples = array("Q"), array("Q")
        for document, sample in positions:
            self._documents.append(document)
            self._samples.append(sample)
        self._load = load
        self._cached: OrderedDict[int, tuple[list[Sample], int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, number: int) -> Sample:
        """Return an image with its annotations. Raises IndexError."""
        return self._document(self._documents[number])[self._samples[number]]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cached": OrderedDict[int, Any](), "_bytes": 0}

    def _document(self, number: int) -> list[Sample]:
        found = self._cached.get(number)
        if found is not None:
            self._cached.move_to_end(number)
            return found[0]
        found = self._cached[number] = self._load(number)
        self._bytes += found[1]
        while self._bytes > _CACHED_BYTES and len(self._cached) > 1:
            _, dropped = self._cached.popitem(last=False)
            self._bytes -= dropped[1][1] if isinstance(dropped[1], tuple) else dropped[1]
        return found[0]
