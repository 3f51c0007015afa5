"""Objects as pixels, as pycocotools draws them: COCO's own figures rest on that. Needs the extra `masks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import rle
from .extras import require
from .polygon_clipping import clip
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
    near = [part for polygon in polygons if len(part := _near(polygon, height, width)) >= 6]
    if not near:
        return Rle(height, width, rle.encode([height * width]))
    drawn: list[Any] = library.frPyObjects(near, height, width)
    return _as_record(library.merge(drawn) if len(drawn) > 1 else drawn[0])


def _near(polygon: Sequence[float], height: int, width: int) -> list[float]:
    """Return a polygon as it is; one that leads far away cut off, since pycocotools keeps five points for each pixel.

    What is cut is further from the image than the image is long, so that all pixels of others are pycocotools' own.
    """
    margin = max(height, width)
    if min(polygon) < -margin or max(polygon[::2]) > width + margin or max(polygon[1::2]) > height + margin:
        polygon = clip(polygon, width, height, margin=margin)
    return list(map(float, polygon))


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
