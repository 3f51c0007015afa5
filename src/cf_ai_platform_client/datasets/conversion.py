"""What a format's writer is given: the samples by split, their names, the folder, and the report that it fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .dataset import Dataset
from .out_folder import OutFolder
from .records import Sample
from .report import Report

Images = Literal["copy", "link", "none"]
"""What becomes of the image files: copied, linked to (symbolic links), or left where they are."""


@dataclass
class Conversion:
    """One conversion. `splits` has the one name "" where the dataset was not split, else "train", "val", "test".

    `name_of` gives each sample a relative path with `/` that no other has, without regard to case or extension, and in
    which `/` can be replaced by `_`.
    """

    splits: Mapping[str, Dataset]
    out: OutFolder
    name_of: Callable[[Sample], str]
    report: Report
    images: Images = "copy"
    crowds: Literal["keep", "skip"] | None = None


Writer = Callable[[Conversion], None]
