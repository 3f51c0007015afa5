"""What is suspicious in annotations that can be used: told, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from . import boxes, polygons, rle
from .notes import At, Notes, shown
from .records import Annotation, Box, Image, Polygons, Rle
from .segmentations import area_of, bbox_of
from .size_limit import is_too_large

_AREA_RATIO = 0.25
_MOST_PARTS = 50


class RecordChecks:
    """Checks the annotations of one document, one after the other."""

    def __init__(self, images: list[Image], notes: Notes) -> None:
        self._sizes = {image.id: (image.width, image.height) for image in images}
        self._notes = notes
        self._first: dict[int, Annotation] = {}

    def check(self, annotation: Annotation, here: At) -> None:
        """Note what is odd about an annotation that stands at a place."""
        self._check_again(annotation, here)
        self._check_corners(annotation, here)
        segmentation = annotation.segmentation
        if segmentation is None:
            return
        around = bbox_of(segmentation)
        if around is not None:
            self._check_box(annotation, segmentation, around, here)
            self._check_area(annotation, area_of(segmentation), around, (*here, "area"))
        if isinstance(segmentation, Rle):
            self._check_crowd(annotation, segmentation, (*here, "iscrowd"))
        else:
            self._check_polygons(segmentation, self._sizes[annotation.image_id], (*here, "segmentation"))

    def _check_again(self, annotation: Annotation, here: At) -> None:
        key = hash((annotation.image_id, annotation.category_id, annotation.bbox, annotation.area))
        first = self._first.setdefault(key, annotation)
        if first is not annotation and _without_id(first) == _without_id(annotation):
            what = f"It is the annotation {shown(first.id)} once more, but for the id."
            self._notes.tell("same_object_twice", here, what)

    def _check_corners(self, annotation: Annotation, here: At) -> None:
        width, height = self._sizes[annotation.image_id]
        if annotation.segmentation is not None or width is None or height is None:
            return
        meant = boxes.of_corners(annotation.bbox)
        if meant and boxes.is_inside(meant, width, height) and not boxes.is_inside(annotation.bbox, width, height):
            self._tell_corners(annotation, (*here, "bbox"))

    def _check_box(self, annotation: Annotation, segmentation: Polygons | Rle, around: Box, here: At) -> None:
        box, at = annotation.bbox, (*here, "bbox")
        if boxes.are_alike(box, around):
            return
        meant = boxes.of_corners(box)
        by_rows = _by_rows(segmentation)
        if by_rows and boxes.are_alike(box, by_rows):
            what = "The mask fits the bbox when it is read row by row (C order); COCO's masks go column by column."
            self._notes.tell("c_order_mask", (*here, "segmentation"), what)
        elif meant and boxes.are_alike(meant, around):
            self._tell_corners(annotation, at)
        else:
            what = f"bbox is {shown(list(box))}, that of the segmentation {shown([round(each, 2) for each in around])}."
            self._notes.tell("box_differs", at, what)

    def _tell_corners(self, annotation: Annotation, at: At) -> None:
        what = f"bbox is {shown(list(annotation.bbox))}, which seems to be left, top, right and bottom."
        self._notes.tell("box_of_corners", at, what)

    def _check_area(self, annotation: Annotation, area: float, around: Box, at: At) -> None:
        differs = abs(area - annotation.area)
        outline = 2 * (around[2] + around[3])  # polygons through the middle of pixels lose half a pixel all around
        if differs > outline and differs > _AREA_RATIO * max(area, annotation.area):
            what = f"area is {annotation.area:.10g}, that of the segmentation {area:.10g}."
            self._notes.tell("area_differs", at, what)

    def _check_crowd(self, annotation: Annotation, mask: Rle, at: At) -> None:
        if is_too_large(mask.width, mask.height):
            return
        if annotation.iscrowd and rle.is_one_piece(rle.decode(mask.counts), mask.height):
            what = "iscrowd is 1, but the mask is of one piece: was it set because the mask is run lengths?"
            self._notes.tell("crowd_single_object", at, what)

    def _check_polygons(self, parts: Polygons, size: tuple[int | None, int | None], at: At) -> None:
        for place, part in enumerate(parts):
            if not polygons.area(part):
                self._notes.tell("polygon_without_area", (*at, place), "A polygon encloses nothing.")
        if parts[1:] and len(parts) <= _MOST_PARTS:
            for inner, outer in _nested(parts):
                what = f"It lies in the polygon {outer}: if it is a hole, only run lengths can hold it."
                self._notes.tell("polygon_in_polygon", (*at, inner), what)
        width, height = size
        around = polygons.bbox(parts)
        if width is not None and height is not None and not boxes.is_inside(around, width, height):
            what = f"The polygons are in {shown([round(each, 2) for each in around])}, the image is {width} x {height}."
            self._notes.tell("polygon_outside", at, what)


def _without_id(annotation: Annotation) -> tuple[object, ...]:
    return (
        annotation.image_id,
        annotation.category_id,
        annotation.bbox,
        annotation.area,
        annotation.iscrowd,
        annotation.segmentation,
        annotation.keypoints,
        {name: value for name, value in annotation.extra.items() if name != "source_id"},
    )


def _by_rows(segmentation: Polygons | Rle) -> Box | None:
    """Return the box of a mask that is read row by row, None for polygons."""
    if not isinstance(segmentation, Rle):
        return None
    turned = rle.bbox(rle.decode(segmentation.counts), segmentation.width)
    return turned and (turned[1], turned[0], turned[3], turned[2])


def _nested(parts: Polygons) -> Iterator[tuple[int, int]]:
    """Yield each polygon that lies in another one, and which that is."""
    told: set[int] = set()
    for inner, outer in permutations(range(len(parts)), 2):
        if inner not in told and polygons.is_within(parts[inner], parts[outer]):
            told.add(inner)
            yield inner, outer
