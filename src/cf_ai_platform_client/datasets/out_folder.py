"""A folder that a tool writes: all of it or nothing, and over nobody's files."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from typing_extensions import Self

from ..adapters.disk_errors import unreadable
from ..adapters.file_tree import FileTree, Parts
from ..core.naming import OWN_FOLDER, SafeName, is_safe

Images = Literal["copy", "link", "none"]
"""What becomes of the image files: copied, linked to (symbolic links), or left where they are."""

_PIECE = 1 << 20


class OutFolder:
    """Use it as a context manager: leaving it gives the files their names, an error leaves nothing behind."""

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, images: Images = "copy") -> None:
        self.path = Path(path)
        self.images: Images = images
        self._overwrite = overwrite
        self._tree = FileTree(str(path), what="written")

    def __enter__(self) -> Self:
        if not self._overwrite and _holds_files(self.path):
            raise ValueError(f"out is {str(self.path)!r}, which is not empty: choose a new folder, or overwrite=True.")
        try:
            self._tree.make()
        except BaseException:
            self._tree.undo()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._tree.publish(overwrite=self._overwrite)
        except BaseException:
            self._tree.undo()
            raise
        if kind is not None:
            self._tree.undo()
        self._tree.close()

    @contextmanager
    def open(self, name: str) -> Generator[IO[bytes], None, None]:
        """Open a new file for writing; `name` is relative, with `/`. Several may be open at once.

        What the disk refuses is DiskError; the file gets its name when all of the folder is written.
        """
        with self._tree.open(_parts(name)) as file:
            yield file

    def scratch(self) -> IO[bytes]:
        """Open a file for writing and reading that is gone in the end."""
        return self._tree.scratch()

    def add_image(self, name: str, source: str | None) -> bool:
        """Copy an image, or link to it, as `images` says; tell whether it is there now."""
        parts = _parts(name)
        if source is None or self.images == "none":
            return False
        if self.images == "link":
            self._tree.link(parts, os.path.abspath(source))  # noqa: PTH100 - links in it are kept as they are
            return True
        try:
            image = Path(source).open("rb", buffering=0)  # noqa: SIM115 - errors of reading and writing differ
        except OSError as error:
            raise unreadable(error, source) from error
        with image, self._tree.open(parts, buffering=0) as file:
            while piece := _read(image, source):
                file.write(piece)
        return True


def _read(file: IO[bytes], path: str) -> bytes:
    try:
        return file.read(_PIECE)
    except OSError as error:
        raise unreadable(error, path) from error


def _parts(name: str) -> Parts:
    parts = name.split("/")
    if not all(map(is_safe, parts)):
        raise ValueError(f"{name!r} is no name for a file in a folder that is written.")
    return tuple(map(SafeName, parts))


def _holds_files(path: Path) -> bool:
    try:
        return any(entry.name != OWN_FOLDER for entry in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
