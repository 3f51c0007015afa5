"""What of a dataset is shown: all of it, or what filters let through, read document by document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from typing_extensions import Self

from .documents import Documents
from .filtering import Selection, select
from .indexing import Load, SampleIndex
from .passes import Pass
from .records import Annotation, Category, Image, Item, Sample
from .report import Report, counted
from .samples import owner_of
from .scanning import Scan, scan


class View:
    """The reading half of a `Dataset`: documents in the order of their paths, one in memory at a time."""

    def __init__(self, documents: Documents, selections: Sequence[Selection] = (), seen: Scan | None = None) -> None:
        self._documents = documents
        self._selections = tuple(selections)
        self._seen = seen

    @property
    def root(self) -> Path:
        """The folder that was opened, or that holds the file that was."""
        return Path(self._documents.root)

    @property
    def is_filtered(self) -> bool:
        """Whether a filter made it."""
        return bool(self._selections)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The filters that made it."""
        return self._selections

    @property
    def documents(self) -> Documents:
        """Which documents there are, whatever filters hide, and which files were left aside and why."""
        return self._documents

    @property
    def scan(self) -> Scan:
        """What a first look into all documents saw, whatever filters hide; made once, for all views."""
        if self._seen is None:
            self._seen = scan(self._documents)
        return self._seen

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of all documents, matched by (supercategory, name), with ids that are dense from 1.

        In order of first appearance, also those without annotations. Filters change nothing of it.
        """
        return self.scan.table.all()

    def __len__(self) -> int:
        """Count the work items; one whose images stand in several documents counts once for each of them."""
        return sum(1 for _ in self.items()) if self.is_filtered else self.scan.items

    def __repr__(self) -> str:
        filtered = ", filtered" if self.is_filtered else ""
        return f"{type(self).__name__}({str(self.root)!r}, {counted(len(self._documents.found), 'document')}{filtered})"

    def __iter__(self) -> Iterator[Item]:
        return self.items()

    def items(self, report: Report | None = None) -> Iterator[Item]:
        """Yield each work item with its images.

        A report that is given is told what comes in, and what is left out and why; give it to one pass only. What
        filters hide does not come in. Raises DiskError where files were changed since the dataset was opened.

        >>> from importlib.resources import files
        >>> from cf_ai_platform_client import datasets
        >>> dataset, report = datasets.open(files("cf_ai_platform_client.sandbox") / "data" / "coco"), datasets.Report()
        >>> sum(len(item.samples) for item in dataset.items(report))
        36
        >>> report.annotations.came_in, report.annotations.left_out
        (615, Counter())
        """
        return self._pass(report).items()

    def samples(self, report: Report | None = None) -> Iterator[Sample]:
        """Yield each image with its annotations; see `items`."""
        for item in self.items(report):
            yield from item.samples

    def images(self) -> Iterator[Image]:
        """Yield each image."""
        return (sample.image for sample in self.samples())

    def annotations(self) -> Iterator[Annotation]:
        """Yield each annotation."""
        for sample in self.samples():
            yield from sample.annotations

    def index(self) -> SampleIndex:
        """Return the images by number, for what reads in any order, such as a torch `DataLoader`.

        Length and order are those of `samples`. It takes 16 bytes an image; without filters nothing is read to make it.
        Raises DiskError, as its look-ups do, where a document is gone, broken, or has another number of images.
        """
        reading = self._pass()
        return SampleIndex(self._positions(reading.load), reading.load, reading.changed)

    def filter(
        self,
        *,
        batches: Iterable[str | int] | None = None,
        categories: Iterable[str | int | Category] | None = None,
        item_ids: Iterable[str] | None = None,
        min_area: float | None = None,
        max_area: float | None = None,
        crowds: bool = True,
        keep_empty: bool = True,
        where: Callable[[Sample], bool] | None = None,
    ) -> Self:
        """Return a view of some of it, which reads when it is read; filters of views add up.

        `batches` are names or ids; `categories` are names, `supercategory/name`, the dataset's ids or its categories;
        areas are in square pixels, bounds included; `crowds=False` hides annotations with `iscrowd` 1.
        `keep_empty=False` hides images of which no annotation is shown. `where` is asked for each image, with what the
        other filters show of it. Raises ValueError for a batch, category or work item that is not in the dataset.

        >>> from importlib.resources import files
        >>> from cf_ai_platform_client import datasets
        >>> dataset = datasets.open(files("cf_ai_platform_client.sandbox") / "data" / "coco")
        >>> nuclei = dataset.filter(categories=["nucleus"], min_area=500, keep_empty=False)
        >>> len(nuclei), sum(1 for _ in nuclei.annotations())
        (13, 36)
        """
        chosen = select(
            self.scan.batches,
            self.categories,
            self._unknown_items,
            batches=batches,
            categories=categories,
            item_ids=item_ids,
            min_area=min_area,
            max_area=max_area,
            crowds=crowds,
            keep_empty=keep_empty,
            where=where,
        )
        return type(self)(self._documents, [*self._selections, chosen], self.scan)

    def _unknown_items(self, item_ids: frozenset[str]) -> frozenset[str]:
        """Return which work items are not there; only documents whose names do not tell theirs are read for it."""
        several, documents = self.scan.several, enumerate(self._documents.found)
        unknown = item_ids - {owner_of(each, None, None)[0] for number, each in documents if number not in several}
        load = Pass(self._documents, self.scan, (), Report()).items_in
        for number in sorted(several) if unknown else ():
            unknown -= {item.work_item_id for item in load(number)}
        return unknown

    def _pass(self, report: Report | None = None) -> Pass:
        return Pass(self._documents, self.scan, self._selections, Report() if report is None else report)

    def _positions(self, load: Load) -> Iterator[tuple[int, int]]:
        for number, count in enumerate(self.scan.images_in):
            shown = len(load(number)[0]) if self._selections and count else count
            for place in range(shown):
                yield number, place
