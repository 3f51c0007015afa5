"""Instance masks: PNG files of 16 bits whose pixels number the objects of an image from 1, 0 for background.

`instances.csv` says which annotation each number is, and `classes.csv` names the categories.
"""

from __future__ import annotations

from ..conversion import Conversion
from ..records import Sample
from .mask_folder import table, write_classes, write_masks
from .painting import Shape, in_order, paint
from .png import write_png
from .reasons import COVERED, HIDDEN, TOO_MANY
from .walking import Size

FOLDER = "SegmentationObject"
HEADINGS = (
    "split", "mask", "instance", "work_item_id", "batch", "document", "annotation_id", "category_id", "category",
    "iscrowd", "pixels", "visible_pixels",
)  # fmt: skip

_MOST = 2**16 - 1


def write(job: Conversion) -> None:
    """Write masks, and what each number in them is; the table marks crowds. Small objects lie over large ones."""
    with table(job, "instances.csv") as add:
        add(HEADINGS)

        def write_mask(split: str, name: str, sample: Sample, shapes: list[Shape], size: Size) -> None:
            numbers = {id(shape): number for number, shape in enumerate(shapes[:_MOST], 1)}
            if len(shapes) > _MOST:
                job.report.annotations.left_out[TOO_MANY.reason] += len(shapes) - _MOST
            ordered = in_order(shapes[:_MOST])
            pixels, painted = paint(ordered, [numbers[id(shape)] for shape in ordered], size)
            with job.out.open(name) as file:
                write_png(file, pixels, deep=True)
            for each in sorted(painted, key=lambda each: each.value):
                if not each.visible:
                    job.report.annotations.left_out[HIDDEN.reason] += 1
                    continue
                job.report.annotations.went_out += 1
                if each.visible < each.pixels:
                    job.report.changed[COVERED] += 1
                thing = each.annotation
                add((
                    split, name, each.value, sample.work_item_id, sample.batch, sample.document, thing.id,
                    thing.category.id, thing.category.name, int(thing.iscrowd), each.pixels, each.visible,
                ))  # fmt: skip

        write_masks(job, FOLDER, write_mask)
    write_classes(job, next(iter(job.splits.values())).categories)
