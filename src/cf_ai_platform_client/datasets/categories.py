"""The categories of many documents, matched by what they are called, never by their ids.

Two are one where supercategory and name are equal in Unicode's form NFC and without surrounding blanks: what people
cannot tell apart. Names stay as they came first; case matters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import msgspec

from .records import Category

Key = tuple[str, str]


def key_of(category: Category) -> Key:
    """Return what a category is matched by.

    >>> key_of(Category(7, " Bäume")) == key_of(Category(1, "Bäume"))
    True
    """
    return _plain(category.supercategory), _plain(category.name)


class CategoryTable:
    """Numbers categories from 1 in the order in which they come.

    Keypoints, skeleton and further fields are those of the first that has them; `conflicts` tells of others.
    """

    def __init__(self) -> None:
        self._found: dict[Key, Category] = {}
        self._spelled: dict[Key, Key] = {}
        self.conflicts: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, category: Category) -> int:
        """Take one in and return its number."""
        key = self._key(category)
        known = self._found.get(key)
        if known is None:
            self._found[key] = msgspec.structs.replace(category, id=len(self._found) + 1)
            return len(self._found)
        if not _are_alike(known, category):
            self._found[key] = self._joined(known, category)
        return known.id

    def get(self, category: Category) -> Category | None:
        """Return the one that stands for a category of a document."""
        return self._found.get(self._key(category))

    def all(self) -> tuple[Category, ...]:
        """Return them by their numbers."""
        return tuple(self._found.values())

    def _key(self, category: Category) -> Key:
        spelled = category.supercategory, category.name
        key = self._spelled.get(spelled)
        if key is None:
            key = self._spelled[spelled] = key_of(category)
        return key

    def _joined(self, known: Category, other: Category) -> Category:
        name = f"{known.supercategory}/{known.name}" if known.supercategory else known.name
        if (known.supercategory, known.name) != (other.supercategory, other.name):
            self._tell(f"category {name!r} is also written {other.name!r} ({other.supercategory!r}): taken for one.")
        for what in ("keypoints", "skeleton"):
            mine, theirs = getattr(known, what), getattr(other, what)
            if mine and theirs and mine != theirs:
                self._tell(f"category {name!r} has different {what} in different documents: the first ones are kept.")
        for field in sorted(known.extra.keys() & other.extra.keys()):
            if known.extra[field] != other.extra[field]:
                self._tell(f"category {name!r} has different values of {field!r}: the first one is kept.")
        return msgspec.structs.replace(
            known,
            keypoints=known.keypoints or other.keypoints,
            skeleton=known.skeleton or other.skeleton,
            extra={**other.extra, **known.extra},
        )

    def _tell(self, conflict: str) -> None:
        self.conflicts.setdefault(conflict)


def named(categories: Iterable[Category], wanted: str) -> list[Category]:
    """Return the categories of a name, or of `supercategory/name`.

    >>> trees = [Category(1, "tree", "plant"), Category(2, "tree", "model")]
    >>> [found.id for found in named(trees, "tree")], [found.id for found in named(trees, "model/tree")]
    ([1, 2], [2])
    """
    key = _plain(wanted)
    return [
        each for each in categories if key in {_plain(each.name), f"{_plain(each.supercategory)}/{_plain(each.name)}"}
    ]


def _are_alike(one: Category, other: Category) -> bool:
    return (one.supercategory, one.name, one.keypoints, one.skeleton, one.extra) == (
        other.supercategory,
        other.name,
        other.keypoints,
        other.skeleton,
        other.extra,
    )


def _plain(text: str) -> str:
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()
