"""The documents of a dataset as they stand on the disk, each read thoroughly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .documents import Document, Documents, read_file
from .image_places import ImagePlaces
from .notes import Notes
from .reading import Reading, read_document
from .records import Image

if TYPE_CHECKING:
    from .dataset import Dataset


class Source(NamedTuple):
    """One document: its path relative to the dataset, work items, bytes, what was read, and where its images are.

    `content` is None where the file cannot be read; a finding says so.
    """

    document: str
    item_ids: frozenset[str]
    content: bytes | None
    reading: Reading
    image_path: Callable[[Image], str | None]


def documents_of(dataset: Dataset) -> Documents:
    """Return the documents of a dataset. Raises ValueError for a filtered view: documents are looked at whole."""
    if dataset.is_filtered:
        raise ValueError("dataset is a filtered view, but documents are looked at whole: use the dataset itself.")
    return dataset.documents


def sources(documents: Documents) -> Iterator[Source]:
    """Read each document."""
    places = ImagePlaces(documents.root)
    for document in documents.found:
        got = read_file(documents.root, document)
        content = got[0] if isinstance(got, tuple) else None
        reading = _unread(document, str(got)) if content is None else _read(content, document)
        yield Source(document.path, _item_ids(document, reading), content, reading, _finder(places, document, reading))


def _read(content: bytes, document: Document) -> Reading:
    return read_document(content, document.path, thorough=True)


def _unread(document: Document, why: str) -> Reading:
    notes = Notes(document.path)
    notes.tell("unreadable_file", (), f"The file is {why}.")
    return Reading(findings=notes.findings)


def _item_ids(document: Document, reading: Reading) -> frozenset[str]:
    """Return the work items that the journal or the images name; the names of files are not taken for any."""
    if document.work_item_id is not None:
        return frozenset({document.work_item_id})
    named = (image.extra.get("work_item_id") for image in reading.images)
    return frozenset(each for each in named if isinstance(each, str) and each)


def _finder(places: ImagePlaces, document: Document, reading: Reading) -> Callable[[Image], str | None]:
    is_only_one = len(reading.images) == 1
    return lambda image: places.find(document, image.file_name, is_only_one=is_only_one)
