"""A split on the disk: `{"version": 1, "seed": 0, "splits": {"train": [KEY, …], …}}`, keys sorted, one a line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ..adapters.disk_errors import unreadable
from ..core.arguments import StrPath
from ..errors import DiskError
from .assigning import SplitName
from .out_folder import OutFolder, check_free, write_folder
from .report import Report

_VERSION = 1


def write_split(
    path: StrPath, by_image: Mapping[str, str], names: tuple[str, ...], seed: int, *, overwrite: bool
) -> None:
    """Write which image is in which split. Raises ValueError where a file is there that may not go, DiskError."""
    target = Path(path)
    check_free({target: _is_split}, overwrite=overwrite)
    splits: dict[str, list[str]] = {name: [] for name in names}
    for key, name in by_image.items():
        splits[name].append(key)
    for keys in splits.values():
        keys.sort()
    content = json.dumps({"version": _VERSION, "seed": seed, "splits": splits}, indent=0).encode() + b"\n"

    def work(out: OutFolder) -> None:
        with out.open(target.name) as file:
            file.write(content)

    write_folder(target.parent, work, Report(), overwrite=overwrite, among_others=target.name)


def read_split(path: StrPath) -> SplitFile:
    """Read it. Raises ValueError, DiskError."""
    name = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(error, name) from error
    try:
        found = msgspec.convert(json.loads(content), SplitFile)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no split of version {_VERSION}: give a file that `split` wrote.") from error
    _check_once(found, name)
    return found


def _check_once(file: SplitFile, name: str) -> None:
    """Raise ValueError for an image that is in two splits: it would be trained on, and judged by."""
    splits: dict[str, str] = {}
    for split, keys in file.splits.items():
        for key in keys:
            if splits.setdefault(key, split) != split:
                raise ValueError(f"{name} has {key} in {splits[key]} and in {split}: leave it in one of them.")


def _is_split(path: Path) -> bool:
    try:
        read_split(path)
    except (ValueError, DiskError):
        return False
    return True


class SplitFile(msgspec.Struct):
    """What is in it."""

    version: Literal[1]
    seed: int
    splits: dict[SplitName, list[str]]

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that there are, "train" first."""
        return tuple(name for name in get_args(SplitName) if name in self.splits)

    @property
    def by_image(self) -> dict[str, str]:
        """The split of each image by its key."""
        return {key: split for split, keys in self.splits.items() for key in keys}
