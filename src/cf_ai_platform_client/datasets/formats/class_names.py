"""Names that tell classes apart in formats that know classes by their names only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..records import Category

NAMELESS = "unnamed"

_TOLD = 5


def class_names(categories: Sequence[Category], clean: Callable[[str], str] = str) -> list[str]:
    """Return a name a category: its own, after its supercategory and at last before its id where two would be equal.

    `clean` takes away what the format cannot hold.

    >>> class_names([Category(1, "tree", "plant"), Category(2, "tree", "model"), Category(3, "car")])
    ['plant/tree', 'model/tree', 'car']
    """
    names = [clean(category.name) or NAMELESS for category in categories]
    longer = [
        f"{clean(category.supercategory)}/{name}" if category.supercategory else name
        for category, name in zip(categories, names, strict=True)
    ]
    names = _where_equal(names, longer)
    return _where_equal(names, [f"{name} {category.id}" for category, name in zip(categories, names, strict=True)])


def changed_names(categories: Sequence[Category], names: Sequence[str]) -> list[str]:
    """Tell which categories are called otherwise, in a sentence each, and of many the first ones."""
    told = [
        f"The class {category.name!r} is written as {name!r}."
        for category, name in zip(categories, names, strict=True)
        if category.name != name
    ]
    more = len(told) - _TOLD
    return [*told[:_TOLD], f"And {more:,} more classes are written otherwise."] if more > 1 else told


def _where_equal(names: Sequence[str], others: Sequence[str]) -> list[str]:
    times = Counter(names)
    return [other if times[name] > 1 else name for name, other in zip(names, others, strict=True)]
