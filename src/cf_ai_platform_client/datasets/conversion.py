"""What a format's writer is given: the samples by split, their names, the folder, and the report that it fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .dataset import Dataset
from .names import Names
from .out_folder import Images as Images
from .out_folder import OutFolder
from .report import Report

Crowds = Literal["keep", "skip"]
"""What becomes of crowds (`iscrowd` 1) in a format that has no sign for them."""


@dataclass
class Conversion:
    """One conversion. `splits` has the one name "" where the dataset was not split, else "train", "val", "test".

    `whole` is the dataset that was split, `images` what `out.add_image` does; `crowds` is None where nothing was said.
    """

    splits: Mapping[str, Dataset]
    whole: Dataset
    out: OutFolder
    report: Report
    images: Images = "copy"
    crowds: Crowds | None = None

    @cached_property
    def name_of(self) -> Names:
        """What gives each sample a relative path with `/` that no other has, without regard to case or extension.

        In it `/` can be replaced by `_`. Reads all of the dataset.
        """
        return Names.of(self.whole.samples())


Writer = Callable[[Conversion], None]
