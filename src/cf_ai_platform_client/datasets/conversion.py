"""What a format's writer is given: the samples by split, their names, the folder, and the report that it fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .dataset import Dataset
from .out_folder import Images as Images
from .out_folder import OutFolder
from .records import Sample
from .report import Report

Crowds = Literal["keep", "skip"]
"""What becomes of crowds (`iscrowd` 1) in a format that has no sign for them."""


@dataclass
class Conversion:
    """One conversion. `splits` has the one name "" where the dataset was not split, else "train", "val", "test".

    `name_of` gives each sample a relative path with `/` that no other has, without regard to case or extension, and in
    which `/` can be replaced by `_`. `images` is what `out.add_image` does; `crowds` is None where nothing was said.
    """

    splits: Mapping[str, Dataset]
    out: OutFolder
    name_of: Callable[[Sample], str]
    report: Report
    images: Images = "copy"
    crowds: Crowds | None = None


Writer = Callable[[Conversion], None]
