"""The first look into all documents: how much is in each, which categories there are, whose the images are."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from .categories import CategoryTable
from .counting import DocumentCounter, DocumentCounts
from .documents import Document, Documents, read_file
from .samples import owner_of


@dataclass
class Scan:
    """What was seen in a dataset, without filters.

    `images_in` has the number of images of each document; `several` are the documents that do not stand for the one
    work item which their path tells of.
    """

    table: CategoryTable = field(default_factory=CategoryTable)
    items: int = 0
    images: int = 0
    annotations: int = 0
    annotated_images: int = 0
    annotations_by_category: Counter[int] = field(default_factory=Counter[int])
    images_by_category: Counter[int] = field(default_factory=Counter[int])
    batches: dict[tuple[str, int | None], int] = field(default_factory=dict[tuple[str, "int | None"], int])
    images_in: array[int] = field(default_factory=lambda: array("Q"))
    several: set[int] = field(default_factory=set[int])


def scan(documents: Documents) -> Scan:
    """Count everything once."""
    found = Scan()
    counter = DocumentCounter(found.table)
    for number, document in enumerate(documents.found):
        got = read_file(documents.root, document)
        counts = counter.count(document, got[0]) if isinstance(got, tuple) else None
        found.images_in.append(counts.images if counts else 0)
        if counts is not None:
            _add(found, number, document, counts)
    return found


def _add(found: Scan, number: int, document: Document, counts: DocumentCounts) -> None:
    found.items += len(counts.owners)
    found.images += counts.images
    found.annotations += counts.annotations
    found.annotated_images += counts.annotated_images
    for category, count in counts.annotations_by_category.items():
        found.annotations_by_category[category] += count
    for category, count in counts.images_by_category.items():
        found.images_by_category[category] += count
    for owner in counts.owners:
        batch = owner[1], document.batch_id
        found.batches[batch] = found.batches.get(batch, 0) + 1
    if counts.owners != (owner_of(document, None, None),):
        found.several.add(number)
