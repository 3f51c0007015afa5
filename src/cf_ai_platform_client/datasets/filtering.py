"""Which samples and annotations of a dataset a view shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass

import msgspec

from .categories import named
from .records import Annotation, Category, Item, Sample

BatchName = tuple[str, "int | None"]


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


def chosen_batches(wanted: Iterable[str | int] | None, known: Iterable[BatchName]) -> frozenset[str] | None:
    """Check batches, each a name or an id. Raises ValueError for one that is not there."""
    if wanted is None:
        return None
    found = [*known]
    names = {name for name, _ in found} | {str(number) for _, number in found if number is not None}
    chosen = {str(each) for each in _listed("batches", wanted)}
    _refuse_unknown("batches", chosen, names, [name for name, _ in found])
    return frozenset(chosen)


def chosen_categories(
    wanted: Iterable[str | int | Category] | None, known: Iterable[Category]
) -> frozenset[int] | None:
    """Check categories, each the dataset's, its id, its name or `supercategory/name`. Raises ValueError."""
    if wanted is None:
        return None
    table = {each.id: each for each in known}
    chosen: set[int] = set()
    for each in _listed("categories", wanted):
        numbers = [category.id for category in named(table.values(), each)] if isinstance(each, str) else [_id(each)]
        if not numbers or not table.keys() >= {*numbers}:
            shown = each.name if isinstance(each, Category) else each
            _refuse_unknown("categories", {shown}, set[object](), [category.name for category in table.values()])
        chosen.update(numbers)
    return frozenset(chosen)


def chosen_items(wanted: Iterable[object] | None) -> frozenset[str] | None:
    """Check work item ids. One that is not there is no error: it may be in another part of the project."""
    return None if wanted is None else frozenset(str(each) for each in _listed("item_ids", wanted))


def check_areas(low: float | None, high: float | None) -> None:
    """Check bounds of areas, in square pixels. Raises ValueError."""
    for name, value in (("min_area", low), ("max_area", high)):
        if value is not None and (isinstance(value, bool) or not math.isfinite(value) or value < 0):
            raise ValueError(f"{name} is {value!r}: it must be a number of square pixels, 0 or more.")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min_area is {low!r}, which is more than max_area, {high!r}: swap the two.")


def _listed(name: str, values: Iterable[object]) -> list[object]:
    if isinstance(values, str | bytes):
        raise ValueError(f"{name} is {values!r}: it must be a list.")
    try:
        return [*values]
    except TypeError:
        raise ValueError(f"{name} is {values!r}: it must be a list.") from None


def _id(value: object) -> int:
    return value.id if isinstance(value, Category) else value if isinstance(value, int) else 0


def _refuse_unknown(name: str, wanted: Set[object], known: Set[object], shown: list[str]) -> None:
    lost = sorted(map(str, wanted - known))
    if lost:
        there = ", ".join(dict.fromkeys(shown[:10])) or "none"
        more = " and others" if len(shown) > 10 else ""
        raise ValueError(f"{name} holds {lost[0]!r}, which is not in the dataset: there are {there}{more}.")


def _is(one: object, other: object) -> bool:
    return one is other
