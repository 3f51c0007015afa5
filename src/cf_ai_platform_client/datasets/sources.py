"""The documents of a dataset as they stand on the disk, each read thoroughly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .reading import Reading, read_document
from .records import Image

if TYPE_CHECKING:
    from .dataset import Dataset


class Source(NamedTuple):
    """One document: its path relative to the dataset, its bytes, what was read, and where its images are."""

    document: str
    work_item_id: str
    content: bytes
    reading: Reading
    image_path: Callable[[Image], str | None]


def sources(dataset: Dataset) -> Iterator[Source]:
    """Read each document of a dataset."""
    for path in sorted(dataset.root.rglob("*.json")):
        document = path.relative_to(dataset.root).as_posix()
        content = path.read_bytes()

        def find(image: Image) -> str | None:
            place = path.parent / image.file_name  # noqa: B023
            return str(place) if image.file_name and place.is_file() else None

        yield Source(document, path.stem, content, read_document(content, document, thorough=True), find)
