"""Images of a dataset by number, for what reads in any order: 16 bytes each, and a few documents."""

from __future__ import annotations

import operator
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any, overload

from .records import Sample

_CACHED_BYTES = 32_000_000

Load = Callable[[int], "tuple[list[Sample], int]"]
"""Reads a document by its number: what is shown of its images, and how many bytes it has."""


class SampleIndex:
    """The images of a dataset by number, in the order of iteration; it can be pickled, as workers need.

    A look-up reads one document and gives what iteration gives. What was read last is kept: 32 MB of JSON, or one
    document that is larger. One index is for one thread. Raises DiskError for a document that was changed.
    """

    def __init__(self, positions: Iterable[tuple[int, int]], load: Load, changed: Callable[[int], Exception]) -> None:
        self._documents, self._places = array("Q"), array("Q")
        for document, place in positions:
            self._documents.append(document)
            self._places.append(place)
        self._whole = self._documents  # of which an index of some images is a part
        self._load, self._changed = load, changed
        self._forget()

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, number: int) -> Sample: ...

    @overload
    def __getitem__(self, number: slice) -> SampleIndex: ...

    def __getitem__(self, number: int | slice) -> Sample | SampleIndex:
        """Return an image with its annotations, or an index of some of them; negative numbers count from the end.

        Raises IndexError, TypeError.
        """
        if isinstance(number, slice):
            return self._part(number)
        try:
            at = operator.index(number)
        except TypeError:
            raise TypeError(f"An index of images takes a whole number or a slice, not {number!r}.") from None
        if not -len(self) <= at < len(self):
            raise IndexError(f"There is no image {at}: the index has {len(self):,} images, numbered from 0.")
        return self._document(self._documents[at])[self._places[at]]

    def __iter__(self) -> Iterator[Sample]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        return f"<SampleIndex images={len(self)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict[int, Any](), "_bytes": 0}

    def _part(self, numbers: slice) -> SampleIndex:
        found = copy(self)
        found._documents, found._places = self._documents[numbers], self._places[numbers]
        return found

    def _forget(self) -> None:
        self._kept: OrderedDict[int, tuple[list[Sample], int]] = OrderedDict()
        self._bytes = 0

    def _document(self, number: int) -> list[Sample]:
        found = self._kept.get(number)
        if found is None:
            found = self._load(number)
            shown = bisect_right(self._whole, number) - bisect_left(self._whole, number)
            if len(found[0]) != shown:
                raise self._changed(number)
            self._kept[number] = found
            self._bytes += found[1]
            while self._bytes > _CACHED_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        else:
            self._kept.move_to_end(number)
        return found[0]
