"""A dataset: what lies in a folder, read lazily, document by document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .reading import read_document
from .records import Annotation, Category, Item, Sample
from .report import Report


class Dataset:
    """The COCO documents of a folder. `report` counts what the last whole pass over it read and left out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.report = Report()

    def __len__(self) -> int:
        return sum(1 for _ in self.items())

    def __iter__(self) -> Iterator[Item]:
        return self.items()

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of all documents, matched by (supercategory, name), in order of their first appearance."""
        return tuple({(c.supercategory, c.name): c for item in self.items() for c in item.categories}.values())

    def items(self, report: Report | None = None) -> Iterator[Item]:
        """Yield each work item, in the order of the documents' paths."""
        for path in sorted(self.root.rglob("*.json")):
            document = path.relative_to(self.root).as_posix()
            found = read_document(path.read_bytes(), document)
            batch = document.rpartition("/")[0]
            samples = tuple(
                Sample(
                    path.stem,
                    batch,
                    document,
                    image,
                    tuple(annotation for annotation in found.annotations if annotation.image_id == image.id),
                )
                for image in found.images
            )
            if report is not None:
                report.documents.came_in += 1
                report.images.came_in += found.images_in
                report.annotations.came_in += found.annotations_in
            yield Item(
                path.stem,
                batch,
                document,
                samples,
                tuple(found.categories.values()),
                category_ids=tuple(found.categories),
                info=found.info,
                licenses=tuple(found.licenses),
            )

    def samples(self, report: Report | None = None) -> Iterator[Sample]:
        """Yield each image with its annotations."""
        for item in self.items(report):
            yield from item.samples

    def annotations(self) -> Iterator[Annotation]:
        """Yield each annotation."""
        for sample in self.samples():
            yield from sample.annotations


def open_dataset(path: str | Path) -> Dataset:
    """Open a folder of COCO documents."""
    return Dataset(Path(path))
