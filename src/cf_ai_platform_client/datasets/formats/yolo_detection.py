"""YOLO detection: a box an object. Masks and keypoints have no place in it."""

from __future__ import annotations

from collections import Counter

from ..conversion import Conversion
from ..records import Annotation
from .reasons import LeftOut
from .walking import Size
from .yolo_folder import write_yolo
from .yolo_labels import box_line


def write(job: Conversion) -> None:
    """Write boxes, clipped to their images; crowds only where they are to be kept."""
    write_yolo(job, _label)


def _label(number: int, annotation: Annotation, size: Size, changed: Counter[str]) -> str | LeftOut:
    return box_line(number, annotation.bbox, size, changed)
