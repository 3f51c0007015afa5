"""Which samples and annotations of a dataset a view shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from .categories import named
from .records import Annotation, Category, Item, Sample

_SHOWN = 10

BatchName: TypeAlias = "tuple[str, int | None]"


@dataclass(frozen=True)
class Selection:
    """What is shown; None stands for all. `batches` are names and ids as text, `categories` the dataset's ids."""

    batches: frozenset[str] | None = None
    item_ids: frozenset[str] | None = None
    categories: frozenset[int] | None = None
    min_area: float | None = None
    max_area: float | None = None
    crowds: bool = True
    keep_empty: bool = True
    where: Callable[[Sample], bool] | None = None

    def takes(self, work_item_id: str, batch: str, batch_id: int | None) -> bool:
        """Tell whether a work item is shown, as far as its name and batch tell."""
        if self.item_ids is not None and work_item_id not in self.item_ids:
            return False
        return self.batches is None or batch in self.batches or str(batch_id) in self.batches

    def of_item(self, item: Item) -> Item | None:
        """Return what is shown of an item, None where nothing of it is."""
        if not self.takes(item.work_item_id, item.batch, item.batch_id):
            return None
        found = tuple(shown for sample in item.samples if (shown := self.of_sample(sample)) is not None)
        if not found and (item.samples or not self.keep_empty or self.where is not None):
            return None
        is_same = len(found) == len(item.samples) and all(map(_is, found, item.samples))
        return item if is_same else msgspec.structs.replace(item, samples=found)

    def of_sample(self, sample: Sample) -> Sample | None:
        """Return what is shown of an image, None where it is not."""
        if self._looks_at_annotations:
            kept = tuple(filter(self._shows, sample.annotations))
            if len(kept) < len(sample.annotations):
                sample = msgspec.structs.replace(sample, annotations=kept)
        if not self.keep_empty and not sample.annotations:
            return None
        return sample if self.where is None or self.where(sample) else None

    @property
    def _looks_at_annotations(self) -> bool:
        return not (self.categories is None and self.min_area is None and self.max_area is None and self.crowds)

    def _shows(self, annotation: Annotation) -> bool:
        return (
            (self.categories is None or annotation.category.id in self.categories)
            and (self.min_area is None or annotation.area >= self.min_area)
            and (self.max_area is None or annotation.area <= self.max_area)
            and (self.crowds or not annotation.iscrowd)
        )


def select(
    known_batches: Iterable[BatchName],
    known_categories: Iterable[Category],
    unknown_items: Callable[[frozenset[str]], Iterable[str]],
    *,
    batches: Iterable[str | int] | None,
    categories: Iterable[str | int | Category] | None,
    item_ids: Iterable[str] | None,
    min_area: float | None,
    max_area: float | None,
    crowds: bool,
    keep_empty: bool,
    where: Callable[[Sample], bool] | None,
) -> Selection:
    """Check filters against what is in a dataset; `unknown_items` tells which ids are not. Raises ValueError."""
    check_areas(min_area, max_area)
    if where is not None and not callable(where):
        raise ValueError(f"where is {where!r}: it must be a function that takes a sample.")
    return Selection(
        None if batches is None else _chosen_batches(batches, [*known_batches]),
        None if item_ids is None else _chosen_items(item_ids, unknown_items),
        None if categories is None else _chosen_categories(categories, [*known_categories]),
        min_area,
        max_area,
        crowds,
        keep_empty,
        where,
    )


def check_areas(low: float | None, high: float | None) -> None:
    """Check bounds of areas, in square pixels. Raises ValueError.

    >>> check_areas(10, 5)
    Traceback (most recent call last):
    ValueError: min_area is 10, which is more than max_area, 5: swap the two.
    """
    for name, value in (("min_area", low), ("max_area", high)):
        if value is not None and (not _is_number(value) or not 0 <= value < math.inf):
            raise ValueError(f"{name} is {value!r}: it must be a number of square pixels, 0 or more.")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min_area is {low!r}, which is more than max_area, {high!r}: swap the two.")


def _chosen_batches(wanted: Iterable[str | int], known: list[BatchName]) -> frozenset[str]:
    names = {name for name, _ in known} | {str(number) for _, number in known if number is not None}
    chosen = {str(each) for each in _listed("batches", wanted)}
    for lost in sorted(chosen - names):
        raise _unknown("batches", lost, [name for name, _ in known])
    return frozenset(chosen)


def _chosen_items(wanted: Iterable[str], unknown: Callable[[frozenset[str]], Iterable[str]]) -> frozenset[str]:
    chosen = frozenset(str(each) for each in _listed("item_ids", wanted))
    lost = sorted(unknown(chosen))
    if lost:
        shown = ", ".join(map(repr, lost[:_SHOWN])) + (" and others" if len(lost) > _SHOWN else "")
        raise ValueError(f"item_ids holds {shown}, which {'is' if len(lost) == 1 else 'are'} not in the dataset.")
    return chosen


def _chosen_categories(wanted: Iterable[str | int | Category], known: list[Category]) -> frozenset[int]:
    numbers = {category.id for category in known}
    chosen: set[int] = set()
    for each in _listed("categories", wanted):
        found = [category.id for category in named(known, each)] if isinstance(each, str) else [_number(each)]
        if not found or not numbers.issuperset(found):
            shown = each.name if isinstance(each, Category) else each
            raise _unknown("categories", shown, [category.name for category in known])
        chosen.update(found)
    return frozenset(chosen)


def _listed(name: str, values: Iterable[object]) -> list[object]:
    if isinstance(values, str | bytes):
        raise ValueError(f"{name} is {values!r}: it must be a list.")
    try:
        return [*values]
    except TypeError:
        raise ValueError(f"{name} is {values!r}: it must be a list.") from None


def _number(value: object) -> int:
    if isinstance(value, Category):
        return value.id
    return value if isinstance(value, int) else 0


def _unknown(name: str, lost: object, known: list[str]) -> ValueError:
    there = ", ".join(map(repr, dict.fromkeys(known[:_SHOWN]))) or "none"
    more = " and others" if len(known) > _SHOWN else ""
    return ValueError(f"{name} holds {lost!r}, which is not in the dataset: there are {there}{more}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is(one: object, other: object) -> bool:
    return one is other
