"""A dataset: what lies in a folder, read lazily, document by document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.arguments import StrPath
from .documents import Documents, find_documents
from .filtering import Selection, select
from .indexing import SampleIndex
from .passes import Pass
from .records import Annotation, Category, Image, Item, Sample
from .report import Report
from .scanning import Scan, scan

if TYPE_CHECKING:
    from .conversion import Crowds
    from .fixing import FixReport
    from .out_folder import Images
    from .splitting import Split
    from .stats import BatchStats, Counts, Stats
    from .tables import TableName
    from .validation import Validation


class Dataset:
    """The COCO documents of a folder, in the order of their paths, read when they are needed and one at a time.

    `datasets.open` makes one, which knows from then on which documents there are. A first look into all of them counts
    what is there, when it is first needed; files that change later are a DiskError, or are counted as they were.
    """

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
        """Whether it is a view that a filter made."""
        return bool(self._selections)

    @property
    def documents(self) -> Documents:
        """Which documents there are, without regard to filters, and which files were left aside and why."""
        return self._documents

    @property
    def scan(self) -> Scan:
        """What a first look into all documents saw, without regard to filters; kept for all views."""
        if self._seen is None:
            self._seen = scan(self._documents)
        return self._seen

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of all documents, matched by (supercategory, name), their ids dense from 1 in that order.

        The order is that of first appearance. Those without annotations are there too, and a filter changes nothing.
        """
        return self.scan.table.all()

    def __len__(self) -> int:
        """Count the work items."""
        return sum(1 for _ in self.items()) if self._selections else self.scan.items

    def __iter__(self) -> Iterator[Item]:
        return self.items()

    def items(self, report: Report | None = None) -> Iterator[Item]:
        """Yield each work item with its images.

        A report is given what comes in and what is left out and why; give it to one pass only. What filters hide does
        not come in. Raises DiskError where files were changed after the dataset was opened.
        """
        return Pass(self._documents, self.scan, self._selections, Report() if report is None else report).items()

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

    def counts(self) -> Counts:
        """Count work items, images, annotations, and both by category.

        Fast where no filter is: a quarter of the time that `json.load` of each file takes. What cannot be used is not
        counted; `stats` tells of it, and more.
        """
        from .stats import counts

        return counts(self)

    def batches(self) -> tuple[BatchStats, ...]:
        """Return name, id and number of work items of each batch, in the order of the documents."""
        return self.counts().batches

    def index(self) -> SampleIndex:
        """Return the images by number, for what reads in any order, such as a torch `DataLoader`.

        Its length is that of `samples()`, its order the same. It takes 16 bytes an image, and without filters nothing
        is read to make it.
        """
        return SampleIndex(self._positions(), self._load)

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
    ) -> Dataset:
        """Return a view of some of it, which reads when it is read; filters of a view add up.

        `batches` are names or ids; `categories` names, `supercategory/name`, ids of the dataset or categories; areas
        are in square pixels, both bounds included; `crowds=False` hides what has `iscrowd` 1. `keep_empty=False` hides
        images in which no annotation is shown. `where` is asked for each image, with what the others show of it.
        Raises ValueError for a batch or category that is not there.

        >>> from cf_ai_platform_client import datasets
        >>> from cf_ai_platform_client.datasets import Dataset
        """
        chosen = select(
            self.scan.batches,
            self.categories,
            batches=batches,
            categories=categories,
            item_ids=item_ids,
            min_area=min_area,
            max_area=max_area,
            crowds=crowds,
            keep_empty=keep_empty,
            where=where,
        )
        return Dataset(self._documents, [*self._selections, chosen], self.scan)

    def stats(self) -> Stats:
        """Count images, annotations, categories, sizes and more. Raises as `items` does."""
        from .stats import stats

        return stats(self)

    def validate(self, *, images: bool | None = None) -> Validation:
        """Find what is wrong in it, and what breaks which tools."""
        from .validation import validate

        return validate(self, images=images)

    def fix(self, out: StrPath, *, overwrite: bool = False) -> FixReport:
        """Write it with everything repaired that needs no guessing."""
        from .fixing import fix

        return fix(self, out, overwrite=overwrite)

    def merge(
        self, out: StrPath, *, images: Images = "none", ascii_only: bool = True, overwrite: bool = False
    ) -> Report:
        """Write one COCO document of all, and a map from every new id to where it came from."""
        from .merging import merge

        return merge(self, out, images=images, ascii_only=ascii_only, overwrite=overwrite)

    def split(
        self,
        train: float = 0.8,
        val: float = 0.1,
        test: float = 0.1,
        *,
        by: Literal["image", "batch", "group"] = "image",
        group: str | Callable[[Sample], str] | None = None,
        stratify: bool = True,
        seed: int = 0,
        previous: StrPath | Split | Mapping[str, str] | None = None,
    ) -> Split:
        """Say which images are for training, validation and test."""
        from .splitting import split

        return split(self, train, val, test, by=by, group=group, stratify=stratify, seed=seed, previous=previous)

    def convert(
        self,
        format: str,
        out: StrPath,
        *,
        images: Images = "copy",
        crowds: Crowds | None = None,
        overwrite: bool = False,
    ) -> Report:
        """Write it in a format."""
        from .converting import convert

        return convert(self, format, out, images=images, crowds=crowds, overwrite=overwrite)

    def to_pandas(self, table: TableName = "annotations") -> Any:
        """Return its annotations, images or categories as a pandas DataFrame."""
        from .frames import to_pandas

        return to_pandas(self, table)

    def to_polars(self, table: TableName = "annotations") -> Any:
        """Return its annotations, images or categories as a polars DataFrame."""
        from .frames import to_polars

        return to_polars(self, table)

    def to_torch(self, **options: Any) -> Any:
        """Return it as a torch `Dataset`."""
        from .bridges.torch import to_torch

        return to_torch(self, **options)

    def to_supervision(self, **options: Any) -> Any:
        """Return it as a `supervision.DetectionDataset`."""
        from .bridges.supervision import to_supervision

        return to_supervision(self, **options)

    def to_huggingface(self, **options: Any) -> Any:
        """Return it as a Hugging Face `datasets.Dataset`."""
        from .bridges.huggingface import to_huggingface

        return to_huggingface(self, **options)

    def to_fiftyone(self, out: StrPath, **options: Any) -> Any:
        """Write it as COCO to `out`, and return the FiftyOne dataset that is imported from there."""
        from .bridges.fiftyone import to_fiftyone

        return to_fiftyone(self, out, **options)

    def _positions(self) -> Iterator[tuple[int, int]]:
        for number, count in enumerate(self.scan.images_in):
            shown = len(self._load(number)[0]) if self._selections and count else count
            for place in range(shown):
                yield number, place

    def _load(self, number: int) -> tuple[list[Sample], int]:
        one = Pass(self._documents, self.scan, self._selections, Report())
        samples = [sample for item in one.items_in(number) for sample in item.samples]
        return samples, one.bytes_read


def open_dataset(path: StrPath) -> Dataset:
    """Open what was downloaded, any folder of COCO documents, or one COCO file.

    Where the folder has a journal of downloads, the documents are those that it names, with its work items, batches and
    images; a damaged journal is a warning, and the folder is read as any other: all `*.json` below it. Folders and
    files whose names begin with a dot are left aside, links that lead out of the folder are not followed.
    Raises ValueError for what is no path, DiskError for a folder that cannot be read or that a run writes to.

    >>> import json
    >>> from cf_ai_platform_client import datasets
    """
    return Dataset(find_documents(path))
