"""COCO: a document a split, and the images beside. `annotations.json` and `images/`, or by split
`annotations/instances_train.json` and `images/train/`; file names are relative to the images' folder."""

from __future__ import annotations

from ..coco_writer import CocoWriter
from ..conversion import Conversion
from ..dataset import Dataset


def write(job: Conversion) -> None:
    """Write the documents and the images. Categories have the same ids in all of them."""
    for split, dataset in job.splits.items():
        _write_split(job, split, dataset)


def _write_split(job: Conversion, split: str, dataset: Dataset) -> None:
    name = f"annotations/instances_{split}.json" if split else "annotations.json"
    folder = f"images/{split}/" if split else "images/"
    with job.out.open(name) as file, job.out.scratch() as scratch:
        document = CocoWriter(file, scratch, dataset.categories)
        for item in dataset.items(job.report):
            document.begin(item)
            for sample in item.samples:
                file_name = job.name_of(sample)
                job.out.add_image(f"{folder}{file_name}", sample.path)
                document.add(sample, file_name)
        document.finish()
    document.count(job.report)
