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
    0.0
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
    the unit that is nearest to it by its position, and that no other category needs where it is.
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
    """Moves units into splits that lack a category, the rarest categories first."""

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
        self._counts = {name: Counter[int]() for name in spans}
        for unit, categories in self._units.items():
            self._counts.setdefault(found[unit], Counter()).update(categories)
        self._totals = sum(self._counts.values(), Counter[int]())

    def run(self) -> None:
        enough = [category for category, count in self._totals.items() if count >= len(self._spans)]
        lacking = {category for category in enough if any(not self._counts[name][category] for name in self._spans)}
        if not lacking:
            return
        for category in sorted(lacking, key=lambda each: (self._totals[each], each)):
            candidates = [unit for unit, categories in self._units.items() if category in categories]
            for name in self._spans:
                if not self._counts[name][category]:
                    self._move_one(candidates, category, name)

    def _move_one(self, candidates: list[str], category: int, to: str) -> None:
        start, end = self._spans[to]
        free = [unit for unit in candidates if unit not in self._pinned and self._can_leave(unit, category)]
        if not free:
            return

        def distance(unit: str) -> tuple[float, str]:
            at = self._positions[unit]
            return (max(start - at, at - end, 0.0), unit)

        unit = min(free, key=distance)
        for counts, step in ((self._counts[self._found[unit]], -1), (self._counts[to], 1)):
            for each in self._units[unit]:
                counts[each] += step
        self._found[unit] = to

    def _can_leave(self, unit: str, category: int) -> bool:
        """Tell whether what a unit shows is shown by another where it is, so far as there is enough of it."""
        counts = self._counts[self._found[unit]]
        return counts[category] > 1 and all(
            counts[each] > 1 or self._totals[each] < len(self._spans) for each in self._units[unit]
        )
