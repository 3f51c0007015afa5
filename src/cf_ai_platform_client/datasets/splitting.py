"""Which images are for training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping

from .dataset import Dataset


class Split:
    """A dataset in parts, by the name of each: "train", "val", "test"."""

    def __init__(self, parts: Mapping[str, Dataset]) -> None:
        self.parts = parts
