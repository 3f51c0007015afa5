"""COCO: a document a split, and the images beside. `annotations.json` and `images/`, or by split
`annotations/instances_train.json` and `images/train/`; file names are relative to the images' folder.
Images that stay where they are have names that lead there from the dataset's root."""

from __future__ import annotations

from ..coco_writer import CocoWriter, unsized_warnings
from ..conversion import Conversion
from ..dataset import Dataset
from ..names_in_place import NamesInPlace


def write(job: Conversion) -> None:
    """Write the documents and the images. Categories have the same ids in all of them."""
    names = _names_in_place(job.whole) if job.images == "none" else None
    unsized = sum(_write_split(job, split, dataset, names) for split, dataset in job.splits.items())
    job.report.warnings += unsized_warnings(unsized) + job.out.link_warnings()
    if names is not None:
        job.report.warnings += names.warnings()


def _names_in_place(dataset: Dataset) -> NamesInPlace:
    names = NamesInPlace(dataset.documents.root)
    for sample in dataset.samples():
        names.note(sample)
    names.settle()
    return names


def _write_split(job: Conversion, split: str, dataset: Dataset, names: NamesInPlace | None) -> int:
    """Write a document; return how many images of unknown size are in it."""
    name = f"annotations/instances_{split}.json" if split else "annotations.json"
    folder = f"images/{split}/" if split else "images/"
    with job.out.open(name) as file, job.out.scratch() as scratch:
        document = CocoWriter(file, scratch, dataset.categories)
        for item in dataset.items(job.report):
            document.begin(item)
            for sample in item.samples:
                file_name = job.name_of(sample) if names is None else names.path_of(sample)
                job.out.add_image(f"{folder}{file_name}", sample.path)
                document.add(sample, file_name)
        document.finish(None if names is None else names.decide)
    document.count(job.report)
    return document.unsized
