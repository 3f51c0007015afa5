"""What only several documents together have wrong: items twice, names that meet, categories that contradict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from .notes import Notes, shown
from .reading import Reading
from .records import Category
from .shared_images import SharedImages


class AcrossDocuments:
    """Looks at one document after the other; remembers a number for each image name, and the categories."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}
        self._names: set[int] = set()
        self._files = SharedImages()
        self._exact: set[int] = set()
        self._categories: dict[tuple[str, str], tuple[Category, str]] = {}
        self._supercategories: dict[str, tuple[str, str]] = {}

    def check(self, item_ids: Iterable[str], found: Reading, paths: Sequence[str | None], notes: Notes) -> None:
        """Note what a document, of some work items, has in common with earlier ones that it should not.

        `paths` are those of its images on the disk.
        """
        for item_id in item_ids:
            first = self._items.setdefault(item_id, notes.document)
            if first != notes.document:
                notes.tell("duplicate_item_id", (), f"{first} is of the work item {shown(item_id)} too.")
        self._check_names(found, notes)
        for other, count in self._files.see(notes.document, paths).items():
            what = f"{count:,} of its images are files that {other} lists too: they count once for each document."
            notes.tell("image_in_other_document", ("images",), what)
        for at, category in enumerate(found.categories.values()):
            self._check_category(category, at, notes)

    def _check_names(self, found: Reading, notes: Notes) -> None:
        seen = [
            (at, image.file_name, _key(image.file_name))
            for at, image in zip(found.image_places, found.images, strict=True)
        ]
        for at, name, key in seen:
            if name and key in self._names:
                is_same = hash(name) in self._exact
                how = "is named {} too" if is_same else "has a name that differs from {} by case or extension alone"
                what = f"An image of another document {how.format(shown(name))}."
                notes.tell("file_name_elsewhere", ("images", at, "file_name"), what)
        self._names.update(key for _, _, key in seen)
        self._exact.update(hash(name) for _, name, _ in seen)

    def _check_category(self, category: Category, at: int, notes: Notes) -> None:
        here = ("categories", at)
        key = (category.supercategory, category.name)
        first, where = self._categories.setdefault(key, (category, notes.document))
        if where != notes.document and (first.keypoints, first.skeleton) != (category.keypoints, category.skeleton):
            what = f"The category {shown(category.name)} has other keypoints or another skeleton in {where}."
            notes.tell("category_conflict", here, what)
        other, where = self._supercategories.setdefault(category.name, (category.supercategory, notes.document))
        if where != notes.document and other != category.supercategory:
            both = f"{shown(category.supercategory)}, in {where} of {shown(other)}"
            what = f"The category {shown(category.name)} is of the supercategory {both}."
            notes.tell("same_name_other_supercategory", here, what)


def _key(file_name: str) -> int:
    path = PurePosixPath(file_name.replace("\\", "/").casefold())
    return hash(path.with_suffix("") if path.name else path)
