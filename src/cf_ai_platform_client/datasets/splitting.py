"""Which images are for training, validation and test: stable, stratified, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, get_args

from ..core.arguments import StrPath
from .assigning import Shares, SplitName, assign, check_whole_number
from .out_folder import check_apart
from .records import Sample
from .report import Report
from .split_file import read_split, write_split
from .split_part import SplitPart
from .split_units import SplitCounts, Units

if TYPE_CHECKING:
    from .conversion import Crowds, Images
    from .dataset import Dataset

By = Literal["image", "batch", "group"]
"""What is never cut: an image, a batch, or a group that the caller knows."""

Group = str | Callable[[Sample], object]


class Split:
    """A dataset in parts by name, "train", "val" and "test": lazy views, all with the same categories.

    `table` counts images and annotations by category and split, `shares` has the part of all images that each split
    got, `by_image` the split of each image by its key, and `report` what came in and was left out, and why.
    """

    def __init__(
        self, dataset: Dataset, by_image: Mapping[str, str], table: tuple[SplitCounts, ...], seed: int, report: Report
    ) -> None:
        self.dataset = dataset
        self.by_image = by_image
        self.table = table
        self.seed = seed
        self.report = report

    @classmethod
    def load(cls, path: StrPath, dataset: Dataset) -> Split:
        """Read what `save` wrote, for the images of a dataset. Raises ValueError for an image that it does not name."""
        file = read_split(path)
        known = file.by_image
        units = Units(dataset)
        keys = list(units.categories())
        missing = [key for key in keys if key not in known]
        if missing:
            more = f" and {len(missing) - 1:,} more belong" if len(missing) > 1 else " belongs"
            raise ValueError(
                f"{os.fspath(path)} does not say where {missing[0]}{more}: split again, with previous= this file, so "
                "that the others stay where they are."
            )
        by_image = {key: known[key] for key in keys}
        return cls(dataset, by_image, units.table(by_image, file.names), file.seed, units.report)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the splits, "train" first."""
        return tuple(self.table[0].images)

    @property
    def parts(self) -> Mapping[str, Dataset]:
        """The splits by name."""
        return {name: self[name] for name in self.names}

    @property
    def shares(self) -> Mapping[str, float]:
        """The part of all images that each split has."""
        counts = self.table[0].images
        return {name: count / max(1, sum(counts.values())) for name, count in counts.items()}

    @property
    def train(self) -> Dataset:
        """The images to train on."""
        return self["train"]

    @property
    def val(self) -> Dataset:
        """The images to choose by."""
        return self["val"]

    @property
    def test(self) -> Dataset:
        """The images to judge by in the end."""
        return self["test"]

    def __getitem__(self, name: str) -> Dataset:
        """Return a split by its name. Raises ValueError for one that there is not."""
        if name not in self.names:
            why = ", since its share was 0" if name in get_args(SplitName) else ""
            raise ValueError(f"There is no split {name!r}{why}: those that there are: {', '.join(self.names)}.")
        return SplitPart.of(self.dataset, self.by_image, name)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the splits."""
        return iter(self.names)

    def __repr__(self) -> str:
        counts = " ".join(f"{name}={count}" for name, count in self.table[0].images.items())
        return f"<Split {counts} seed={self.seed}>"

    def save(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Write which image is in which split, as JSON, for `load` and for `previous=`.

        Raises ValueError where a file is there already, with `overwrite` one that is no split; DiskError.
        """
        check_apart(path, self.dataset.documents.place)
        write_split(path, self.by_image, self.names, self.seed, overwrite=overwrite)

    def convert(
        self,
        format: str,
        out: StrPath,
        *,
        images: Images = "copy",
        crowds: Crowds | None = None,
        overwrite: bool = False,
        progress: Callable[[Report], None] | None = None,
    ) -> Report:
        """Write all splits in a format; see `Dataset.convert`."""
        from .converting import convert

        return convert(self, format, out, images=images, crowds=crowds, overwrite=overwrite, progress=progress)


def split(
    dataset: Dataset,
    train: float = 0.8,
    val: float = 0.1,
    test: float = 0.1,
    *,
    by: By = "image",
    group: Group | None = None,
    stratify: bool = True,
    seed: int = 0,
    previous: StrPath | Split | Mapping[str, str] | None = None,
) -> Split:
    """Say which images are for training, validation and test; see `Dataset.split`."""
    shares = Shares(train, val, test)
    if by not in get_args(By):
        raise ValueError(f"by is {by!r}, but must be one of: {', '.join(get_args(By))}.")
    if by == "group" and group is None:
        raise ValueError("by='group' needs group= as well: name a field that all images have.")
    if by != "group" and group is not None:
        raise ValueError(f"group goes with by='group' only, not with by={by!r}.")
    check_whole_number("seed", seed)
    known = _previous(previous)
    units = Units(dataset, _unit_of(by, group))
    pinned = units.pinned(known)
    if known:
        units.report.warnings.append(_kept(units.known(known), len(known)))
    gone = sorted(set(pinned.values()) - set(shares.spans))
    if gone:
        raise ValueError(f"previous has images in {gone[0]}, of which the share is 0 now.")
    by_unit = assign(units.categories(), shares, seed, pinned=pinned, stratify=stratify)
    table = units.table(by_unit, tuple(shares.spans))
    return Split(dataset, units.by_image(by_unit), table, seed, units.report)


def _unit_of(by: By, group: Group | None) -> Callable[[Sample], str] | None:
    if by == "image":
        return None
    return partial(_named, group) if by == "group" else attrgetter("batch")


def _named(name: Group | None, sample: Sample) -> str:
    if callable(name):
        return str(name(sample))
    if name not in sample.image.extra:
        fields = ", ".join(sample.image.extra) or "none beside those of COCO"
        more = ", or split by='batch'" if name == "batch" else ""
        raise ValueError(
            f"group is {name!r}, but {sample.image.file_name} in {sample.document} has no such field (it has {fields}):"
            f" name one that all images have{more}."
        )
    return str(sample.image.extra[name])


def _previous(value: StrPath | Split | Mapping[str, str] | None) -> Mapping[str, str]:
    if value is None:
        return {}
    if isinstance(value, Split):
        return value.by_image
    return value if isinstance(value, Mapping) else read_split(value).by_image


def _kept(count: int, known: int) -> str:
    if not count:
        named = f"images that previous names ({known:,})"
        raise ValueError(f"None of the {named} is in this dataset: it is the split of another one.")
    rest = f"; not in this dataset: {known - count:,}" if known > count else ""
    return f"Kept in their split: {count:,} of {known:,} images that previous names{rest}."
