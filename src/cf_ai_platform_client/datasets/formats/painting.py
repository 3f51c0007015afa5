"""Objects painted into one array an image, small ones over large ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import rasters, rle
from ..extras import require
from ..records import Annotation, Rle
from .walking import LeftOut, Size
from .yolo_outlines import NO_MASK, NO_PIXEL, OTHER_SIZE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint16]
    Places = npt.NDArray[np.intp]


class Shape(NamedTuple):
    """An object's pixels: their places in an image read column by column."""

    annotation: Annotation
    places: Places


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
    places = _places(mask)
    return Shape(annotation, places) if len(places) else NO_PIXEL


def in_order(shapes: Sequence[Shape]) -> list[Shape]:
    """Return objects from the topmost down: the smaller first, of equal ones the later."""
    return sorted(shapes, key=lambda shape: len(shape.places), reverse=True)[::-1]


def paint(shapes: Sequence[Shape], values: Sequence[int], size: Size) -> tuple[Pixels, list[Painted]]:
    """Paint objects, the topmost first, each with its value where nothing is painted yet; 0 stays where nothing is."""
    numpy: Any = require("numpy", "masks", "Masks")
    width, height = size
    pixels: Pixels = numpy.zeros(width * height, numpy.uint16)
    for (_, places), value in zip(shapes, values, strict=True):
        pixels[places[pixels[places] == 0]] = value
    painted = [
        Painted(annotation, value, len(places), int((pixels[places] == value).sum()))
        for (annotation, places), value in zip(shapes, values, strict=True)
    ]
    columns: Any = pixels
    return columns.reshape(width, height).T, painted


def _places(mask: Rle) -> Places:
    numpy: Any = require("numpy", "masks", "Masks")
    runs = numpy.array(rle.decode(mask.counts), numpy.intp)
    ends = numpy.cumsum(runs)[1::2]
    lengths = runs[1::2]
    before = numpy.cumsum(lengths) - lengths
    places: Places = numpy.arange(int(lengths.sum())) + numpy.repeat(ends - lengths - before, lengths)
    return places
