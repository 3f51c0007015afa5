"""Images brought along to the place below a folder that they have below the dataset."""

from __future__ import annotations

import os
from typing import Any

from ..core.naming import clean_name
from .json_types import is_list, is_object
from .out_folder import OutFolder
from .records import Image
from .sources import Source


class ImageCopies:
    """Brings the images of one document after the other, each file once; also of entries that reading left out."""

    def __init__(self, root: str, out: OutFolder) -> None:
        self._root = root
        self._out = out
        self._places: set[str] = set()
        self._stayed = self._renamed = 0

    def add(self, source: Source) -> None:
        """Bring the images that a document lists."""
        for name in _names(source):
            path = source.image_path(Image(0, name))
            if self._out.images == "none":
                self._stayed += path is not None
            elif self._out.is_on_disk(path):
                self._bring(path)

    def _bring(self, path: str) -> None:
        place = path[len(self._root) + 1 :].replace(os.sep, "/")
        if place not in self._places:
            self._places.add(place)
            safe = "/".join(map(clean_name, place.split("/")))
            self._renamed += safe != place
            self._out.add_image(safe, path)

    def warnings(self) -> list[str]:
        """Tell of images that stayed behind, or have another name."""
        found = self._out.link_warnings()
        if self._stayed:
            found.append(f"Images stayed behind in {self._root}: images='copy' or images='link' brings them along.")
        if self._renamed:
            found.append(f"{self._renamed:,} images have another path than before, one that every system takes.")
        return found


def _names(source: Source) -> list[str]:
    """Return the file names of a document, each once; the empty one for entries without."""
    images: Any = (source.reading.data or {}).get("images")
    entries: list[Any] = images if is_list(images) else []
    names: list[Any] = [entry.get("file_name") for entry in entries if is_object(entry)]
    return list(dict.fromkeys(name if isinstance(name, str) and name.strip() else "" for name in names))
