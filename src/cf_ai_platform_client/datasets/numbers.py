"""Numbers as documents have them: finite, no truth values, perhaps as text."""

from __future__ import annotations

import math
import re
from typing import Any, TypeAlias, cast

from .json_types import is_list

Number: TypeAlias = "int | float"

FAR = 1 << 53
"""What no coordinate goes beyond: whole numbers are exact up to there, and areas stay finite."""

_PLAIN = frozenset({int, float})
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")


def number(value: Any) -> Number | None:
    """Return a finite number, also of text that is one; None for anything else.

    >>> number(3), number("3.5"), number(True), number(float("nan"))
    (3, 3.5, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _of_text(value.strip())
    if isinstance(value, int):
        return value if value.bit_length() <= 1000 else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """Return a whole number, also of `3.0` and `"3"`; None for anything else."""
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def numbers(values: Any) -> tuple[Number, ...] | None:
    """Return a list of coordinates as a tuple, None where it is something else, or one is beyond `FAR`.

    >>> numbers([1, "2.5"]), numbers([1, 1e200])
    ((1, 2.5), None)
    """
    if not is_list(values):
        return None
    found = tuple(values) if are_plain(values) else tuple(map(number, values))
    return cast("tuple[Number, ...]", found) if None not in found and _are_near(found) else None


def are_plain(values: list[Any]) -> bool:
    """Tell whether all are numbers as JSON has them, not text."""
    return _PLAIN.issuperset(map(type, values))


def _are_near(values: tuple[Any, ...]) -> bool:
    return not values or (-FAR <= min(values) <= max(values) <= FAR and math.isfinite(sum(values)))


def is_plain(value: Any) -> bool:
    """Tell whether it is a number as JSON has it, not text."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_text(text: str) -> Number | None:
    if _INTEGER.match(text):
        return int(text)
    return float(text) if len(text) < 400 and _DECIMAL.match(text) else None
