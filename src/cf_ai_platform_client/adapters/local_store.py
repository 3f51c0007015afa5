"""Files of a destination: written to a partial file in the same folder, then renamed; links are not followed.

`DEST` itself may be a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from typing_extensions import Buffer

from ..core.naming import SafeName, is_safe, split_path
from ..core.planning import FileState
from ..errors import DiskError
from .disk_errors import disk_error
from .folders import Folder, is_partial

_OPEN_FOLDERS = 64
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


@dataclass(slots=True)
class Staged:
    """A partial file that waits for its name; `state` is what it will be known by once it is written."""

    path: str
    folder: SafeName
    name: SafeName
    partial: str
    descriptor: int
    state: FileState


class LocalStore:
    """Writes whole files below one destination; use it from one thread at a time.

    Folders are held open; `look_again` has each checked before its next use for what somebody put in its place.

    `durable` waits for the disk before a file gets its name, and after. What it raises is DiskError; what was there
    before is then unchanged.
    """

    def __init__(self, destination: str, *, durable: bool = False) -> None:
        self._destination = destination
        self._prefix = os.path.join(destination, "")  # noqa: PTH118 - keeps the destination as given
        self._durable = durable
        self._root: Folder | None = None
        self._folders: OrderedDict[str, Folder] = OrderedDict()
        self._renamed_in: set[SafeName] = set()
        self._looked_at: set[SafeName] = set()

    def full_path(self, path: str) -> str:
        """Return a relative path as one that begins with the destination as it was given."""
        return self._prefix + (path if os.sep == "/" else path.replace("/", os.sep))

    def write(self, folder: SafeName, name: SafeName, content: bytes) -> str:
        """Write one file, replacing what was there, and return its path, which begins with the destination."""
        staged = self.stage(folder, name, content)
        self.publish(staged)
        self.sync()
        return staged.path

    def stage(self, folder: SafeName, name: SafeName, content: Buffer) -> Staged:
        """Write a partial file whole."""
        staged = self.start(folder, name)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(staged.descriptor, rest) :]
            self.complete(staged)
        except BaseException as error:
            raise self._discarded(staged, error) from error
        return staged

    def start(self, folder: SafeName, name: SafeName) -> Staged:
        """Begin a partial file, whose descriptor the caller writes to before `complete`, or `discard`."""
        path = self.full_path(f"{folder}/{name}")
        self._opened(make=True)
        try:
            partial, descriptor = self._folder(folder).create_partial()
        except OSError as error:
            raise disk_error(error, path) from error
        return Staged(path, folder, name, partial, descriptor, FileState(0, 0))

    def complete(self, staged: Staged) -> None:
        """Close a partial file that has all its bytes."""
        try:
            if self._durable:
                os.fsync(staged.descriptor)
            found = os.fstat(staged.descriptor)
            staged.state = FileState(found.st_size, found.st_mtime_ns)
            descriptor, staged.descriptor = staged.descriptor, -1
            os.close(descriptor)
        except OSError as error:
            raise disk_error(error, staged.path) from error

    def publish(self, staged: Staged) -> None:
        """Give a file its name, replacing what was there."""
        try:
            self._folder(staged.folder).rename(staged.partial, staged.name)
        except BaseException as error:
            raise self._discarded(staged, error) from error
        if self._durable:
            self._renamed_in.add(staged.folder)

    def sync(self) -> None:
        """Wait until the names are on the disk, where that was asked for."""
        while self._renamed_in:
            folder = self._renamed_in.pop()
            with self._errors(self.full_path(folder)):
                self._folder(folder).sync()

    def look_again(self) -> None:
        """Check each folder once more before it is used."""
        self._looked_at.clear()

    def discard(self, staged: Staged) -> None:
        """Remove a partial file."""
        with contextlib.suppress(OSError):
            if staged.descriptor >= 0:
                os.close(staged.descriptor)
        with contextlib.suppress(OSError):
            self._folder(staged.folder).remove(staged.partial)

    def state(self, path: str) -> FileState | None:
        """Return size and time of change of a file by its relative path, None where no plain file is there."""
        parts = split_path(path)
        if parts is None:
            return None
        try:
            self._opened()
            return self._folder(parts[0], make=False).state(parts[1])
        except OSError:
            return None

    def is_out_of_reach(self, path: str) -> bool:
        """Tell whether permissions or the disk keep one from knowing if a file is there."""
        parts = split_path(path)
        if parts is None:
            return False
        try:
            self._opened()
            self._folder(parts[0], make=False).state(parts[1])
        except OSError as error:
            return error.errno not in _NOT_THERE
        return False

    def sha256(self, path: str) -> bytes | None:
        """Return the digest of a file by its relative path, None where it cannot be read."""
        parts = split_path(path)
        if parts is None:
            return None
        try:
            self._opened()
            return self._folder(parts[0], make=False).sha256(parts[1])
        except OSError:
            return None

    def remove(self, path: str) -> None:
        """Remove a file by its relative path, and its folder where that is empty now."""
        parts = split_path(path)
        if parts is None:
            return
        with self._errors(self.full_path(path)):
            root = self._opened()
            self._folder(parts[0], make=False).remove(parts[1])
            root.remove_folder(parts[0])

    def rename(self, path: str, name: SafeName) -> None:
        """Give a file another name in its folder, by its relative path."""
        parts = split_path(path)
        if parts is None:
            return
        with self._errors(self.full_path(path)):
            self._opened()
            self._folder(parts[0], make=False).rename(parts[1], name)

    def clear_partials(self) -> None:
        """Remove the partial files that a killed run left."""
        with contextlib.suppress(OSError):
            root = self._opened()
            for entry in list(root.names()):
                if entry.is_dir(follow_symlinks=False) and is_safe(entry.name):
                    self._clear(root, entry.name)
        self.close()

    def close(self) -> None:
        """Let go of the folders."""
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()
        self._looked_at.clear()
        if self._root is not None:
            self._root.close()
            self._root = None

    def _clear(self, root: Folder, name: str) -> None:
        with contextlib.suppress(OSError):
            folder = root.inside(name, make=False)
            for entry in list(filter(is_partial, (entry.name for entry in folder.names()))):
                with contextlib.suppress(OSError):
                    folder.remove(entry)
            folder.close()

    def _opened(self, *, make: bool = False) -> Folder:
        root = self._root
        if root is None:
            with self._errors(self._destination):
                root = self._root = Folder.open(self._destination, make=make)
        return root

    def _folder(self, name: SafeName, *, make: bool = True) -> Folder:
        folder = self._folders.get(name)
        if folder is not None and name in self._looked_at:
            self._folders.move_to_end(name)
            return folder
        root = self._opened()
        self._looked_at.add(name)
        if folder is not None and root.holds(name, folder):
            self._folders.move_to_end(name)
            return folder
        if folder is not None:  # somebody put a link or another folder in its place
            self._folders.pop(name).close()
        folder = self._folders[name] = root.inside(name, make=make)
        if len(self._folders) > _OPEN_FOLDERS:
            oldest, closed = self._folders.popitem(last=False)
            self._looked_at.discard(oldest)
            closed.close()
        return folder

    @contextmanager
    def _errors(self, path: str) -> Generator[None, None, None]:
        try:
            yield
        except DiskError:
            raise
        except OSError as error:
            raise disk_error(error, path) from error

    def _discarded(self, staged: Staged, error: BaseException) -> BaseException:
        """Remove a partial file and return what to raise for what went wrong with it."""
        self.discard(staged)
        return (
            disk_error(error, staged.path) if isinstance(error, OSError) and not isinstance(error, DiskError) else error
        )
