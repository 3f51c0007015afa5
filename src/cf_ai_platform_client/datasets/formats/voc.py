"""Pascal VOC: an XML file of boxes an image, the images in `JPEGImages`, and lists of them in `ImageSets/Main`.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf. Boxes are whole pixels counted from 1, the last
one included: a box from 3.0 to 10.0 has `xmin` 4 and `xmax` 10. Edges are rounded to the nearest pixel, so a box of
whole numbers comes back exactly, any other within half a pixel. A box that has no pixel left gets the one its middle is
in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from math import floor
from typing import NamedTuple
from xml.etree import ElementTree

from ..conversion import Conversion
from ..names import flat_name
from ..records import Annotation, Box, Sample
from ..report import counted
from .class_names import changed_names, class_names
from .reasons import BOX_CLIPPED, BOX_ROUNDED, CROWD_DIFFICULT, OUTSIDE, TOO_SMALL, LeftOut
from .sizing import Sizes
from .walking import Size, stem_of, walk, without_crowds

REPLACED = "\ufffd"

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Corners(NamedTuple):
    """The first and the last pixel of a box, counted from 1."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


class Dimensions(NamedTuple):
    """What `size` says of an image: pixels, 0 where nobody knows, and channels."""

    width: int
    height: int
    depth: int


def write(job: Conversion) -> None:
    """Write boxes; crowds as `difficult`, unless they are to be skipped."""
    categories = next(iter(job.splits.values())).categories
    names = class_names(categories, clean)
    job.report.warnings += changed_names(categories, names)
    by_id = {category.id: name for category, name in zip(categories, names, strict=True)}
    sizes = Sizes()
    unsized = 0
    for split, dataset in job.splits.items():
        stems: list[str] = []
        for sample in walk(job, dataset):
            name = flat_name(job.name_of(sample))
            size, channels = sizes.with_channels(sample)
            stems.append(stem_of(name))
            _write_document(job, sample, name, Dimensions(*(size or (0, 0)), channels), by_id)
            unsized += size is None
            job.out.add_image(f"JPEGImages/{name}", sample.path)
            job.report.images.went_out += 1
        with job.out.open(f"ImageSets/Main/{split or 'trainval'}.txt") as file:
            file.write("".join(f"{stem}\n" for stem in stems).encode())
    job.report.warnings += sizes.warnings()
    _warn(job, unsized)


def corners_of(box: Box, size: Size | None, changed: Counter[str]) -> Corners | LeftOut:
    """Return a box in whole pixels; clipped to the image where its size is known.

    >>> corners_of((3.0, 2.0, 7.0, 8.0), (64, 48), Counter())
    Corners(xmin=4, ymin=3, xmax=10, ymax=10)
    """
    left, top, wide, high = box
    if wide <= 0 or high <= 0:
        return TOO_SMALL
    x, y = _span(left, left + wide), _span(top, top + high)
    if size is not None:
        width, height = size
        if left >= width or top >= height or left + wide <= 0 or top + high <= 0:
            return OUTSIDE
        within = (max(1, min(x[0], width)), min(x[1], width)), (max(1, min(y[0], height)), min(y[1], height))
        if within != (x, y):
            changed[BOX_CLIPPED] += 1
        x, y = within
    if any(edge % 1 for edge in (left, top, left + wide, top + high)):
        changed[BOX_ROUNDED] += 1
    return Corners(x[0], y[0], max(x), max(y))


def clean(text: str) -> str:
    """Replace what XML cannot hold, and carriage returns, which it does not keep.

    >>> clean("a\\x00b")
    'a\\ufffdb'
    """
    return _NOT_XML.sub(REPLACED, text)


def _span(low: float, high: float) -> tuple[int, int]:
    first, last = floor(low + 0.5) + 1, floor(high + 0.5)
    if last >= first:
        return first, last
    middle = floor((low + high) / 2) + 1
    return middle, middle


def _write_document(job: Conversion, sample: Sample, name: str, said: Dimensions, names: Mapping[int, str]) -> None:
    root = ElementTree.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", name)
    dimensions = ElementTree.SubElement(root, "size")
    for side, value in said._asdict().items():
        _add(dimensions, side, value)
    _add(root, "segmented", 0)
    crowds = job.crowds != "skip"
    size = (said.width, said.height) if said.width else None
    for annotation in sample.annotations if crowds else without_crowds(job, sample.annotations):
        found = corners_of(annotation.bbox, size, job.report.changed)
        if isinstance(found, LeftOut):
            job.report.annotations.left_out[found.reason] += 1
            continue
        _add_object(root, annotation, names[annotation.category.id], found)
        if annotation.iscrowd:
            job.report.changed[CROWD_DIFFICULT] += 1
        job.report.annotations.went_out += 1
    job.report.emptied += bool(sample.annotations) and root.find("object") is None
    ElementTree.indent(root)
    with job.out.open(f"Annotations/{stem_of(name)}.xml") as file:
        file.write(ElementTree.tostring(root, "utf-8") + b"\n")


def _add_object(root: ElementTree.Element, annotation: Annotation, name: str, box: Corners) -> None:
    thing = ElementTree.SubElement(root, "object")
    _add(thing, "name", name)
    _add(thing, "pose", "Unspecified")
    _add(thing, "truncated", 0)
    _add(thing, "difficult", int(annotation.iscrowd))
    edges = ElementTree.SubElement(thing, "bndbox")
    for edge, value in box._asdict().items():
        _add(edges, edge, value)


def _add(parent: ElementTree.Element, tag: str, value: object) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)


def _warn(job: Conversion, unsized: int) -> None:
    if job.images == "none" and job.report.images.went_out:
        job.report.warnings.append(
            "Images were not copied: put each into JPEGImages/, as `filename` in its XML file says."
        )
    if unsized:
        what = counted(unsized, "image is", "images are")
        job.report.warnings.append(f"{what} of unknown size: 0 is written, and boxes were not clipped.")
