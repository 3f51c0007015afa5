"""What semantic and instance masks share: a PNG file an image, the images beside, and tables of values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..conversion import Conversion
from ..names import flat_name
from ..records import Annotation, Category, Sample
from ..size_limit import is_too_large, too_large
from .painting import Shape, shape_of
from .reasons import CROWD, NO_SIZE, LeftOut
from .sizing import Sizes
from .walking import Size, leave_out, stem_of, walk

Row = Sequence[object]
Paint = Callable[[str, str, Sample, "list[Shape]", Size], None]
"""Writes the mask of an image: the split, the file's name, the image, its objects' pixels, and its size."""


def write_masks(job: Conversion, folder: str, paint: Paint) -> None:
    """Have the mask of each image written, and copy the images into `JPEGImages`."""
    sizes = Sizes()
    for split, dataset in job.splits.items():
        sub = f"{split}/" if split else ""
        for sample in walk(job, dataset):
            size = sizes.of(sample)
            if size is None:
                leave_out(job, sample, NO_SIZE)
                continue
            if is_too_large(*size):
                leave_out(job, sample, LeftOut(f"image of {too_large(*size)}"))
                continue
            name = flat_name(job.name_of(sample))
            shapes = list(_shapes(job, sample.annotations, size))
            paint(split, f"{folder}/{sub}{stem_of(name)}.png", sample, shapes, size)
            job.out.add_image(f"JPEGImages/{sub}{name}", sample.path)
            job.report.emptied += bool(sample.annotations and not shapes)
            job.report.images.went_out += 1
    job.report.warnings += sizes.warnings()
    if job.images == "none" and job.report.images.went_out:
        what = f"Images were not copied: put each into JPEGImages/, where {folder}/ has a mask of the same name."
        job.report.warnings.append(what)


def write_classes(job: Conversion, categories: Sequence[Category], more: Iterable[Row] = ()) -> None:
    """Write `classes.csv`: the value of each class."""
    rows = ((category.id, category.name, category.supercategory) for category in categories)
    with table(job, "classes.csv") as write:
        write(("id", "name", "supercategory"))
        for row in (*rows, *more):
            write(row)


@contextmanager
def table(job: Conversion, name: str) -> Generator[Callable[[Row], object], None, None]:
    """Open a CSV file in UTF-8, and give what writes a row."""
    with job.out.open(name) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        yield csv.writer(text).writerow
        text.flush()
        text.detach()


def _shapes(job: Conversion, annotations: Sequence[Annotation], size: Size) -> Iterator[Shape]:
    for annotation in annotations:
        if annotation.iscrowd and job.crowds == "skip":
            found: Shape | LeftOut = CROWD
        else:
            found = shape_of(annotation, size)
        if isinstance(found, LeftOut):
            job.report.annotations.left_out[found.reason] += 1
        else:
            yield found
