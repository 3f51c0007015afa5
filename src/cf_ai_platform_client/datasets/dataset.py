"""A dataset: what lies in a folder, read lazily, document by document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.arguments import StrPath
from .reading import read_document
from .records import Annotation, Category, Image, Item, Sample
from .report import Report

if TYPE_CHECKING:
    from .conversion import Images
    from .fixing import FixReport
    from .splitting import Split
    from .stats import Stats
    from .validation import Validation


class Dataset:
    """The COCO documents of a folder, read when they are needed, one at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root

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
            if report is not None:
                report.documents.came_in += 1
                report.images.came_in += found.images_in
                report.annotations.came_in += found.annotations_in
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

    def images(self) -> Iterator[Image]:
        """Yield each image."""
        for sample in self.samples():
            yield sample.image

    def annotations(self) -> Iterator[Annotation]:
        """Yield each annotation."""
        for sample in self.samples():
            yield from sample.annotations

    def filter(
        self,
        *,
        batches: Iterable[str | int] | None = None,
        categories: Iterable[str | int] | None = None,
        item_ids: Iterable[str] | None = None,
        min_area: float | None = None,
        max_area: float | None = None,
        crowds: bool = True,
        keep_empty: bool = True,
        where: Callable[[Sample], bool] | None = None,
    ) -> Dataset:
        """Return a lazy view of some of it."""
        raise NotImplementedError

    def stats(self) -> Stats:
        """Count what is in it."""
        from .stats import stats

        return stats(self)

    def validate(self, *, images: bool | None = None) -> Validation:
        """Find what is wrong in it."""
        from .validation import validate

        return validate(self, images=images)

    def fix(self, out: StrPath, *, overwrite: bool = False) -> FixReport:
        """Write it with everything repaired that needs no guessing."""
        from .fixing import fix

        return fix(self, out, overwrite=overwrite)

    def merge(
        self, out: StrPath, *, images: Images = "none", ascii_only: bool = True, overwrite: bool = False
    ) -> Report:
        """Write one COCO document of all."""
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

        return split(
            self, train, val, test, by=by, group=group, stratify=stratify, seed=seed, previous=previous
        )

    def convert(
        self,
        format: str,
        out: StrPath,
        *,
        images: Images = "copy",
        crowds: Literal["keep", "skip"] | None = None,
        overwrite: bool = False,
    ) -> Report:
        """Write it in a format."""
        from .converting import convert

        return convert(self, format, out, images=images, crowds=crowds, overwrite=overwrite)

    def to_pandas(self) -> Any:
        """Return it as pandas tables."""
        from .frames import to_pandas

        return to_pandas(self)

    def to_polars(self) -> Any:
        """Return it as polars tables."""
        from .frames import to_polars

        return to_polars(self)

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

    def to_fiftyone(self, **options: Any) -> Any:
        """Return it as a FiftyOne dataset."""
        from .bridges.fiftyone import to_fiftyone

        return to_fiftyone(self, **options)


def open_dataset(path: StrPath) -> Dataset:
    """Open a folder of COCO documents, or one COCO file."""
    return Dataset(Path(path))
