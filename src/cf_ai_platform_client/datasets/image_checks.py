"""The size that a document gives an image against that of the image itself."""

from __future__ import annotations

from . import boxes
from .image_files import ImageFacts
from .notes import At, Notes, shown
from .records import Annotation, Image

RAW, ORIENTED = "the size of the stored pixels", "the size after EXIF turned them"


def check_size(image: Image, facts: ImageFacts, here: At, notes: Notes) -> None:
    """Note where sizes differ, and whether the document's is the raw or the oriented one."""
    given = image.width, image.height
    raw, oriented = (facts.width, facts.height), facts.oriented
    if None in given:
        return
    said = f"{given[0]} x {given[1]}"
    if given not in (raw, oriented):
        swapped = ", its sides swapped" if given == raw[::-1] else ""
        what = f"The document says {said}{swapped}, the image is {raw[0]} x {raw[1]}."
        notes.tell("image_size_differs", here, what)
    elif raw != oriented:
        code, which = ("exif_raw_size", RAW) if given == raw else ("exif_oriented_size", ORIENTED)
        notes.tell(code, here, f"The document says {said}, which is {which} (EXIF orientation {facts.orientation}).")
    elif facts.orientation != 1:
        what = f"EXIF turns or mirrors the image (orientation {facts.orientation}), which its size does not show."
        notes.tell("exif_turned", here, what)


def size_to_fill(image: Image, facts: ImageFacts) -> tuple[int, int] | None:
    """Return the size that a document lacks; None where EXIF swaps the sides, since nobody knows which is meant."""
    if image.width is not None and image.height is not None:
        return None
    if facts.oriented != (facts.width, facts.height):
        return None
    return facts.width, facts.height


def check_box(annotation: Annotation, here: At, size: tuple[int, int], notes: Notes) -> None:
    """Judge a box in an image of which only the file tells the size."""
    width, height = size
    if not boxes.is_inside(annotation.bbox, width, height):
        outside = boxes.is_outside(annotation.bbox, width, height)
        what = f"bbox is {shown(list(annotation.bbox))}, the image {width} x {height}."
        notes.tell("box_outside" if outside else "box_partly_outside", (*here, "bbox"), what)
