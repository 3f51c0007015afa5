"""YOLO segmentation: one outline an object. What has no mask is left out.

A box is no substitute: Ultralytics refuses a file that has lines of boxes among outlines (older ones read it wrongly),
and a box drawn as an outline would teach that objects are rectangles. Write boxes with the format `yolo`.
"""

from __future__ import annotations

from collections import Counter

from ..conversion import Conversion
from ..records import Annotation
from .reasons import LeftOut
from .walking import Size
from .yolo_folder import write_yolo
from .yolo_labels import outline_line
from .yolo_outlines import outline_of


def write(job: Conversion) -> None:
    """Write outlines, parts and holes joined by bridges of no width; crowds only where they are to be kept."""
    write_yolo(job, _label)


def _label(number: int, annotation: Annotation, size: Size, changed: Counter[str]) -> str | LeftOut:
    outline = outline_of(annotation, size, changed)
    return outline if isinstance(outline, LeftOut) else outline_line(number, outline, size)
