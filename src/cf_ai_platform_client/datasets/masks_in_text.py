"""Counts of a mask as text: COCO's string, or bytes that Python wrote as text."""

from __future__ import annotations

import ast

from . import rle


def counts_of_text(text: str, pixels: int) -> tuple[list[int] | None, str]:
    """Return the runs, None where there are none, and "bytes_counts" where it was bytes.

    `b'…'` is taken for bytes only if its inside is a mask of so many pixels, and the text as it stands is none.

    >>> counts_of_text("b'02203'", 11)
    ([0, 2, 2, 2, 5], 'bytes_counts')
    """
    runs = _decoded(text)
    if (runs is None or sum(runs) != pixels) and text[:2] in ("b'", 'b"') and text[-1:] == text[1]:
        inside = _decoded(_inside(text))
        if inside is not None and sum(inside) == pixels:
            return inside, "bytes_counts"
    return runs, ""


def _inside(text: str) -> str:
    try:
        found: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return found.decode("ascii", "replace") if isinstance(found, bytes) else ""


def _decoded(text: str) -> list[int] | None:
    try:
        return rle.decode(text)
    except ValueError:
        return None
