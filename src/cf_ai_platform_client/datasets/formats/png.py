"""Masks as PNG files: one channel, of 8 bits with a palette, or of 16 bits."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from ..extras import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint16]

VOID = 255
"""The value that stands for neither an object nor background in VOC's masks of 8 bits."""


def write_png(file: IO[bytes], pixels: Pixels, *, deep: bool) -> None:
    """Write values as they are: deep with 16 bits, else with 8 bits and VOC's palette. The array is height by width."""
    pillow: Any = require("PIL.Image", "masks", "PNG masks")
    picture: Any = pillow.fromarray(pixels if deep else pixels.astype("uint8"))
    if not deep:
        picture.putpalette(palette())
    picture.save(file, format="PNG")


def palette() -> bytes:
    """Return VOC's 256 colours, three bytes each: the bits of a number, dealt to red, green and blue from the highest.

    Formula: VOClabelcolormap of the development kit,
    http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf.

    >>> list(palette()[:6])
    [0, 0, 0, 128, 0, 0]
    """
    return bytes(
        sum((number >> 3 * bit + channel & 1) << 7 - bit for bit in range(8))
        for number in range(256)
        for channel in range(3)
    )
