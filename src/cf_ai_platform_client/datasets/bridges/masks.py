"""Segmentations to pixels: polygons as pycocotools draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import rle
from ..extras import require
from ..records import Annotation, Rle


def masks(annotations: Sequence[Annotation], width: int, height: int, extra: str) -> Any:
    """Return a numpy array, uint8, of n × height × width: 1 where an object is. Each has a segmentation."""
    numpy = require("numpy", extra, "Masks")
    found = numpy.zeros((len(annotations), height, width), dtype=numpy.uint8)
    for at, annotation in enumerate(annotations):
        runs = rle.decode(_counts(annotation, width, height, extra))
        pixels = numpy.repeat(numpy.arange(len(runs), dtype=numpy.uint8) & 1, runs)
        found[at] = pixels.reshape(width, height).T
    return found


def _counts(annotation: Annotation, width: int, height: int, extra: str) -> str:
    shape = annotation.segmentation
    if isinstance(shape, Rle):
        return shape.counts
    tool = require("pycocotools.mask", extra, "Masks")
    parts = tool.frPyObjects([list(part) for part in shape or ()], height, width)
    counts: bytes = tool.merge(parts)["counts"]
    return counts.decode("ascii")
