"""Ids of a document: numbers, or text in some; found again in whichever type a reference has."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any, Generic, TypeVar

from .notes import At, Notes, shown
from .numbers import whole
from .records import SourceId

T = TypeVar("T")


def read_id(value: Any) -> SourceId | None:
    """Return an id, of 1.0 as 1; None where it is none.

    >>> read_id(7), read_id("seven"), read_id(2.0), read_id(None)
    (7, 'seven', 2, None)
    """
    if isinstance(value, str):
        return value or None
    return whole(value)


def free_numbers(taken: Iterable[SourceId]) -> Iterable[int]:
    """Yield numbers above all that are taken, from 1 at least."""
    last = max((each for each in taken if isinstance(each, int)), default=0)
    last = max(last, 0)
    while True:
        last += 1
        yield last


def renumbered(ids: Iterable[SourceId], taken: Iterable[int] = ()) -> dict[str, int]:
    """Return a number for each id that is text: its own where it is one that nobody has, else the next free one.

    >>> renumbered([1, "7", "a", "1"])
    {'7': 7, 'a': 8, '1': 9}
    """
    listed = list(ids)
    numbers = {each for each in listed if isinstance(each, int)} | {*taken}
    given: dict[str, int] = {}
    for text in (each for each in listed if isinstance(each, str)):
        own = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        if own > 0 and str(own) == text and own not in numbers:
            given[text] = own
            numbers.add(own)
    free = iter(free_numbers(numbers))
    return {text: given[text] if text in given else next(free) for text in listed if isinstance(text, str)}


class Known(Generic[T]):
    """What a kind of ids stands for: one thing, several (then nobody knows which is meant), or none.

    `references` are all ids that annotations give for it: what stands for nothing must go on doing so.
    """

    def __init__(
        self, what: str, things: dict[SourceId, T], ambiguous: Container[SourceId], references: Iterable[Any]
    ) -> None:
        self._what = what
        self._things = things
        self._ambiguous = ambiguous
        self.numbers: dict[str, int] = {}
        self.aliases: dict[SourceId, SourceId] = {}
        if any(isinstance(identity, str) for identity in things):
            found = ((each, self._id(each)) for each in references)
            lost = (whole(each) for each, identity in found if identity is None or not self._is_one(identity))
            self.numbers = renumbered(things, (each for each in lost if each is not None))

    def is_ambiguous(self, identity: SourceId) -> bool:
        """Tell whether an id stands for several things: then it must go on doing so."""
        return identity in self._ambiguous

    def find(self, reference: Any, at: At, notes: Notes) -> tuple[SourceId, T] | None:
        """Return the id and the thing that a reference means; None, and a note, where it means none."""
        name = f"{self._what}_id"
        found = self._id(reference)
        if found is None:
            notes.leave_out(
                f"unknown_{name}", (*at, name), f"{name} is {shown(reference)}: no {self._what} has that id."
            )
            return None
        if found in self._ambiguous:
            message = f"{name} is {shown(reference)}, which several of the {self._what} entries have."
            notes.leave_out(f"ambiguous_{name}", (*at, name), message)
            return None
        self._repair(found, reference, (*at, name), notes)
        return found, self._things[found]

    def plain(self) -> Iterator[tuple[int, T]]:
        """Yield what numbers stand for where nothing is odd about them."""
        for identity, thing in self._things.items():
            if isinstance(identity, int) and identity not in self._ambiguous and identity not in self.aliases:
                yield identity, thing

    def _is_one(self, identity: SourceId) -> bool:
        return identity in self._things and not self.is_ambiguous(identity)

    def _id(self, reference: Any) -> SourceId | None:
        found = read_id(reference)
        if found in self._things or found is None:
            return found
        other = whole(found) if isinstance(found, str) else str(found)
        return other if other in self._things else None

    def _repair(self, found: SourceId, reference: Any, at: At, notes: Notes) -> None:
        stands = self.aliases.get(found, found)
        wanted = self.numbers[stands] if isinstance(stands, str) else stands
        if type(reference) is not type(found):
            message = f"{at[-1]} is {shown(reference)}, the id that is meant is {shown(found)}."
            notes.mend("number_type", at, message, (at, wanted))
        elif wanted != reference:
            notes.repair("string_id" if isinstance(stands, str) else "same_category_name", at, wanted)
