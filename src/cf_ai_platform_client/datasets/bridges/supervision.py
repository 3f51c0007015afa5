"""supervision: a `DetectionDataset`, its images read when they are asked for.

https://supervision.roboflow.com/latest/datasets/core/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import require
from ..formats.class_names import class_names
from ..records import Sample
from ..report import Report, warn_of_left_out
from ..size_limit import is_too_large
from .exif_watch import ExifWatch
from .masks import masks as draw
from .pictures import image_path, size_of, too_large_to_draw
from .targets import corners, mask_problem

if TYPE_CHECKING:
    from ..dataset import Dataset

NOT_ALL = "masks of images in which not each object has one"


def to_supervision(dataset: Dataset, *, masks: bool = True, report: Report | None = None) -> Any:
    """Return a `supervision.DetectionDataset`.

    Class ids are category ids less 1; where two categories have one name, the supercategory comes before it. An image's
    detections have masks where each of its objects has a segmentation, unless `masks` is False: a byte a pixel and
    object, all in memory. `data` holds `iscrowd`, `area` and `annotation_id`, the document's, as text. What is left out
    is told in `report`, without one by a Python warning. supervision turns images as their EXIF orientation says when
    it opens them; where documents mean them as they are stored, that is a warning in `report`, without one a Python
    warning.

    Raises ItemError for an image that is not on the disk, or too large for masks; ValueError where two samples have one
    image file; MissingExtra without supervision.
    """
    sv = require("supervision", "supervision", "Detection datasets")
    told = Report() if report is None else report
    watch = ExifWatch("supervision")
    detections: dict[str, Any] = {}
    for sample in dataset.samples(told):
        path = image_path(sample)
        if path in detections:
            raise ValueError(
                f"{path} is the image of two samples, the second in {sample.document}, but supervision tells images "
                "apart by their paths: filter one of them out."
            )
        watch.look(sample)
        detections[path] = _detections(sv, sample, masks, told)
        told.images.went_out += 1
        told.annotations.went_out += len(sample.annotations)
    watch.tell(report)
    warn_of_left_out(told, report, NOT_ALL)
    return sv.DetectionDataset(class_names(dataset.categories), list(detections), detections)


def _detections(sv: Any, sample: Sample, with_masks: bool, report: Report) -> Any:
    numpy = require("numpy", "supervision", "Detection datasets")
    annotations = sample.annotations
    drawn = None
    if with_masks and any(each.segmentation for each in annotations):
        width, height = size_of(sample, "supervision")
        if any(mask_problem(each, width, height) for each in annotations):
            report.changed[NOT_ALL] += 1
        elif is_too_large(width, height):
            raise too_large_to_draw(sample, (width, height))
        else:
            drawn = draw(annotations, width, height, "supervision").astype(bool)
    return sv.Detections(
        xyxy=numpy.array([corners(each.bbox) for each in annotations], dtype=numpy.float64).reshape(-1, 4),
        mask=drawn,
        class_id=numpy.array([each.category.id - 1 for each in annotations], dtype=numpy.int64),
        data={
            "iscrowd": numpy.array([int(each.iscrowd) for each in annotations], dtype=numpy.int64),
            "area": numpy.array([each.area for each in annotations], dtype=numpy.float64),
            "annotation_id": numpy.array([str(each.id) for each in annotations], dtype=numpy.str_),
        },
    )
