"""Files of a destination: written to a temporary file in the same folder, then renamed; links are not followed.

Folders are held by descriptors where the system has them, so that a folder swapped for a link in mid-run leads
nowhere. `DEST` itself may be a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections import OrderedDict
from pathlib import Path

from ..core.naming import SafeName
from ..errors import DiskError, ErrorCode

PARTIAL_PREFIX = ".cf-ai-"
PARTIAL_SUFFIX = ".part"

_HAS_DESCRIPTORS = {os.open, os.mkdir, os.rename, os.unlink} <= os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_OPEN_FOLDERS = 64
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}
_ONE_ITEM = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG}


class LocalStore:
    """Writes whole files below one destination; use it from one thread at a time."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._root: _Folder | None = None
        self._folders: OrderedDict[str, _Folder] = OrderedDict()

    def open(self) -> None:
        """Open the destination, made where it is missing. Raises DiskError, which concerns every file."""
        self._opened()

    def write(self, folder: SafeName, name: SafeName, content: bytes) -> str:
        """Write one file, replacing what was there, and return its path, which begins with the destination.

        Raises DiskError; what was there before is then unchanged.
        """
        path = os.path.join(self._destination, folder, name)  # noqa: PTH118 - keeps the destination as given
        root = self._opened()
        try:
            self._folder(root, folder).write(name, content)
        except OSError as error:
            raise disk_error(error, path) from error
        return path

    def close(self) -> None:
        """Let go of the folders."""
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()
        if self._root is not None:
            self._root.close()
            self._root = None

    def _opened(self) -> _Folder:
        if self._root is None:
            try:
                os.makedirs(self._destination, exist_ok=True)  # noqa: PTH103
                self._root = _Folder.open(self._destination)
            except OSError as error:
                raise disk_error(error, self._destination) from error
        return self._root

    def _folder(self, root: _Folder, name: SafeName) -> _Folder:
        if name in self._folders:
            self._folders.move_to_end(name)
            return self._folders[name]
        folder = self._folders[name] = root.inside(name)
        if len(self._folders) > _OPEN_FOLDERS:
            self._folders.popitem(last=False)[1].close()
        return folder


class _Folder:
    """An open folder: a descriptor where the system has them, else a checked path."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> _Folder:
        if not _HAS_DESCRIPTORS:
            return cls(Path(path), None)
        return cls(Path(path), os.open(path, os.O_RDONLY | os.O_DIRECTORY))

    def inside(self, name: str) -> _Folder:
        """Open a folder in this one, made where it is missing; a link is refused."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._at(name), dir_fd=self._descriptor)
        if self._descriptor is None:
            _refuse_link(self._path / name)
            return _Folder(self._path / name, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        return _Folder(self._path / name, os.open(name, flags, dir_fd=self._descriptor))

    def write(self, name: str, content: bytes) -> None:
        partial = f"{PARTIAL_PREFIX}{secrets.token_hex(8)}{PARTIAL_SUFFIX}"
        if self._descriptor is None:
            _refuse_link(self._path)
        try:
            self._write_new(partial, content)
            os.replace(self._at(partial), self._at(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except BaseException:
            self._remove(partial)
            raise

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _write_new(self, name: str, content: bytes) -> None:
        descriptor = os.open(self._at(name), _CREATE, 0o666, dir_fd=self._descriptor)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def _at(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


def disk_error(error: OSError, path: str) -> DiskError:
    """Say in one sentence what the disk refused, and what to do."""
    code: ErrorCode = "disk_full" if error.errno in _FULL else "disk_error"
    why, hint = {
        errno.ENOSPC: ("the disk is full", "Free some space and run again: what is there is whole."),
        errno.EFBIG: ("a file-size limit was reached", "Raise the limit (ulimit -f) and run again."),
        errno.EACCES: ("permission denied", "Choose a destination that you may write to."),
        errno.EPERM: ("permission denied", "Choose a destination that you may write to."),
        errno.EROFS: ("the file system is read-only", "Choose a destination that you may write to."),
        errno.ENOENT: ("its folder is gone or cannot be made", "Check the destination and run again."),
        errno.ELOOP: ("a symbolic link stands in the way, which is not followed", "Remove the link."),
        errno.ENOTDIR: ("something that is no folder stands in the way", "Remove it, or a link that stands there."),
        errno.EEXIST: ("something that is no folder stands in the way", "Remove it, or a link that stands there."),
        errno.EISDIR: ("a folder stands in its place", "Remove the folder."),
    }.get(error.errno or 0, ((error.strerror or str(error)).lower(), "Check the disk and run again."))
    failure = DiskError(f"{path} cannot be written: {why}.", code=code, hint=hint)
    failure.errno, failure.filename = error.errno, path
    failure.strerror = why
    return failure


def concerns_one_file(error: DiskError) -> bool:
    """Tell whether other files may still be written after this error."""
    return error.errno in _ONE_ITEM


def _refuse_link(path: Path) -> None:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or not stat.S_ISDIR(mode):
        raise OSError(errno.ELOOP, "a link or a file stands in the way", str(path))
