"""Images of a dataset by number, for what reads in any order: 16 bytes each, and a few documents."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, overload

from .records import Sample

_CACHED_BYTES = 32_000_000

Load = Callable[[int], "tuple[list[Sample], int]"]
"""Reads a document by its number: what is shown of its images, and how many bytes it has."""


class SampleIndex:
    """The images of a dataset by number, in the order of iteration; it can be pickled, as workers need.

    A look-up reads one document and gives what iteration gives. What was read last is kept: 32 MB of JSON, or one
    document that is larger. One index is for one thread.
    """

    def __init__(self, positions: Iterable[tuple[int, int]], load: Load) -> None:
        self._documents, self._places = array("Q"), array("Q")
        for document, place in positions:
            self._documents.append(document)
            self._places.append(place)
        self._load = load
        self._forget()

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, number: int) -> Sample: ...

    @overload
    def __getitem__(self, number: slice) -> SampleIndex: ...

    def __getitem__(self, number: int | slice) -> Sample | SampleIndex:
        """Return an image with its annotations, or an index of some of them; negative numbers count from the end.

        Raises IndexError.
        """
        if isinstance(number, slice):
            return SampleIndex(zip(self._documents[number], self._places[number], strict=True), self._load)
        return self._document(self._documents[number])[self._places[number]]

    def __repr__(self) -> str:
        return f"<SampleIndex images={len(self)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict[int, Any](), "_bytes": 0}

    def _forget(self) -> None:
        self._kept: OrderedDict[int, tuple[list[Sample], int]] = OrderedDict()
        self._bytes = 0

    def _document(self, number: int) -> list[Sample]:
        found = self._kept.get(number)
        if found is None:
            found = self._kept[number] = self._load(number)
            self._bytes += found[1]
            while self._bytes > _CACHED_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        else:
            self._kept.move_to_end(number)
        return found[0]
