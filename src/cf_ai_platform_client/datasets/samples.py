"""From what a document holds to work items: whose each image is, where it lies, and what is annotated in it."""

from __future__ import annotations

from collections.abc import Callable, Set

import msgspec

from .categories import CategoryTable
from .documents import Document
from .image_places import ImagePlaces
from .origins import origin_of_image
from .reading import Reading
from .records import Annotation, Category, Image, Item, Sample, SourceId

Owner = tuple[str, str]
"""Work item and batch."""


def owner_of(document: Document, work_item_id: object, batch: object) -> Owner:
    """Tell whose an image is: the journal's word, else what the image says, else the names of file and folder.

    >>> owner_of(Document("North/plot.json", "North"), None, None)
    ('plot', 'North')
    >>> owner_of(Document("merged.json"), "d9ac", "Südhang")
    ('d9ac', 'Südhang')
    """
    if document.work_item_id is not None:
        return document.work_item_id, document.batch
    item = work_item_id if isinstance(work_item_id, str) and work_item_id else document.stem
    return item, batch if isinstance(batch, str) and batch else document.batch


def owner_of_image(document: Document, image: Image) -> Owner:
    """Tell whose an image is."""
    return owner_of(document, image.extra.get("work_item_id"), image.extra.get("batch"))


def items_of(
    document: Document, found: Reading, table: CategoryTable, places: ImagePlaces, shared_ids: Set[str]
) -> list[Item]:
    """Group what a document holds by work item; one without images is one item.

    `shared_ids` are the work items that several documents are of: their keys begin with the project or the document.
    """
    categories = {identity: _known(table, category) for identity, category in found.categories.items()}
    annotations = _by_image(found.annotations, categories)
    make = _maker(document, found, places, annotations, shared_ids)
    groups: dict[Owner, list[Sample]] = {}
    for image in found.images:
        owner = owner_of_image(document, image)
        groups.setdefault(owner, []).append(make(image, owner))
    if not groups:
        groups[owner_of(document, None, None)] = []
    everything = tuple(categories.values())
    ids, licenses = tuple(categories), tuple(found.licenses)
    return [
        Item(item, batch, document.path, tuple(samples), everything, document.batch_id, ids, found.info, licenses)
        for (item, batch), samples in groups.items()
    ]


def _known(table: CategoryTable, category: Category) -> Category:
    known = table.get(category)
    if known is None:
        raise LookupError(category.name)
    return known


def _by_image(annotations: list[Annotation], categories: dict[SourceId, Category]) -> dict[SourceId, list[Annotation]]:
    """Group annotations, and give each the dataset's category in place of the document's."""
    found: dict[SourceId, list[Annotation]] = {}
    give = msgspec.structs.force_setattr
    for annotation in annotations:
        give(annotation, "category", categories[annotation.category_id])
        found.setdefault(annotation.image_id, []).append(annotation)
    return found


def _maker(
    document: Document,
    found: Reading,
    places: ImagePlaces,
    annotations: dict[SourceId, list[Annotation]],
    shared_ids: Set[str],
) -> Callable[[Image, Owner], Sample]:
    is_only_one = len(found.images) == 1
    seen: set[str] = set()

    def make(image: Image, owner: Owner) -> Sample:
        name = image.extra.get("original_file_name", image.file_name)
        first = key = f"{owner[0].replace('/', '%2F')}/{name}"
        if owner[0] in shared_ids:
            first = key = f"{document.project_id or document.path}/{key}"
        number = 1
        while key in seen:
            number += 1
            key = f"{first}#{number}"
        seen.add(key)
        path = places.find(document, image.file_name, is_only_one=is_only_one)
        of_it = tuple(annotations.get(image.id, ()))
        origin = origin_of_image(document, image)
        return Sample(*owner, document.path, image, of_it, document.batch_id, path, key, origin)

    return make
