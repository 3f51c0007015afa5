"""What the writers of a file an image share: the images in order, and what is told of those left out."""

from __future__ import annotations

from collections.abc import Iterator

from ..conversion import Conversion
from ..dataset import Dataset
from ..records import Annotation, Sample
from .reasons import CROWD, LeftOut

Size = tuple[int, int]
"""Width and height."""


def walk(job: Conversion, dataset: Dataset) -> Iterator[Sample]:
    """Yield the images of one split, and count the documents that they came from."""
    for item in dataset.items(job.report):
        yield from item.samples
        job.report.documents.went_out += 1


def leave_out(job: Conversion, sample: Sample, why: LeftOut) -> None:
    """Count an image as left out, and all annotations in it."""
    job.report.images.left_out[why.reason] += 1
    if sample.annotations:
        job.report.annotations.left_out[why.reason] += len(sample.annotations)


def without_crowds(job: Conversion, annotations: tuple[Annotation, ...]) -> Iterator[Annotation]:
    """Yield the objects that are no crowds, and count those that are as left out."""
    for annotation in annotations:
        if annotation.iscrowd:
            job.report.annotations.left_out[CROWD.reason] += 1
        else:
            yield annotation


def stem_of(name: str) -> str:
    """Return a file name without its extension."""
    return name.rpartition(".")[0] or name
