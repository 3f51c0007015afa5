"""Many files below one folder, at any depth: all of them or none. Links are not followed; the folder may be one.

They are written in a folder of their own inside it. What is done to it is noted before, so that whatever stops it
between two steps leaves nothing behind after `undo`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import zlib
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..core.naming import OWN_FOLDER, SafeName
from ..core.planning import FileState
from ..errors import DiskError
from .disk_errors import disk_error
from .folders import Folder
from .staged_file import StagedFile
from .staging import Staging

Parts = tuple[SafeName, ...]

_OPEN_FOLDERS = 64
_PIECE = 1 << 20
_BUFFER = 1 << 16


class FileTree:
    """Files that get their names together; `undo` removes what was made. What it raises is DiskError.

    Use it from one thread at a time. `what` was to be done to the files, as errors say it. With `alone` no other tree
    that is made so in the same destination writes at the same time, the name of a lock: DiskError says so.
    """

    def __init__(self, destination: str, *, what: str = "extracted", alone: str | None = None) -> None:
        self.destination = destination
        self._what = what
        self._alone = alone
        self._folders: OrderedDict[Parts, Folder] = OrderedDict()
        self._staging: Staging | None = None
        self._staged: list[tuple[Parts, str]] = []
        self._paths: set[Parts] = set()
        self._named: list[tuple[Parts, str]] = []
        self._replaced: list[tuple[Parts, str]] = []
        self._made: list[Parts] = []
        self._made_above: list[Path] = []

    def full_path(self, path: Parts) -> str:
        """Return a path as one that begins with the destination as it was given."""
        return os.path.join(self.destination, *path)  # noqa: PTH118 - keeps the destination as given

    def check_room(self, paths: Iterable[Parts], *, overwrite: bool) -> None:
        """Raise DiskError where something stands in the way of a file; files do not with `overwrite`."""
        if not os.path.isdir(self.destination):  # noqa: PTH112 - `make` makes it, or says why not
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

    def holds(self, path: Parts, size: int, crc: int) -> bool:
        """Tell whether a file is there already, by its size and CRC-32."""
        try:
            folder = self._folder(path[:-1], make=False)
            state = folder.state(path[-1])
            if state is None or state.size != size:
                return False
            found = 0
            with os.fdopen(folder.open_file(path[-1]), "rb", buffering=0) as file:
                while piece := file.read(_PIECE):
                    found = zlib.crc32(piece, found)
            return found == crc
        except OSError:
            return False

    def make(self) -> None:
        """Make the destination where it is missing."""
        with self._errors(()):
            above = Path(self.destination)
            while not above.exists():
                self._made_above.append(above)
                above = above.parent
            os.makedirs(self.destination, exist_ok=True)  # noqa: PTH103
        with self._errors((SafeName(OWN_FOLDER),)):
            try:
                self._staging = Staging(self.destination, self._alone)
            except BlockingIOError as error:
                raise self._busy() from error

    def write(self, path: Parts, pieces: Iterable[bytes]) -> int:
        """Write a file whole, without its name, and return its size."""
        with self.open(path, buffering=0) as file:
            return sum(_write_all(file, piece) for piece in pieces)

    def open(self, path: Parts, *, buffering: int = _BUFFER, check: Callable[[], None] = lambda: None) -> IO[bytes]:
        """Open a new file for writing, without its name; what it raises is DiskError. Close it before `publish`."""
        assert self._staging is not None, "make() comes first"
        self._refuse_twin(path)
        with self._errors(path):
            name, descriptor = self._staging.create()
        self._staged.append((path, name))
        file = StagedFile(descriptor, self.full_path(path), "wb", check)
        return io.BufferedWriter(file, buffering) if buffering else file

    def scratch(self, *, check: Callable[[], None] = lambda: None) -> IO[bytes]:
        """Open a file for writing and reading that gets no name and is gone in the end."""
        assert self._staging is not None, "make() comes first"
        with self._errors(()):
            _name, descriptor = self._staging.create()
        return io.BufferedRandom(StagedFile(descriptor, self.destination, "r+b", check), _BUFFER)

    def link(self, path: Parts, target: str) -> None:
        """Make a symbolic link, without its name."""
        assert self._staging is not None, "make() comes first"
        self._refuse_twin(path)
        with self._errors(path):
            self._staged.append((path, self._staging.link(target)))

    def staged(self) -> Iterator[tuple[Parts, FileState]]:
        """Yield what has no name yet, with the state that it will have."""
        assert self._staging is not None, "make() comes first"
        for path, name in self._staged:
            with self._errors(path):
                state = self._staging.state(name)
            yield path, state

    def state(self, path: Parts) -> FileState | None:
        """Return the state of a file or link that has a name; None where there is none."""
        with self._errors(path):
            try:
                return self._folder(path[:-1], make=False).state(path[-1], links=True)
            except FileNotFoundError:
                return None

    def publish(self, *, overwrite: bool, check: Callable[[], object] = lambda: None) -> None:
        """Give every file its name, `check` before each; `undo` gives back what was replaced.

        What stands in the way is said before the first gets its name, and what came since is looked at again.
        """
        assert self._staging is not None, "make() comes first"
        self._let_go()  # so that each folder is looked up again, and no link is followed that came meanwhile
        self.check_room((path for path, _ in self._staged), overwrite=overwrite)
        self._staged.reverse()
        while self._staged:
            check()
            path, name = self._staged[-1]
            with self._errors(path):
                folder = self._folder(path[:-1])
                mode = folder.mode(path[-1])
                self._check(path, mode, overwrite=overwrite)
                if mode is None:
                    self._named.append((path, name))
                else:
                    self._replaced.append((path, self._staging.spare()))
                    self._staging.keep(folder, path[-1], self._replaced[-1][1])
                self._staging.move(name, folder, path[-1])
            self._staged.pop()

    def remove(self, path: Parts, state: FileState) -> bool:
        """Remove a file or link, unless it changed, and folders that are empty then; tell whether it is gone."""
        try:
            folder = self._folder(path[:-1], make=False)
            found = folder.state(path[-1], links=True)
            if found is not None and found != state:
                return False
            if found is not None:
                folder.remove(path[-1])
            for depth in range(len(path) - 1, 0, -1):
                self._folder(path[: depth - 1], make=False).remove_folder(path[depth - 1])
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def undo(self) -> None:
        """Remove the files and folders that were made, and give back what was replaced."""
        for path, kept in self._replaced:
            with contextlib.suppress(OSError):
                if self._staging is not None and self._staging.holds(kept):
                    self._staging.move(kept, self._folder(path[:-1], make=False), path[-1])
        for path, name in self._named:
            with contextlib.suppress(OSError):
                if self._staging is not None and not self._staging.holds(name):
                    self._folder(path[:-1], make=False).remove(path[-1])
        for path in reversed(self._made):
            with contextlib.suppress(OSError):
                self._folder(path[:-1], make=False).remove_folder(path[-1])
        self.close()
        for above in self._made_above:
            with contextlib.suppress(OSError):
                above.rmdir()

    def close(self) -> None:
        """Let go of the folders; what has no name yet is removed."""
        self._let_go()
        if self._staging is not None:
            self._staging.close()
            self._staging = None

    def _busy(self) -> DiskError:
        hint = "Run again when it has ended, or choose another destination."
        return DiskError(f"Another run is writing to {self.destination}.", code="disk_error", hint=hint)

    def _refuse_twin(self, path: Parts) -> None:
        if path in self._paths:
            full = self.full_path(path)
            raise DiskError(f"{full} would be written twice: nothing was {self._what}.", code="disk_error")
        self._paths.add(path)

    def _let_go(self) -> None:
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()

    def _check(self, path: Parts, mode: int | None, *, overwrite: bool) -> None:
        if mode is not None and stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "a folder")
        if mode is not None and not overwrite:
            full = self.full_path(path)
            hint = "Choose another folder, or overwrite what is there (overwrite=True)."
            failure = DiskError(f"{full} is there already: nothing was {self._what}.", code="disk_error", hint=hint)
            failure.errno, failure.filename, failure.strerror = errno.EEXIST, full, "it is there already"
            raise failure

    def _folder(self, path: Parts, *, make: bool = True) -> Folder:
        found = self._folders.get(path)
        if found is not None:
            self._folders.move_to_end(path)
            return found
        if not path:
            found = Folder.open(self.destination)
        else:
            parent = self._folder(path[:-1], make=make)
            if make and parent.mode(path[-1]) is None:
                self._made.append(path)
                parent.make(path[-1])
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


def _write_all(file: IO[bytes], piece: bytes) -> int:
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]
    return len(piece)
