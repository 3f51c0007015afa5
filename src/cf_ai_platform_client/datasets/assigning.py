"""Which unit (an image, a batch, a group) goes into which split: by the hash of its name, so that it stays there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

SplitName = Literal["train", "val", "test"]


def check_whole_number(name: str, value: object) -> None:
    """Raise ValueError where that is no whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}, but must be a whole number.")


@dataclass(frozen=True)
class Shares:
    """The parts of a dataset that are for training, validation and test, together 1."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        for name in get_args(SplitName):
            share: object = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{name} is {share!r}, but must be a share from 0 (no such split) to 1.")
        whole = self.train + self.val + self.test
        if abs(whole - 1) > 1e-6:
            said = f"{self.train:g}, {self.val:g} and {self.test:g}, {whole:g} together"
            raise ValueError(f"train, val and test are {said}, but must be 1 together.")

    @property
    def spans(self) -> dict[str, tuple[float, float]]:
        """From where to where each split goes between 0 and 1; those with a share of 0 are none."""
        found, start = dict[str, tuple[float, float]](), 0.0
        for name, share in (("train", self.train), ("val", self.val), ("test", self.test)):
            if share:
                found[name] = (start, start + share)
                start += share
        last = next(reversed(found))
        return found | {last: (found[last][0], 1.0)}


def position(seed: int, unit: str) -> float:
    """Place a unit between 0 and 1, on every machine at the same place.

    >>> round(position(0, "0520a8e8/plot.jpg"), 4)
    0.9691
    """
    digest = hashlib.sha256(f"{seed}\n{unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)


def assign(
    units: Mapping[str, Iterable[int]],
    shares: Shares,
    seed: int,
    *,
    pinned: Mapping[str, str],
    stratify: bool,
) -> dict[str, str]:
    """Give each unit a split; `units` has the categories of each, as numbers, `pinned` those whose split is known.

    With `stratify`, a category that a split lacks, and of which there are as many units as splits, moves there with
    the unit that is nearest to it by its position, and that no other category needs where it is. One of fewer units
    moves to the first split alone: what is not trained on is not learnt.
    """
    spans = shares.spans
    positions = {unit: position(seed, unit) for unit in units}
    found = {
        unit: pinned.get(unit) or next(name for name, (_, end) in spans.items() if at < end)
        for unit, at in positions.items()
    }
    if stratify:
        _Stratifying(units, found, positions, spans, frozenset(pinned)).run()
    return found


class _Stratifying:
    """Moves units into splits that lack a category: those of too few units first, then the rarest first."""

    def __init__(
        self,
        units: Mapping[str, Iterable[int]],
        found: dict[str, str],
        positions: Mapping[str, float],
        spans: Mapping[str, tuple[float, float]],
        pinned: frozenset[str],
    ) -> None:
        self._units = {unit: frozenset(categories) for unit, categories in units.items()}
        self._found = found
        self._positions = positions
        self._spans = spans
        self._pinned = pinned
        self._first = next(iter(spans))
        self._counts = {name: Counter[int]() for name in spans}
        for unit, categories in self._units.items():
            self._counts.setdefault(found[unit], Counter()).update(categories)
        self._totals = sum(self._counts.values(), Counter[int]())

    def run(self) -> None:
        for category, units in self._lacking((self._first,), are_rare=True):
            if not self._counts[self._first][category]:
                self._move_one(units, self._first)
        for category, units in self._lacking(tuple(self._spans), are_rare=False):
            for name in self._spans:
                if not self._counts[name][category]:
                    self._move_one([unit for unit in units if self._can_leave(unit, category)], name)

    def _is_rare(self, category: int) -> bool:
        return self._totals[category] < len(self._spans)

    def _lacking(self, splits: tuple[str, ...], *, are_rare: bool) -> list[tuple[int, list[str]]]:
        """Return the categories that one of the splits lacks, the rarest first, with their units that may be moved."""
        found: dict[int, list[str]] = {
            category: []
            for category in sorted(self._totals, key=lambda each: (self._totals[each], each))
            if self._is_rare(category) is are_rare and not all(self._counts[name][category] for name in splits)
        }
        for unit, categories in self._units.items() if found else ():
            for category in categories & found.keys() if unit not in self._pinned else ():
                found[category].append(unit)
        return list(found.items())

    def _move_one(self, units: list[str], to: str) -> None:
        if not units:
            return
        start, end = self._spans[to]

        def distance(unit: str) -> tuple[bool, float, str]:
            at = self._positions[unit]
            return (not self._is_spare(unit), max(start - at, at - end, 0.0), unit)

        unit = min(units, key=distance)
        for counts, step in ((self._counts[self._found[unit]], -1), (self._counts[to], 1)):
            for each in self._units[unit]:
                counts[each] += step
        self._found[unit] = to

    def _can_leave(self, unit: str, category: int) -> bool:
        return self._counts[self._found[unit]][category] > 1 and self._is_spare(unit)

    def _is_spare(self, unit: str) -> bool:
        """Tell whether what a unit shows is shown by another where it is, so far as it is needed there."""
        split = self._found[unit]
        return all(
            self._counts[split][each] > 1 or (self._is_rare(each) and split != self._first)
            for each in self._units[unit]
        )
