"""Many files below one folder, at any depth: all of them or none. Links are not followed; the folder may be one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from ..core.naming import SafeName
from ..errors import DiskError
from .disk_errors import disk_error
from .folders import Folder

Parts = tuple[SafeName, ...]

_OPEN_FOLDERS = 64


class FileTree:
    """Partial files that get their names together; `undo` removes what was made. What it raises is DiskError.

    Use it from one thread at a time. A file that was replaced stays so.
    """

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._folders: OrderedDict[Parts, Folder] = OrderedDict()
        self._staged: list[tuple[Parts, str]] = []
        self._named: list[Parts] = []
        self._made: list[Parts] = []
        self._made_above: list[Path] = []

    def full_path(self, path: Parts) -> str:
        """Return a path as one that begins with the destination as it was given."""
        return os.path.join(self._destination, *path)  # noqa: PTH118 - keeps the destination as given

    def check_room(self, paths: Iterable[Parts], *, overwrite: bool) -> None:
        """Raise DiskError where something stands in the way of a file; files do not with `overwrite`."""
        if not os.path.isdir(self._destination):  # noqa: PTH112 - `make` makes it, or says why not
            return
        missing: set[Parts] = set()
        for path in paths:
            if not missing.isdisjoint(path[:depth] for depth in range(1, len(path))):
                continue
            with self._errors(path):
                try:
                    mode = self._folder(path[:-1], make=False).mode(path[-1])
                except FileNotFoundError:
                    missing.add(path[:-1])
                    continue
                self._check(path, mode, overwrite=overwrite)

    def make(self) -> None:
        """Make the destination where it is missing."""
        with self._errors(()):
            above = Path(self._destination)
            while not above.exists():
                self._made_above.append(above)
                above = above.parent
            os.makedirs(self._destination, exist_ok=True)  # noqa: PTH103

    def write(self, path: Parts, pieces: Iterable[bytes]) -> int:
        """Write a partial file whole and return its size."""
        with self._errors(path):
            partial, descriptor = self._folder(path[:-1]).create_partial()
        self._staged.append((path, partial))
        size = 0
        try:
            for piece in pieces:
                size += len(piece)
                with self._errors(path):
                    _write_all(descriptor, piece)
        finally:
            with self._errors(path):
                os.close(descriptor)
        return size

    def publish(self, *, overwrite: bool) -> None:
        """Give every file its name. What came in the way since `check_room` is looked at again."""
        self.close()  # so that each folder is looked up again, and no link is followed that came meanwhile
        self._staged.reverse()
        while self._staged:
            path, partial = self._staged[-1]
            with self._errors(path):
                folder = self._folder(path[:-1], make=False)
                mode = folder.mode(path[-1])
                self._check(path, mode, overwrite=overwrite)
                folder.rename(partial, path[-1])
            self._staged.pop()
            if mode is None:
                self._named.append(path)

    def undo(self) -> None:
        """Remove the files and folders that were made."""
        for path, name in [*self._staged, *((path, path[-1]) for path in self._named)]:
            with contextlib.suppress(OSError):
                self._folder(path[:-1], make=False).remove(name)
        for path in reversed(self._made):
            with contextlib.suppress(OSError):
                self._folder(path[:-1], make=False).remove_folder(path[-1])
        self.close()
        for above in self._made_above:
            with contextlib.suppress(OSError):
                above.rmdir()

    def close(self) -> None:
        """Let go of the folders."""
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()

    def _check(self, path: Parts, mode: int | None, *, overwrite: bool) -> None:
        if mode is not None and stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "a folder")
        if mode is not None and not overwrite:
            full = self.full_path(path)
            hint = "Choose another folder, or overwrite what is there (overwrite=True)."
            failure = DiskError(f"{full} is there already: nothing was extracted.", code="disk_error", hint=hint)
            failure.errno, failure.filename, failure.strerror = errno.EEXIST, full, "it is there already"
            raise failure

    def _folder(self, path: Parts, *, make: bool = True) -> Folder:
        found = self._folders.get(path)
        if found is not None:
            self._folders.move_to_end(path)
            return found
        if not path:
            found = Folder.open(self._destination)
        else:
            parent = self._folder(path[:-1], make=make)
            if make and parent.make(path[-1]):
                self._made.append(path)
            found = parent.inside(path[-1], make=False)
        self._folders[path] = found
        if len(self._folders) > _OPEN_FOLDERS:
            self._folders.popitem(last=False)[1].close()
        return found

    @contextmanager
    def _errors(self, path: Parts) -> Generator[None, None, None]:
        try:
            yield
        except DiskError:
            raise
        except OSError as error:
            raise disk_error(error, self.full_path(path)) from error


def _write_all(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
