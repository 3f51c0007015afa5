"""Segmentations to the arrays of pixels that detectors take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..extras import require
from ..rasters import mask
from ..records import Annotation


def masks(annotations: Sequence[Annotation], width: int, height: int, extra: str) -> Any:
    """Return a numpy array, uint8, of n × height × width: 1 where an object is, 0 without a mask of that size."""
    numpy = require("numpy", extra, "Masks")
    found = numpy.zeros((len(annotations), height, width), dtype=numpy.uint8)
    for at, annotation in enumerate(annotations):
        drawn = mask(annotation, height, width)
        if drawn is not None:
            found[at] = drawn
    return found
