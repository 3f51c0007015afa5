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


class Units:
    """One pass over a dataset; `report` tells what came in and was left out. Takes some hundred bytes an image."""

    def __init__(self, dataset: Dataset, unit_of: Callable[[Sample], str]) -> None:
        self.report = Report()
        self._units: dict[str, _Unit] = {}
        self._numbers: dict[CategoryKey, int] = {}
        for item in dataset.items(self.report):
            for category in item.categories:
                self._number((category.supercategory, category.name))
            for sample in item.samples:
                self._add(self._units.setdefault(unit_of(sample), _Unit()), sample)
        self.report.all_the_rest_went_out()

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
            images, annotations = unit.of.get(number, (0, 0))
            unit.of[number] = (images + 1, annotations + count)

    def categories(self) -> dict[str, list[int]]:
        """Return the categories of each unit by their rank among all names, whatever the order of the documents."""
        ranks = {self._numbers[key]: rank for rank, key in enumerate(sorted(self._numbers))}
        return {name: [ranks[number] for number in unit.of] for name, unit in self._units.items()}

    def by_image(self, by_unit: Mapping[str, str]) -> dict[str, str]:
        """Return the split of each image by its key."""
        return {key: by_unit[name] for name, unit in self._units.items() for key in unit.keys}

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
