"""Segmentations to pixels, as pycocotools draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..extras import require
from ..records import Annotation, Rle


def masks(annotations: Sequence[Annotation], width: int, height: int, extra: str) -> Any:
    """Return a numpy array, uint8, of n × height × width: 1 where an object is. Each has a segmentation."""
    numpy = require("numpy", extra, "Masks")
    tool = require("pycocotools.mask", extra, "Masks")
    found = numpy.zeros((len(annotations), height, width), dtype=numpy.uint8)
    for at, annotation in enumerate(annotations):
        shape = annotation.segmentation
        if isinstance(shape, Rle):
            found[at] = tool.decode({"size": [shape.height, shape.width], "counts": shape.counts.encode("ascii")})
        elif shape:
            found[at] = tool.decode(tool.merge(tool.frPyObjects([list(part) for part in shape], height, width)))
    return found
