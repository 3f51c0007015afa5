"""Counts what is in a document: fast where nothing in it is odd, by reading it whole otherwise, the same either way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec

from .categories import CategoryTable
from .documents import Document
from .json_documents import is_deep
from .numbers import FAR
from .reading import Reading, read_document
from .samples import Owner, owner_of, owner_of_image

_REMEMBERED = 4 << 20
_BOTH_IDS = attrgetter("image_id", "category_id")

_Number = Annotated[float, msgspec.Meta(gt=-FAR, lt=FAR)]
_Positive = Annotated[float, msgspec.Meta(gt=0, lt=FAR)]


class _Image(msgspec.Struct, gc=False):
    id: int
    work_item_id: Any = None
    batch: Any = None


class _Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Positive, _Positive]


class _Document(msgspec.Struct, gc=False):
    images: list[_Image]
    categories: msgspec.Raw
    annotations: list[_Annotation]


class DocumentCounts(NamedTuple):
    """What one document holds; categories by the dataset's numbers, `owners` in order of appearance, each once."""

    images: int
    annotations: int
    annotated_images: int
    annotations_by_category: Mapping[int, int]
    images_by_category: Mapping[int, int]
    owners: tuple[Owner, ...]


_Tallied: TypeAlias = "tuple[int, Mapping[int, int], Mapping[int, int]]"
"""Images with annotations, annotations by category, images by category."""


class DocumentCounter:
    """Counts one document after the other, and takes their categories into a table."""

    def __init__(self, table: CategoryTable) -> None:
        self._table = table
        self._decode = msgspec.json.Decoder(_Document).decode
        self._numbers: dict[bytes, dict[int, int] | None] = {}
        self._remembered = 0

    def count(self, document: Document, content: bytes) -> DocumentCounts | None:
        """Count what can be used in a document; None stands for one that is no COCO."""
        return self._count_fast(document, content) or self._count_whole(document, content)

    def _count_fast(self, document: Document, content: bytes) -> DocumentCounts | None:
        """Return None where something is odd: the whole reading knows what becomes of it."""
        try:
            found = self._decode(content)
            if not content.isascii():
                content.decode()
        except (ValueError, RecursionError):
            return None
        images, annotations = found.images, found.annotations
        if is_deep(content, 2 * max(0, len(annotations) - 1)):  # each has a box
            return None
        numbers = self._numbers_of(bytes(found.categories))
        ids = {image.id for image in images}
        if numbers is None or len(ids) < len(images):
            return None
        tallied = (_tally_one if len(images) == 1 else _tally)(annotations, ids, numbers)
        if tallied is None:
            return None
        owners = dict.fromkeys(owner_of(document, image.work_item_id, image.batch) for image in images)
        return DocumentCounts(len(images), len(annotations), *tallied, _owners(document, owners))

    def _count_whole(self, document: Document, content: bytes) -> DocumentCounts | None:
        found = read_document(content, document.path)
        if found.data is None:
            return None
        numbers = {identity: self._table.add(category) for identity, category in found.categories.items()}
        tallied = _summed_up(Counter(map(_BOTH_IDS, found.annotations)), numbers)
        owners = dict.fromkeys(owner_of_image(document, image) for image in found.images)
        return DocumentCounts(len(found.images), len(found.annotations), *tallied, _owners(document, owners))

    def _numbers_of(self, categories: bytes) -> dict[int, int] | None:
        """Return the dataset's numbers by the ids of a list of categories, None where something in it is odd.

        Documents of one project have the same list, so those that were seen are remembered, up to 4 MB of them.
        """
        if categories in self._numbers:
            return self._numbers[categories]
        found = read_document(b'{"images":[],"annotations":[],"categories":' + categories + b"}", "")
        numbers = None if found.findings else self._add(found)
        self._remembered += len(categories)
        if self._remembered > _REMEMBERED:
            self._numbers.clear()
            self._remembered = len(categories)
        self._numbers[categories] = numbers
        return numbers

    def _add(self, found: Reading) -> dict[int, int]:
        added = ((identity, self._table.add(category)) for identity, category in found.categories.items())
        return {identity: number for identity, number in added if isinstance(identity, int)}


def _owners(document: Document, owners: Iterable[Owner]) -> tuple[Owner, ...]:
    return tuple(owners) or (owner_of(document, None, None),)


def _summed(counts: Iterable[tuple[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, count in counts:
        found[number] = found.get(number, 0) + count
    return found


def _tally_one(annotations: list[_Annotation], ids: set[int], numbers: Mapping[int, int]) -> _Tallied | None:
    """Tally a document of one image, as most are; None where an annotation is of something unknown."""
    by_id = Counter([annotation.category_id for annotation in annotations])
    if not {annotation.image_id for annotation in annotations} <= ids or not by_id.keys() <= numbers.keys():
        return None
    by_category = {numbers[each]: count for each, count in by_id.items()}
    if len(by_category) < len(by_id):
        by_category = _summed((numbers[each], count) for each, count in by_id.items())
    return int(bool(annotations)), by_category, dict.fromkeys(by_category, 1)


def _tally(annotations: list[_Annotation], ids: set[int], numbers: Mapping[int, int]) -> _Tallied | None:
    pairs = Counter(map(_BOTH_IDS, annotations))
    are_known = all(image in ids and category in numbers for image, category in pairs)
    return _summed_up(pairs, numbers) if are_known else None


def _summed_up(pairs: Mapping[tuple[Any, Any], int], numbers: Mapping[Any, int]) -> _Tallied:
    """Sum up annotations that were counted by the ids of their image and their category."""
    images = {(image, numbers[category]) for image, category in pairs}
    return (
        len({image for image, _ in images}),
        _summed((numbers[category], count) for (_, category), count in pairs.items()),
        _summed((number, 1) for _, number in images),
    )
