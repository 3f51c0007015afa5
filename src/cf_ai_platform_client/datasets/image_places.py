"""Where the image of a document lies on the disk, never outside of the dataset's folder."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from .documents import Document, is_inside, part_of_coco

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""What beside a document with the same stem is taken for its image; in capitals too."""

_LISTED_FOLDERS = 64


class ImagePlaces:
    """Finds images during one pass: each folder is listed once. `missing_assets` counts what the journal names in vain.

    In this order: what the journal names; next to the document by `file_name`; beside the document with its stem, where
    it is of one image; from the root by `file_name`; in `images`; and for COCO's `instances_NAME.json`,
    `person_keypoints_NAME.json` and `captions_NAME.json` in `images/NAME` and `NAME`. An encoded `file_name` is looked
    for as it is, then decoded.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: OrderedDict[str, dict[str, bool]] = OrderedDict()
        self.missing_assets = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_folders": OrderedDict[str, Any]()}

    def find(self, document: Document, file_name: str, *, is_only_one: bool) -> str | None:
        """Return the path of an image, None where it is not there."""
        if document.asset is not None and is_only_one:
            if self._has(document.asset):
                return self._full(document.asset)
            self.missing_assets += 1
        for place in _candidates(document, file_name, is_only_one):
            if self._has(place):
                return self._full(place)
        return None

    def _full(self, place: str) -> str:
        full = f"{self._root}/{place}"
        return full if os.sep == "/" else full.replace("/", os.sep)

    def _has(self, place: str) -> bool:
        folder, _, name = place.rpartition("/")
        is_link = self._listed(folder).get(name)
        if is_link:
            return is_inside(self._root, place) and os.path.isfile(f"{self._root}/{place}")  # noqa: PTH113
        return is_link is not None

    def _listed(self, folder: str) -> dict[str, bool]:
        """Return the files of a folder, and which of them are links."""
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = self._list(folder)
            if len(self._folders) > _LISTED_FOLDERS:
                self._folders.popitem(last=False)
        else:
            self._folders.move_to_end(folder)
        return found

    def _list(self, folder: str) -> dict[str, bool]:
        if folder and not is_inside(self._root, folder):
            return {}
        try:
            with os.scandir(f"{self._root}/{folder}" if folder else self._root) as entries:
                links = ((entry.name, entry.is_symlink(), entry) for entry in entries)
                return {name: link for name, link, entry in links if link or entry.is_file(follow_symlinks=False)}
        except OSError:
            return {}


def _candidates(document: Document, file_name: str, is_only_one: bool) -> Iterator[str]:
    folder = document.path.rpartition("/")[0]
    names = [name for name in _names(file_name) if _is_safe(name)]
    for name in names:
        yield f"{folder}/{name}" if folder else name
    if is_only_one:
        beside = document.path.rpartition(".")[0]
        yield from (beside + ending for ending in ENDINGS)
        yield from (beside + ending.upper() for ending in ENDINGS)
    for name in names:
        yield name
        yield f"images/{name}"
    part = part_of_coco(document.stem)
    for name in names if part is not None else []:
        yield f"images/{part}/{name}"
        yield f"{part}/{name}"


def _names(file_name: str) -> list[str]:
    plain = file_name.replace("\\", "/")
    decoded = unquote(plain) if "%" in plain else plain
    return [plain] if decoded == plain else [plain, decoded]


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not name.startswith("/") and ".." not in parts and ":" not in parts[0] and "\0" not in name
