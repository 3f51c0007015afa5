"""Masks as run lengths: COCO's compressed string, and what can be told of a mask without drawing it.

Format: `rleToString` and `rleFrString` of https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c. Each
count but the first three is written as its difference to the count two before; five bits a character, from "0"; the
sixth says that more follow, the highest of the last five is the sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from .records import Box

_NUMBERS = re.compile("[P-o]*[0-O]")
_STRING = re.compile("(?:[P-o]{0,12}[0-O])*")


class _Deltas(dict[str, int]):
    """The value of each group of characters, worked out when it is first seen."""

    def __missing__(self, group: str) -> int:
        number = sum((ord(char) - 48 & 31) << 5 * at for at, char in enumerate(group))
        if ord(group[-1]) - 48 & 16:
            number -= 1 << 5 * len(group)
        if len(group) <= 2:
            self[group] = number
        return number


_DELTAS = _Deltas()


def decode(counts: str) -> list[int]:
    """Return the run lengths of a compressed string. Raises ValueError where it is none.

    >>> decode("02203")
    [0, 2, 2, 2, 5]
    """
    if not _STRING.fullmatch(counts):
        raise ValueError("counts is no compressed string of run lengths.")
    deltas = [_DELTAS[group] for group in _NUMBERS.findall(counts)]
    found = [0] * len(deltas)
    found[:1] = deltas[:1]
    found[1::2] = accumulate(deltas[1::2])
    found[2::2] = accumulate(deltas[2::2])
    return found


def encode(runs: Iterable[int]) -> str:
    """Write run lengths as a compressed string.

    >>> encode([0, 2, 2, 2, 5])
    '02203'
    """
    text: list[str] = []
    before: list[int] = []
    for at, run in enumerate(runs):
        before.append(run)
        number, more = run - before[at - 2] if at > 2 else run, True
        while more:
            five, number = number & 31, number >> 5
            more = number != (-1 if five & 16 else 0)
            text.append(chr((five | 32 if more else five) + 48))
    return "".join(text)


def area(runs: Sequence[int]) -> int:
    """Count the pixels of a mask.

    >>> area([0, 2, 1, 1])
    3
    """
    return sum(runs[1::2])


def bbox(runs: Sequence[int], height: int) -> Box | None:
    """Return the box around a mask's pixels, None where it has none.

    >>> bbox([3, 2, 2, 2, 3], height=4)
    (0, 0, 3, 4)
    """
    left = top = right = bottom = -1
    at = 0
    for is_object, run in enumerate(runs):
        if is_object & 1 and run:
            (first, low), (last, high) = divmod(at, height), divmod(at + run - 1, height)
            low, high = (0, height - 1) if last > first else (low, high)
            left = first if left < 0 else left
            top = low if top < 0 else min(top, low)
            right, bottom = last, max(bottom, high)
        at += run
    return None if left < 0 else (left, top, right - left + 1, bottom - top + 1)


def is_one_piece(runs: Sequence[int], height: int) -> bool:
    """Tell whether the pixels of a mask hang together, corners included.

    >>> is_one_piece([0, 1, 4, 1], height=3), is_one_piece([0, 1, 3, 1], height=3)
    (False, True)
    """
    pieces, column = 0, -2
    last, open_pieces = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    parents: list[int] = []
    for at, until, low, high in _strips(runs, height):
        if at != column:
            last = open_pieces if at == column + 1 else []
            open_pieces = []
        column = until
        touched = {_root(parents, piece) for first, end, piece in last if first <= high + 1 and end >= low - 1}
        piece = min(touched, default=len(parents))
        if not touched:
            parents.append(piece)
            pieces += 1
        pieces -= max(0, len(touched) - 1)
        for other in touched:
            parents[other] = piece
        open_pieces.append((low, high, piece))
    return pieces == 1


def _root(parents: list[int], piece: int) -> int:
    while parents[piece] != piece:
        piece = parents[piece]
    return piece


def _strips(runs: Sequence[int], height: int) -> Iterable[tuple[int, int, int, int]]:
    """Yield the pixels as parts of columns, whole columns together: first and last column, first and last row."""
    at = 0
    for is_object, run in enumerate(runs):
        end = at + run
        while is_object & 1 and at < end:
            column, row = divmod(at, height)
            columns = 1 if row else max(1, (end - at) // height)
            last = min(height - 1, row + end - at - 1)
            yield column, column + columns - 1, row, last
            at += columns * (last - row + 1)
        at = end
