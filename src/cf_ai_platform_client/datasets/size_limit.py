"""Which images are drawn: a size is a number in a document, and a wrong one would take all memory."""

from __future__ import annotations

MOST_PIXELS = 1 << 30
"""32,768 × 32,768: 2 GiB with 16 bits a pixel, and places of pixels stay below the 32 bits that tools count with."""

MOST_ACROSS = 1 << 20
"""The longest side: outlines take some hundred bytes a column, and pycocotools counts fifths of pixels in 32 bits."""


def is_too_large(width: int, height: int) -> bool:
    """Tell whether an image is larger than what is drawn.

    >>> is_too_large(32_768, 32_768), is_too_large(100_000, 100_000), is_too_large(2**21, 1)
    (False, True, True)
    """
    return width * height > MOST_PIXELS or max(width, height) > MOST_ACROSS


def too_large(width: int, height: int) -> str:
    """Return the size and the limit that it is above, for people."""
    limit = f"{MOST_PIXELS:,} pixels" if width * height > MOST_PIXELS else f"{MOST_ACROSS:,} pixels a side"
    return f"{width:,} x {height:,}, above the limit of {limit}"
