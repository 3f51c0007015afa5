"""Figures of a dataset: how much there is of what, how large objects are, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from .records import Annotation, Category, Item, Rle
from .report import Report

if TYPE_CHECKING:
    from .dataset import Dataset

SMALL, LARGE = 32**2, 96**2
"""COCO's bounds of sizes, in square pixels: https://cocodataset.org/#detection-eval."""


class BatchStats(msgspec.Struct, frozen=True):
    """A batch and how many work items it has; `id` is None where no journal tells it."""

    name: str
    id: int | None
    items: int


class CategoryCounts(msgspec.Struct, frozen=True):
    """How many annotations a category has, and in how many images."""

    id: int
    name: str
    supercategory: str
    annotations: int
    images: int


class Counts(msgspec.Struct, frozen=True):
    """How much is in a dataset. Categories without annotations are listed too."""

    items: int
    images: int
    images_without_annotations: int
    annotations: int
    batches: tuple[BatchStats, ...]
    categories: tuple[CategoryCounts, ...]


class Sizes(msgspec.Struct, frozen=True):
    """How many objects are smaller than 32² square pixels, up to 96², and larger, by their area as COCOeval has it."""

    small: int = 0
    medium: int = 0
    large: int = 0


class CategoryStats(msgspec.Struct, frozen=True):
    """How many annotations a category has, in how many images, and how large they are."""

    id: int
    name: str
    supercategory: str
    annotations: int
    images: int
    sizes: Sizes


class Spread(msgspec.Struct, frozen=True):
    """Least, median, mean and most of some numbers; all 0 where there are none."""

    least: int = 0
    median: float = 0.0
    mean: float = 0.0
    most: int = 0


class Stats(msgspec.Struct, frozen=True):
    """What is in a dataset. Categories without annotations are listed too.

    `segmentations` counts annotations by what describes their shape: "polygons", "RLE", or "none", a box alone.
    `report` has what came in and what was left out.
    """

    documents: int
    items: int
    images: int
    images_on_disk: int
    images_without_annotations: int
    annotations: int
    crowds: int
    with_keypoints: int
    batches: tuple[BatchStats, ...]
    categories: tuple[CategoryStats, ...]
    sizes: Sizes
    annotations_per_image: Spread
    segmentations: dict[str, int]
    report: Report


def stats(dataset: Dataset) -> Stats:
    """Count what is in a dataset; see `Dataset.stats`."""
    report = Report()
    figures = _Figures()
    for item in dataset.items(report):
        figures.add(item)
    for tally, out in (
        (report.documents, report.documents.came_in - report.documents.left_out.total()),
        (report.images, figures.images),
        (report.annotations, figures.annotations),
    ):
        tally.went_out = out
    return figures.result(dataset.categories, report)


def counts(dataset: Dataset) -> Counts:
    """Count a dataset without reading all of it, where no filter is; see `Dataset.counts`."""
    if dataset.is_filtered:
        found = dataset.stats()
        categories = tuple(
            CategoryCounts(each.id, each.name, each.supercategory, each.annotations, each.images)
            for each in found.categories
        )
        empty = found.images_without_annotations
        return Counts(found.items, found.images, empty, found.annotations, found.batches, categories)
    seen = dataset.scan
    return Counts(
        seen.items,
        seen.images,
        seen.images - seen.annotated_images,
        seen.annotations,
        tuple(BatchStats(*batch, items) for batch, items in seen.batches.items()),
        tuple(
            CategoryCounts(
                category.id,
                category.name,
                category.supercategory,
                seen.annotations_by_category[category.id],
                seen.images_by_category[category.id],
            )
            for category in dataset.categories
        ),
    )


def spread(counted: Counter[int]) -> Spread:
    """Summarise numbers that were counted.

    >>> spread(Counter([0, 2, 2, 3]))
    Spread(least=0, median=2.0, mean=1.75, most=3)
    """
    total = counted.total()
    if not total:
        return Spread()
    ordered = sorted(counted.items())
    low, high = _at(ordered, (total - 1) // 2), _at(ordered, total // 2)
    mean = sum(number * times for number, times in ordered) / total
    return Spread(ordered[0][0], (low + high) / 2, mean, ordered[-1][0])


class _Figures:
    def __init__(self) -> None:
        self.items = self.images = self.on_disk = self.annotations = self.crowds = self.with_keypoints = 0
        self.batches: Counter[tuple[str, int | None]] = Counter()
        self.per_image: Counter[int] = Counter()
        self.sizes: Counter[tuple[int, str]] = Counter()
        self.images_of: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter({"polygons": 0, "RLE": 0, "none": 0})

    def add(self, item: Item) -> None:
        self.items += 1
        self.batches[item.batch, item.batch_id] += 1
        for sample in item.samples:
            self.images += 1
            self.on_disk += sample.path is not None
            self.per_image[len(sample.annotations)] += 1
            self.images_of.update({annotation.category.id for annotation in sample.annotations})
            for annotation in sample.annotations:
                self._add(annotation)

    def _add(self, annotation: Annotation) -> None:
        self.annotations += 1
        self.crowds += annotation.iscrowd
        self.with_keypoints += bool(annotation.keypoints)
        self.sizes[annotation.category.id, _size(annotation.area)] += 1
        shape = annotation.segmentation
        self.kinds["none" if shape is None else "RLE" if isinstance(shape, Rle) else "polygons"] += 1

    def result(self, categories: Iterable[Category], report: Report) -> Stats:
        found = tuple(map(self._category, categories))
        return Stats(
            documents=report.documents.went_out,
            items=self.items,
            images=self.images,
            images_on_disk=self.on_disk,
            images_without_annotations=self.per_image[0],
            annotations=self.annotations,
            crowds=self.crowds,
            with_keypoints=self.with_keypoints,
            batches=tuple(BatchStats(*batch, items) for batch, items in self.batches.items()),
            categories=found,
            sizes=Sizes(*(sum(getattr(each.sizes, name) for each in found) for name in Sizes.__struct_fields__)),
            annotations_per_image=spread(self.per_image),
            segmentations=dict(self.kinds),
            report=report,
        )

    def _category(self, category: Category) -> CategoryStats:
        number = category.id
        sizes = Sizes(*(self.sizes[number, name] for name in Sizes.__struct_fields__))
        total = sizes.small + sizes.medium + sizes.large
        return CategoryStats(number, category.name, category.supercategory, total, self.images_of[number], sizes)


def _size(area: float) -> str:
    return "small" if area < SMALL else "large" if area > LARGE else "medium"


def _at(ordered: list[tuple[int, int]], place: int) -> int:
    for number, times in ordered:
        place -= times
        if place < 0:
            return number
    raise IndexError(place)
