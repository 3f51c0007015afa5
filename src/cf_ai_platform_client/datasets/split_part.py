"""A part of a dataset that was split: its passes tell of what they show alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from typing_extensions import Self

from .dataset import Dataset
from .records import Item, Sample
from .report import Report


class SplitPart(Dataset):
    """A view of the images of one split. What reading left out of the whole is told by `Split.report`, once."""

    @classmethod
    def of(cls, dataset: Dataset, by_image: Mapping[str, str], name: str) -> Self:
        """Return the images that are in a split by their keys."""
        whole = cls(dataset.documents, dataset.selections, dataset.scan)
        return whole.filter(where=partial(_is_in, by_image, name))

    def items(self, report: Report | None = None) -> Iterator[Item]:
        """Yield each work item with its images of this split. Raises DiskError for a document that is gone."""
        reading = self._pass()
        for number in range(len(self.documents.found)):
            for item in reading.items_still_in(number):
                if report is not None:
                    report.images.came_in += len(item.samples)
                    report.annotations.came_in += sum(len(sample.annotations) for sample in item.samples)
                yield item


def _is_in(by_image: Mapping[str, str], name: str, sample: Sample) -> bool:
    found = by_image.get(sample.key)
    if found is None:
        raise ValueError(f"{sample.key} came after the split was made: split again, with previous= this one.")
    return found == name
