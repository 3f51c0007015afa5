"""The categories of a document, whatever is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from .document_ids import Known, read_id
from .json_types import is_list
from .notes import ABSENT, REMOVED, At, Notes, shown
from .numbers import whole
from .records import Category, SourceId

_MEMBERS = frozenset({"id", "name", "supercategory", "keypoints", "skeleton"})


class Categories:
    """Reads one category after the other; those of one name and supercategory become one."""

    def __init__(self, notes: Notes, ambiguous: set[SourceId]) -> None:
        self._notes = notes
        self._ambiguous = ambiguous
        self._first: dict[SourceId, tuple[int, dict[str, Any]]] = {}
        self._by_name: dict[tuple[str, str], tuple[SourceId, Category]] = {}
        self._supercategories: dict[str, str] = {}
        self._removed: set[int] = set()
        self._same_ids: Counter[SourceId] = Counter()
        self.all: dict[SourceId, Category] = {}
        self.aliases: dict[SourceId, SourceId] = {}

    def read(self, at: int, entry: dict[str, Any]) -> None:
        """Take one entry in."""
        here: At = ("categories", at)
        identity = read_id(entry.get("id"))
        if identity is None:
            what = f"A category's id is {shown(entry.get('id', ABSENT))}: it is left out, and so is what has it."
            self._notes.tell("missing_category_id", (*here, "id"), what)
            return
        if type(entry["id"]) is float:
            self._notes.mend(
                "number_type", (*here, "id"), f"A category's id is {entry['id']}.", ((*here, "id"), identity)
            )
        if identity == 0:
            self._notes.tell("zero_category_id", (*here, "id"), "A category has the id 0.")
        first_at, first = self._first.setdefault(identity, (at, entry))
        if first_at != at and entry == first:
            what = f"The category {shown(entry['id'])} is listed a second time."
            self._notes.mend("same_category_again", here, what, (here, REMOVED))
            self._removed.add(at)
            return
        category = self._read(len(self._by_name) + 1, entry, here)
        self._keep(identity, category, at, is_second=first_at != at)

    def known(self, references: Iterable[Any]) -> Known[Category]:
        """Return what references stand for, when all were read."""
        things = {identity: category for identity, category in self.all.items() if identity in self._first}
        known = Known("category", things, self._ambiguous, references)
        known.aliases.update(self.aliases)
        for identity, (at, entry) in self._first.items():
            here: At = ("categories", at)
            if isinstance(identity, str) and identity in self._ambiguous:
                what = f"A category's id is the text {shown(identity)}, which several categories have: it stays."
                self._notes.tell("string_id", (*here, "id"), what)
            elif isinstance(identity, str):
                changes: list[tuple[At, Any]] = [((*here, "id"), known.numbers[identity])]
                changes += [] if "source_id" in entry else [((*here, "source_id"), identity)]
                changes = [] if at in self._removed else changes
                what = f"A category's id is the text {shown(identity)}."
                self._notes.mend("string_id", (*here, "id"), what, *changes)
        return known

    def _keep(self, identity: SourceId, category: Category, at: int, *, is_second: bool) -> None:
        here: At = ("categories", at)
        if is_second:
            what = f"Two categories have the id {shown(identity)}: nobody knows which one the annotations mean."
            self._notes.tell("duplicate_category_id", (*here, "id"), what)
            identity = self._other_id(identity)
        key = (category.supercategory, category.name)
        first = self._by_name.get(key)
        if first is None:
            self._note_supercategory(category, here)
            self._by_name[key] = identity, category
        elif (first[1].keypoints, first[1].skeleton) != (category.keypoints, category.skeleton):
            what = f"Another category {shown(category.name)} has other keypoints or another skeleton."
            self._notes.tell("category_conflict", here, what)
        else:
            self._join(identity, first[0], category, here)
            category = first[1]
        self.all[identity] = category

    def _join(self, identity: SourceId, first: SourceId, category: Category, here: At) -> None:
        what = f"The categories {shown(first)} and {shown(identity)} have one name, {shown(category.name)}."
        if not self._ambiguous.isdisjoint((first, identity)) or not category.name:
            self._notes.tell("same_category_name", here, what, effect="kept")
            return
        self._notes.mend("same_category_name", here, what, (here, REMOVED))
        self._removed.add(cast("int", here[1]))
        self.aliases[identity] = first

    def _note_supercategory(self, category: Category, here: At) -> None:
        other = self._supercategories.setdefault(category.name, category.supercategory)
        if other != category.supercategory and category.name:
            both = f"{shown(other)} and {shown(category.supercategory)}"
            what = f"Categories of the name {shown(category.name)} are of the supercategories {both}."
            self._notes.tell("same_name_other_supercategory", here, what)

    def _other_id(self, identity: SourceId) -> SourceId:
        while (other := f"{identity}#{self._same_ids[identity] + 2}") in self.all:
            self._same_ids[identity] += 1
        return other

    def _read(self, number: int, entry: dict[str, Any], here: At) -> Category:
        name = self._read_name(entry.get("name", ABSENT), (*here, "name"))
        supercategory = entry.get("supercategory")
        if supercategory is not None and not isinstance(supercategory, str):
            what = f"supercategory is {shown(supercategory)}, but must be text."
            self._notes.tell("bad_category", (*here, "supercategory"), what)
        extra = {key: value for key, value in entry.items() if key not in _MEMBERS}
        return Category(
            number,
            name,
            supercategory if isinstance(supercategory, str) else "",
            self._read_keypoints(entry.get("keypoints"), (*here, "keypoints")),
            self._read_skeleton(entry.get("skeleton"), (*here, "skeleton")),
            extra,
        )

    def _read_name(self, name: Any, at: At) -> str:
        if isinstance(name, str) and name.strip():
            return name
        if isinstance(name, int | float) and not isinstance(name, bool):
            text = str(name)
            self._notes.mend("category_name_not_text", at, f"A category's name is {shown(name)}.", (at, text))
            return text
        self._notes.tell("empty_category_name", at, f"A category's name is {shown(name)}.")
        return ""

    def _read_keypoints(self, names: Any, at: At) -> tuple[str, ...]:
        listed = names if is_list(names) else []
        if (names is not None and not is_list(names)) or not all(isinstance(name, str) for name in listed):
            self._notes.tell("bad_category", at, f"keypoints is {shown(names)}, but must be a list of names.")
        return tuple(name if isinstance(name, str) else str(number) for number, name in enumerate(listed, 1))

    def _read_skeleton(self, edges: Any, at: At) -> tuple[tuple[int, int], ...]:
        listed = edges if is_list(edges) else []
        found = [tuple(map(whole, edge)) if is_list(edge) else () for edge in listed]
        good = [edge for edge in found if len(edge) == 2 and None not in edge]
        if (edges is not None and not is_list(edges)) or len(good) < len(listed):
            self._notes.tell("bad_category", at, f"skeleton is {shown(edges)}, but must be a list of pairs.")
        return tuple(cast("list[tuple[int, int]]", good))


def read_categories(
    entries: Iterable[tuple[int, dict[str, Any]]], references: Iterable[Any], notes: Notes
) -> tuple[Categories, Known[Category]]:
    """Return the categories, and what the references to them stand for."""
    listed = list(entries)
    categories = Categories(notes, _ambiguous(listed))
    for at, entry in listed:
        categories.read(at, entry)
    return categories, categories.known(references)


def _ambiguous(entries: list[tuple[int, dict[str, Any]]]) -> set[SourceId]:
    first: dict[SourceId, dict[str, Any]] = {}
    found: set[SourceId] = set()
    for _, entry in entries:
        identity = read_id(entry.get("id"))
        if identity is not None and first.setdefault(identity, entry) != entry:
            found.add(identity)
    return found
