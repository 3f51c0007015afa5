"""A dataset: what lies in a folder, read lazily, and what can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..core.arguments import StrPath
from .documents import find_documents
from .report import Report
from .view import View

if TYPE_CHECKING:
    from .bridges.torch_samples import Transforms
    from .conversion import Crowds
    from .fixing import FixReport
    from .out_folder import Images
    from .splitting import Group, Split
    from .stats import BatchStats, Counts, Stats
    from .tables import TableName
    from .validation import Validation


class Dataset(View):
    """The COCO documents of a folder, in the order of their paths, read when they are needed, one in memory at a time.

    `datasets.open` makes one, which knows from then on which documents there are. A first look into all of them counts
    what is there, when that is first needed; a document that changes afterwards is read as it is then, and is a
    DiskError where it has other categories.
    """

    def counts(self) -> Counts:
        """Count work items, images and annotations, also by category.

        Without filters in a quarter of the time that `json.load` of each file takes, or less. What cannot be used is
        not counted; `stats` tells of it, and more.

        >>> from importlib.resources import files
        >>> from cf_ai_platform_client import datasets
        >>> counts = datasets.open(files("cf_ai_platform_client.sandbox") / "data" / "coco").counts()
        >>> counts.images, counts.annotations, [(each.name, each.annotations) for each in counts.categories]
        (36, 615, [('Tree', 424), ('nucleus', 154), ('Alive', 9), ('Dead', 28)])
        """
        from .stats import counts

        return counts(self)

    def batches(self) -> tuple[BatchStats, ...]:
        """Return name, id and number of work items of each batch, in the order of the documents."""
        return self.counts().batches

    def stats(self) -> Stats:
        """Count also sizes of objects, shapes, images on the disk, and what was left out and why; reads all of it."""
        from .stats import stats

        return stats(self)

    def validate(self, *, images: bool | None = None) -> Validation:
        """Find what breaks tools and training; iterating over the result yields each finding, and reads all of it.

        `images` says whether image files are compared with what documents say of them: None does so where Pillow is
        there. Raises MissingExtra for `images=True` without it, ValueError for a filtered view.
        """
        from .validation import validate

        return validate(self, images=images)

    def fix(self, out: StrPath, *, images: Images = "none", overwrite: bool = False) -> FixReport:
        """Write all documents to a folder, repaired where that needs no guessing, and list each change.

        `images` says whether image files are copied there or linked to, to the same places, or stay where they are.
        Raises ValueError for a filtered view, and where `out` is not empty, unless `overwrite`; DiskError.
        """
        from .fixing import fix

        return fix(self, out, images=images, overwrite=overwrite)

    def merge(
        self, out: StrPath, *, images: Images = "none", ascii_only: bool = True, overwrite: bool = False
    ) -> Report:
        """Write one COCO document of all, and a map from every new id to where it came from.

        `out` is a folder for `annotations.json` and `map.jsonl`, or the path of a `.json` file. `images` says whether
        image files are copied there, linked to, or stay where they are. The same input gives the same bytes. Raises
        ValueError where `out` is not empty, unless `overwrite`; DiskError.
        """
        from .merging import merge

        return merge(self, out, images=images, ascii_only=ascii_only, overwrite=overwrite)

    def split(
        self,
        train: float = 0.8,
        val: float = 0.1,
        test: float = 0.1,
        *,
        by: Literal["image", "batch", "group"] = "image",
        group: Group | None = None,
        stratify: bool = True,
        seed: int = 0,
        previous: StrPath | Split | Mapping[str, str] | None = None,
    ) -> Split:
        """Say which images are for training, validation and test, by their keys.

        `by` says what is never cut; `group` is a field of the images or a function of a sample, for `by="group"`.
        Each image goes by its key and the seed, whatever else is there. But `stratify` moves some of categories that a
        split lacks, and may move others when images were added, out of test, too. `previous` keeps those of an earlier
        split, a file, a `Split` or a mapping of keys, where they were: use it when a dataset grows. How many it kept is
        in the report's warnings. Raises ValueError for shares that do not add up to 1, and where `previous` names none
        of the images.

        >>> from importlib.resources import files
        >>> from cf_ai_platform_client import datasets
        >>> split = datasets.open(files("cf_ai_platform_client.sandbox") / "data" / "coco").split(0.75, 0.25, 0)
        >>> split.names, sum(len(part.index()) for part in split.parts.values())
        (('train', 'val'), 36)
        """
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
        """Write it to a folder in a format; the report tells what went out, and what was left out and why.

        `images` says whether image files are copied, linked to, or left out; `crowds` whether a format without a sign
        for crowds keeps or skips them. Raises ValueError for an unknown format, which names those that there are, and
        where `out` is not empty, unless `overwrite`; MissingExtra; DiskError.
        """
        from .converting import convert

        return convert(self, format, out, images=images, crowds=crowds, overwrite=overwrite)

    def to_pandas(self, table: TableName = "annotations", *, report: Report | None = None) -> Any:
        """Return its annotations, images or categories as a pandas DataFrame. Raises MissingExtra."""
        from .frames import to_pandas

        return to_pandas(self, table, report=report)

    def to_polars(self, table: TableName = "annotations", *, report: Report | None = None) -> Any:
        """Return its annotations, images or categories as a polars DataFrame. Raises MissingExtra."""
        from .frames import to_polars

        return to_polars(self, table, report=report)

    def to_torch(
        self,
        *,
        transforms: Transforms | None = None,
        masks: bool | None = None,
        keypoints: bool | None = None,
        missing: Literal["raise", "skip"] = "raise",
        report: Report | None = None,
    ) -> Any:
        """Return a `torch.utils.data.Dataset` of images and targets, as torchvision's detectors take them.

        `masks` and `keypoints` are None for "if every annotation has them"; `missing` says what becomes of images that
        are not on the disk. Its docstring, and `bridges.torch`, have the shapes. Raises ItemError, MissingExtra.
        """
        from .bridges.torch import to_torch

        return to_torch(self, transforms=transforms, masks=masks, keypoints=keypoints, missing=missing, report=report)

    def to_supervision(self, *, masks: bool = True, report: Report | None = None) -> Any:
        """Return a `supervision.DetectionDataset`. Raises ItemError for an image that is missing, MissingExtra."""
        from .bridges.supervision import to_supervision

        return to_supervision(self, masks=masks, report=report)

    def to_huggingface(self, *, cache_dir: StrPath | None = None, report: Report | None = None) -> Any:
        """Return a Hugging Face `datasets.Dataset`, an Arrow file below `cache_dir`. Raises MissingExtra."""
        from .bridges.huggingface import to_huggingface

        return to_huggingface(self, cache_dir=cache_dir, report=report)

    def to_fiftyone(
        self,
        out: StrPath,
        *,
        name: str | None = None,
        persistent: bool = False,
        images: Images = "copy",
        overwrite: bool = False,
        report: Report | None = None,
    ) -> Any:
        """Write it as COCO to `out`, and return the FiftyOne dataset that is imported from there.

        `name` and `persistent` are FiftyOne's; the folder has to stay. Raises ItemError, ValueError, MissingExtra.
        """
        from .bridges.fiftyone import to_fiftyone

        return to_fiftyone(
            self, out, name=name, persistent=persistent, images=images, overwrite=overwrite, report=report
        )


def open_dataset(path: StrPath) -> Dataset:
    """Open what was downloaded, any folder of COCO documents, or one COCO file.

    Where the folder has a journal of downloads, the documents are those that it names, with its work items, batches and
    images; a damaged journal is a warning, and the folder is read as any other: all `*.json` below it. Folders and
    files whose names begin with a dot are left aside, links that lead out of the folder are not followed.
    Raises ValueError for what is no path, DiskError for a folder that cannot be read or that a run writes to.

    >>> from importlib.resources import files
    >>> from cf_ai_platform_client import datasets
    >>> dataset = datasets.open(files("cf_ai_platform_client.sandbox") / "data" / "coco")
    >>> sample = next(dataset.samples())
    >>> sample.image.file_name, sample.image.width, len(sample.annotations)
    ('yell541_0_0.jpg', 400, 20)
    """
    return Dataset(find_documents(path))
