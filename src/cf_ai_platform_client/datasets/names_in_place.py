"""Names of images that stay where they are: a path that leads there, else a name that no other image has."""

from __future__ import annotations

from typing import Any

from .names import ORIGINAL, Named, Names, name_on_disk
from .records import Sample


class NamesInPlace:
    """Names the images of a dataset: one on the disk by its path, the others as `Names` does, each unlike the paths.

    Call `note` for each image and `settle` once, then `decide` for what a `CocoWriter` has of each.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._names = Names()
        self._on_disk = self._below_images = self._twins = 0

    def path_of(self, sample: Sample) -> str | None:
        """Return the path that an image is named by, None where it waits for the others."""
        return name_on_disk(sample, self._root)

    def note(self, sample: Sample) -> str | None:
        """Take in an image that is to be named; return its path as `path_of` does."""
        name = self.path_of(sample)
        if name is None and ORIGINAL in sample.image.extra:
            self._names.keep(Named.of(sample))
        elif name is None:
            self._names.note(Named.of(sample))
        else:
            self._twins += not self._names.reserve(name)
            self._on_disk += 1
            self._below_images += len(sample.path or "") > len(self._root) + 1 + len(name)
        return name

    def settle(self) -> None:
        """Forget what is needed no more, before names are asked for."""
        self._names.settle()

    def decide(self, row: dict[str, Any], name: str | None, named: Named) -> str:
        """Name an image, given what is written of it and its path."""
        if name is None:
            return self._names.name(named)
        if self._names.is_shared(name):
            row.setdefault(ORIGINAL, row["file_name"])  # it says that the name was given
        return name

    def warnings(self) -> list[str]:
        """Tell from where the names lead on, and which of them some tools take for the same."""
        found: list[str] = []
        if self._on_disk:
            found.append(f"Images stay where they are: {self._places()}.")
        if self._twins:
            found.append(
                f"{self._twins:,} of the images on the disk have a name that another has but for case or extension: "
                "some tools take them for the same; images='copy' names them apart."
            )
        return found

    def _places(self) -> str:
        lead = "file names lead on from"
        if not self._below_images:
            return f"{lead} {self._root}"
        if self._below_images == self._on_disk:
            return f"{lead} {self._root}/images"
        return f"{lead} {self._root}, those of {self._below_images:,} images from {self._root}/images"
