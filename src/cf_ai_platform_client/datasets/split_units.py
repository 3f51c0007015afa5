"""What is never cut by a split, an image, a batch or a group, and what each has of each category."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .records import Sample
from .report import Report

if TYPE_CHECKING:
    from .dataset import Dataset

CategoryKey = tuple[str, str]
"""Supercategory and name."""


@dataclass(frozen=True)
class SplitCounts:
    """How many images and annotations of a category, or of all (None), each split has, by the split's name."""

    category: CategoryKey | None
    images: dict[str, int]
    annotations: dict[str, int]

    def add(self, split: str, images: int, annotations: int) -> None:
        """Count some more."""
        self.images[split] += images
        self.annotations[split] += annotations


@dataclass
class _Unit:
    """Its images by their keys, and how many images and annotations of each category, by its number, it has."""

    keys: list[str] = field(default_factory=list[str])
    annotations: int = 0
    of: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    def count(self, number: int, images: int, annotations: int) -> None:
        """Count some more of a category."""
        before = self.of.get(number, (0, 0))
        self.of[number] = (before[0] + images, before[1] + annotations)

    def take_in(self, other: _Unit) -> None:
        """Add what another has."""
        self.keys += other.keys
        self.annotations += other.annotations
        for number, counts in other.of.items():
            self.count(number, *counts)


class Least:
    """The least of all names that were joined, directly or by way of others."""

    def __init__(self) -> None:
        self._lesser: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the least name that is joined to this one."""
        while (lesser := self._lesser.get(name)) is not None:
            self._lesser[name] = name = self._lesser.get(lesser, lesser)
        return name

    def join(self, one: str, other: str) -> None:
        """Join two names."""
        least, more = sorted((self.of(one), self.of(other)))
        if least != more:
            self._lesser[more] = least


class Units:
    """One pass over a dataset; `report` tells what came in and was left out. Takes some hundred bytes an image.

    `unit_of` names the unit of an image, None takes each image by its key. Units that hold copies of one image, which
    have one key, are one under the least of their names.
    """

    def __init__(self, dataset: Dataset, unit_of: Callable[[Sample], str] | None = None) -> None:
        self.report = Report()
        self._units: dict[str, _Unit] = {}
        self._numbers: dict[CategoryKey, int] = {}
        for item in dataset.items(self.report):
            for category in item.categories:
                self._number((category.supercategory, category.name))
            for sample in item.samples:
                name = sample.key if unit_of is None else unit_of(sample)
                self._add(self._units.setdefault(name, _Unit()), sample)
        self.report.all_the_rest_went_out()
        if unit_of is not None:
            self._join_copies()

    def _join_copies(self) -> None:
        first: dict[str, str] = {}
        least = Least()
        for name, unit in self._units.items():
            for key in unit.keys:
                if (other := first.setdefault(key, name)) != name:
                    least.join(other, name)
        for name in [name for name in self._units if least.of(name) != name]:
            self._units[least.of(name)].take_in(self._units.pop(name))

    def _number(self, key: CategoryKey) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _add(self, unit: _Unit, sample: Sample) -> None:
        unit.keys.append(sample.key)
        unit.annotations += len(sample.annotations)
        here: dict[int, int] = {}
        for annotation in sample.annotations:
            number = self._number((annotation.category.supercategory, annotation.category.name))
            here[number] = here.get(number, 0) + 1
        for number, count in here.items():
            unit.count(number, 1, count)

    def categories(self) -> dict[str, list[int]]:
        """Return the categories of each unit by their rank among all names, whatever the order of the documents."""
        ranks = {self._numbers[key]: rank for rank, key in enumerate(sorted(self._numbers))}
        return {name: [ranks[number] for number in unit.of] for name, unit in self._units.items()}

    def by_image(self, by_unit: Mapping[str, str]) -> dict[str, str]:
        """Return the split of each image by its key."""
        return {key: by_unit[name] for name, unit in self._units.items() for key in unit.keys}

    def known(self, by_image: Mapping[str, str]) -> int:
        """Count the images, each once, that are among these."""
        return len({key for unit in self._units.values() for key in unit.keys if key in by_image})

    def pinned(self, by_image: Mapping[str, str]) -> dict[str, str]:
        """Return the units of which a split is known. Raises ValueError where that would cut one."""
        found: dict[str, str] = {}
        for name, unit in self._units.items() if by_image else ():
            known = {by_image[key] for key in unit.keys if key in by_image}
            if len(known) > 1:
                said = " and ".join(sorted(known))
                raise ValueError(f"previous cuts {name!r} into {said}: split by what it was split by.")
            found.update(dict.fromkeys([name], *known) if known else {})
        return found

    def table(self, by_unit: Mapping[str, str], splits: tuple[str, ...]) -> tuple[SplitCounts, ...]:
        """Count by split: all of it first, then each category in the order of the documents."""
        whole, *rows = (
            SplitCounts(key, dict.fromkeys(splits, 0), dict.fromkeys(splits, 0)) for key in (None, *self._numbers)
        )
        for name, unit in self._units.items():
            whole.add(by_unit[name], len(unit.keys), unit.annotations)
            for number, counts in unit.of.items():
                rows[number].add(by_unit[name], *counts)
        return (whole, *rows)
