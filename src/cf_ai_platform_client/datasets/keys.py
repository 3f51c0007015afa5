"""The key of an image, by which it is split: it depends on its document and on itself alone, never on others."""

from __future__ import annotations

import re

from .documents import Document
from .records import Image

SAMPLE_KEY = "sample_key"
"""The extra field of an image that has its key, where a document was written by merging or converting."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Keys:
    """The keys of a document's images, asked for in their order.

    An image has the key that it says, unless a journal tells its work item. Else its name comes after its work item,
    with the project where that is no UUID; or after the document's path, where the document is of no known work item.
    `#2` tells equal names apart.

    >>> Keys(Document("North/plot.json")).of(Image(1, "a.jpg"))
    'North/plot/a.jpg'
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._home = _home(document)
        self._seen: set[str] = set()
        self._last: dict[str, int] = {}

    def of(self, image: Image) -> str:
        """Return an image's key."""
        extra = image.extra
        said = None if self._document.work_item_id else extra.get(SAMPLE_KEY)
        if said and isinstance(said, str):
            return said  # also where another one says the same: copies stay together
        home, item = self._home, extra.get("work_item_id")
        if self._document.work_item_id is None and item and isinstance(item, str):
            home = _quoted(item)
        first = key = f"{home}/{extra.get('original_file_name', image.file_name)}"
        while key in self._seen:
            self._last[first] = number = self._last.get(first, 1) + 1
            key = f"{first}#{number}"
        self._seen.add(key)
        return key


def _home(document: Document) -> str:
    item = document.work_item_id
    if item is None:
        return document.stem if _UUID.fullmatch(document.stem) else document.path.removesuffix(".json")
    return _quoted(item) if _UUID.fullmatch(item) else f"{document.project_id}/{_quoted(item)}"


def _quoted(item: str) -> str:
    return item.replace("/", "%2F")
