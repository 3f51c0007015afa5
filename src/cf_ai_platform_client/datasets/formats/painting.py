"""Objects painted into one array an image, small ones over large ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import rasters, rle
from ..extras import require
from ..records import Annotation
from .reasons import NO_MASK, NO_PIXEL, OTHER_SIZE, LeftOut
from .walking import Size

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint16]
    Selection = npt.NDArray[np.bool_] | npt.NDArray[np.int32]

_DENSE = 8
"""Of so many pixels at least one is the object's, where flags are shorter and faster than places."""


class Shape(NamedTuple):
    """An object's pixels in an image read column by column: how many come before the first, and how many there are.

    `runs` are the lengths from there on, of pixels that are the object's and that are not in turn.
    """

    annotation: Annotation
    start: int
    runs: list[int]
    pixels: int


class Painted(NamedTuple):
    """An object in the picture, and how many of its pixels have its value; the others are covered by other objects."""

    annotation: Annotation
    value: int
    pixels: int
    visible: int


def shape_of(annotation: Annotation, size: Size) -> Shape | LeftOut:
    """Return an object's pixels in an image of a size."""
    if annotation.segmentation is None:
        return NO_MASK
    mask = rasters.encoded_mask(annotation, size[1], size[0])
    if mask is None:
        return OTHER_SIZE
    start, *runs = rle.decode(mask.counts)
    pixels = sum(runs[::2])
    return Shape(annotation, start, runs, pixels) if pixels else NO_PIXEL


def in_order(shapes: Sequence[Shape]) -> list[Shape]:
    """Return objects from the topmost down: the smaller first, of equal ones the later."""
    return sorted(shapes, key=lambda shape: shape.pixels, reverse=True)[::-1]


def paint(shapes: Sequence[Shape], values: Sequence[int], size: Size) -> tuple[Pixels, list[Painted]]:
    """Paint objects, the topmost first, each with its value where nothing is painted yet; 0 stays where nothing is."""
    numpy: Any = require("numpy", "masks", "Masks")
    width, height = size
    pixels: Pixels = numpy.zeros(width * height, numpy.uint16)
    for shape, value in zip(shapes, values, strict=True):
        here, covered = _part(shape, pixels)
        there = here[covered]
        there[there == 0] = value
        here[covered] = there
    painted: list[Painted] = []
    for shape, value in zip(shapes, values, strict=True):
        here, covered = _part(shape, pixels)
        visible = int(numpy.count_nonzero(here[covered] == value))
        painted.append(Painted(shape.annotation, value, shape.pixels, visible))
    columns: Any = pixels
    return columns.reshape(width, height).T, painted


def _part(shape: Shape, pixels: Pixels) -> tuple[Pixels, Selection]:
    """Return the part of an image that an object lies in, and what selects its pixels there: flags, or few places."""
    numpy: Any = require("numpy", "masks", "Masks")
    runs = numpy.array(shape.runs, numpy.int32)
    length = int(runs.sum())
    if shape.pixels * _DENSE >= length:
        selected = numpy.repeat(numpy.arange(len(runs)) % 2 == 0, runs)
    else:
        lengths = runs[::2]
        before = numpy.cumsum(lengths, dtype=numpy.int32) - lengths
        begins = numpy.cumsum(runs, dtype=numpy.int32)[::2] - lengths
        selected = numpy.repeat(begins - before, lengths) + numpy.arange(shape.pixels, dtype=numpy.int32)
    return pixels[shape.start : shape.start + length], selected
