"""Semantic masks: PNG files whose pixels are category ids, 0 for background; `classes.csv` names them.

Of 8 bits with VOC's palette, in which 255 is void; of 16 bits, with 65,535 for void, where there is an id above 254.
"""

from __future__ import annotations

from ..conversion import Conversion
from ..records import Sample
from .mask_folder import write_classes, write_masks
from .painting import Shape, in_order, paint
from .png import VOID, write_png
from .reasons import COVERED, CROWD_VOID, HIDDEN
from .walking import Size

FOLDER = "SegmentationClass"


def write(job: Conversion) -> None:
    """Write masks. Crowds are void, or objects where they are to be kept; small objects lie over large ones."""
    categories = next(iter(job.splits.values())).categories
    deep = max((category.id for category in categories), default=0) >= VOID
    void = 2**16 - 1 if deep else VOID
    highest = 2**16 - 2
    if any(category.id > highest for category in categories):
        raise ValueError(f"format 'masks-semantic' takes at most {highest:,} categories, but there are more.")

    def write_mask(split: str, name: str, sample: Sample, shapes: list[Shape], size: Size) -> None:
        ordered = in_order([shape for shape in shapes if not _is_void(job, shape)])
        ordered += in_order([shape for shape in shapes if _is_void(job, shape)])
        values = [void if _is_void(job, shape) else shape.annotation.category.id for shape in ordered]
        pixels, painted = paint(ordered, values, size)
        with job.out.open(name) as file:
            write_png(file, pixels, deep=deep)
        for each in painted:
            if not each.visible:
                job.report.annotations.left_out[HIDDEN.reason] += 1
                continue
            job.report.annotations.went_out += 1
            if each.visible < each.pixels:
                job.report.changed[COVERED] += 1
            if each.value == void:
                job.report.changed[CROWD_VOID] += 1

    write_masks(job, FOLDER, write_mask)
    write_classes(job, categories, [(0, "background", ""), (void, "void", "")])


def _is_void(job: Conversion, shape: Shape) -> bool:
    return shape.annotation.iscrowd and job.crowds != "keep"
