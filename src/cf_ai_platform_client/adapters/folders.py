"""An open folder: what is done in it goes through its descriptor where the system has them, and follows no link."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from ..core.planning import FileState

PARTIAL_PREFIX = ".cf-ai-"
PARTIAL_SUFFIX = ".part"

_NEEDED = {os.open, os.mkdir, os.rename, os.unlink, os.stat, os.rmdir, os.symlink}
_HAS_DESCRIPTORS = os.supports_dir_fd >= _NEEDED and hasattr(os, "O_DIRECTORY")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_CREAT | os.O_EXCL | _NO_FOLLOW
_PIECE = 1 << 20
_MARK, _NUMBERS = secrets.token_hex(4), itertools.count()


class Folder:
    """A descriptor where the system has them, else a path that is checked before each use."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str, *, make: bool = False) -> Folder:
        """Open a folder by its path, which may be a link; made where it is missing and asked for."""
        if make:
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 - beside other calls of os
        if not _HAS_DESCRIPTORS:
            return cls(Path(path), None)
        return cls(Path(path), os.open(path, os.O_RDONLY | os.O_DIRECTORY))

    def inside(self, name: str, *, make: bool = True) -> Folder:
        """Open a folder in this one, made where it is missing and asked for; a link is refused."""
        if make:
            self.make(name)
        if self._descriptor is None:
            _refuse_link(self._path / name)
            return Folder(self._path / name, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        return Folder(self._path / name, os.open(name, flags, dir_fd=self._descriptor))

    def make(self, name: str) -> bool:
        """Make a folder in this one; tell whether it was missing."""
        try:
            os.mkdir(self._at(name), dir_fd=self._descriptor)
        except FileExistsError:
            return False
        return True

    def mode(self, name: str) -> int | None:
        """Return the type and mode of what has a name here, a link's own too; None where nothing has."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def holds(self, name: str, folder: Folder) -> bool:
        """Tell whether a folder that was opened in this one is still what the name stands for."""
        if folder._descriptor is None:  # checked before each use
            return True
        try:
            found = os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(folder._descriptor))

    def names(self) -> Iterator[os.DirEntry[str]]:
        """Yield what is in it."""
        with os.scandir(self._path if self._descriptor is None else self._descriptor) as entries:
            yield from entries

    def state(self, name: str, *, links: bool = False) -> FileState | None:
        """Return size and time of change of a plain file, or of a link where asked for; None where there is none."""
        try:
            found = os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        counts = stat.S_ISREG(found.st_mode) or (links and stat.S_ISLNK(found.st_mode))
        return FileState(found.st_size, found.st_mtime_ns) if counts else None

    def sha256(self, name: str) -> bytes:
        """Return the digest of a file."""
        digest = hashlib.sha256()
        descriptor = os.open(self._at(name), os.O_RDONLY | _NO_FOLLOW, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.digest()

    def create_partial(self) -> tuple[str, int]:
        """Make a new partial file; return its name and its open descriptor."""
        if self._descriptor is None:
            _refuse_link(self._path)
        name = f"{PARTIAL_PREFIX}{_MARK}-{os.getpid():x}-{next(_NUMBERS):x}{PARTIAL_SUFFIX}"
        return name, os.open(self._at(name), os.O_RDWR | _CREATE, 0o666, dir_fd=self._descriptor)

    def open_file(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a plain file and return its descriptor; a link is refused, and no pipe is waited for."""
        if self._descriptor is None and (self._path / name).is_symlink():
            raise OSError(errno.ELOOP, "a link stands in the way", name)
        descriptor = os.open(self._at(name), flags | _NO_FOLLOW | _NO_WAITING, 0o666, dir_fd=self._descriptor)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return descriptor
        os.close(descriptor)
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
        raise OSError(code, "something that is no file stands in the way", name)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link."""
        os.symlink(target, self._at(name), dir_fd=self._descriptor)

    def stands_for(self, name: str, descriptor: int) -> bool:
        """Tell whether a name leads to an open file."""
        try:
            found = os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(descriptor))

    def move(self, name: str, folder: Folder, new_name: str) -> None:
        """Give a file another name, in another folder of the same file system."""
        source, target = self._at(name), folder._at(new_name)
        os.replace(source, target, src_dir_fd=self._descriptor, dst_dir_fd=folder._descriptor)

    def keep(self, name: str, folder: Folder, new_name: str) -> None:
        """Give a file a second name in another folder; where the file system has no such names it loses the first."""
        source, target = self._at(name), folder._at(new_name)
        try:
            os.link(source, target, src_dir_fd=self._descriptor, dst_dir_fd=folder._descriptor, follow_symlinks=False)
        except (OSError, NotImplementedError):
            self.move(name, folder, new_name)

    def rename(self, partial: str, name: str) -> None:
        """Give a partial file its final name."""
        os.replace(self._at(partial), self._at(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self._at(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder in this one; one that is not empty stays."""
        with contextlib.suppress(OSError):
            os.rmdir(self._at(name), dir_fd=self._descriptor)

    def sync(self) -> None:
        """Wait until names are on the disk, where the system can."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _at(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


def is_partial(name: str) -> bool:
    """Tell whether a file is one of ours that never got its name."""
    return name.startswith(PARTIAL_PREFIX) and name.endswith(PARTIAL_SUFFIX)


def _refuse_link(path: Path) -> None:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or not stat.S_ISDIR(mode):
        raise OSError(errno.ELOOP, "a link or a file stands in the way", str(path))
