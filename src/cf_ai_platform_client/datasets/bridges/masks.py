"""Segmentations to the arrays of pixels that detectors take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import rle
from ..extras import require
from ..rasters import encoded_mask
from ..records import Annotation


def masks(annotations: Sequence[Annotation], width: int, height: int, extra: str) -> Any:
    """Return a numpy array, uint8, of n × height × width: 1 where an object is, 0 without a mask of that size."""
    numpy = require("numpy", extra, "Masks")
    found = numpy.zeros((len(annotations), height, width), dtype=numpy.uint8)
    for at, annotation in enumerate(annotations):
        mask = encoded_mask(annotation, height, width)
        if mask is not None:
            runs = rle.decode(mask.counts)
            found[at] = numpy.repeat(numpy.arange(len(runs)) & 1, runs).reshape(width, height).T
    return found
