"""Objects as pixels, as pycocotools draws them: COCO's own figures rest on that. Needs the extra `masks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import rle
from .extras import require
from .records import Annotation, Rle

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]

WHAT = "Masks"


def mask(annotation: Annotation, height: int, width: int) -> Mask | None:
    """Return an object's pixels as an array of 0 and 1, height by width; None where it has no mask of that size."""
    found = encoded_mask(annotation, height, width)
    if found is None:
        return None
    numpy: Any = require("numpy", "masks", WHAT)
    runs = rle.decode(found.counts)
    pixels: Any = numpy.repeat(numpy.arange(len(runs), dtype=numpy.uint8) & 1, runs)
    drawn: Mask = pixels.reshape(width, height).T
    return drawn


def encoded_mask(annotation: Annotation, height: int, width: int) -> Rle | None:
    """Return an object's pixels as run lengths; None where it has no mask, or one of another size."""
    segmentation = annotation.segmentation
    if segmentation is None:
        return None
    if isinstance(segmentation, Rle):
        return segmentation if (segmentation.height, segmentation.width) == (height, width) else None
    return encoded(segmentation, height, width)


def encoded(polygons: Sequence[Sequence[float]], height: int, width: int) -> Rle:
    """Draw polygons as one object: pixels that are in any of them."""
    library = _library()
    drawn: list[Any] = library.frPyObjects([list(map(float, polygon)) for polygon in polygons], height, width)
    return _as_record(library.merge(drawn) if len(drawn) > 1 else drawn[0])


def united(masks: Sequence[Rle]) -> Rle:
    """Return the pixels that are in any of some masks of one size."""
    return _as_record(_library().merge([_as_coco(mask) for mask in masks]))


def area(mask: Rle) -> int:
    """Count the pixels of a mask."""
    return int(_library().area(_as_coco(mask)))


def _library() -> Any:
    return require("pycocotools.mask", "masks", WHAT)


def _as_coco(mask: Rle) -> dict[str, Any]:
    return {"size": [mask.height, mask.width], "counts": mask.counts.encode()}


def _as_record(found: Any) -> Rle:
    height, width = found["size"]
    return Rle(int(height), int(width), found["counts"].decode())
