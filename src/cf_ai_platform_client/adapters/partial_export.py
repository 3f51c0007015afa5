"""The file that an export arrives in: `DEST/.cf-ai/exports/ID.part`, with a note of what it is a part of.

It survives the process, so that a later run goes on where this one stopped; one process at a time has it open. Links
are not followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from ..core.digests import Digests
from ..core.naming import OWN_FOLDER, SafeName
from ..core.resuming import Known, can_resume, check_room, check_size, read_note
from ..errors import DiskError, ResponseError
from .disk_errors import disk_error, unreadable
from .file_lock import try_lock
from .folders import Folder
from .whole_zip import check_zip

_FOLDER = "exports"
_LONGEST_NOTE = 1 << 16
_PIECE = 1 << 20
_MAKE = os.O_RDWR | os.O_CREAT
_MAKE_NOTE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_REPLACE = "Move it away, or have it replaced with overwrite=True."


def refuse_place(destination: str) -> None:
    """Raise DiskError where a destination is no folder, or none can be made or written to there; make nothing."""
    place = destination
    while not os.path.lexists(place) and os.path.dirname(place) != place:  # noqa: PTH120 - beside other calls of os
        place = os.path.dirname(place) or os.curdir  # noqa: PTH120
    if not os.path.isdir(place):  # noqa: PTH112
        raise disk_error(OSError(errno.ENOTDIR, "no folder"), place)
    if not os.access(place, os.W_OK | os.X_OK):
        raise disk_error(OSError(errno.EACCES, "not writable"), place)


Meaning = Callable[[OSError, str], DiskError]
"""Says what the disk refused at a path."""


class PartialExport:
    """A context manager; what the disk refuses is DiskError. `name` is the final one, such as `ID.zip`, and
    `most` how many bytes it may have.

    `known` and `size` tell what is here, once it is open. On leaving, a part that cannot be continued is removed.
    """

    def __init__(self, destination: str, name: SafeName, most: int = 1 << 62) -> None:
        self.path = os.path.join(destination, name)  # noqa: PTH118 - keeps the destination as given
        self._destination, self._name, self._most = destination, name, most
        stem = name.rpartition(".")[0]
        self._part, self._note = f"{stem}.part", f"{stem}.resume"
        self._folders = contextlib.ExitStack()
        self._descriptor = -1
        self._stopped = False
        self.known, self.size = Known(), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            if not can_resume(self.known, self.size):
                self._remove(self._part, self._note)
            self._close()
        self._folders.close()

    def existing(self) -> int | None:
        """Return the size of the whole zip that has the final name, None where nothing has; make nothing.

        Raises DiskError where what has it is no whole zip.
        """
        try:
            with self._errors(self._destination, unreadable):
                root = self._held(Folder.open(self._destination))
            with self._errors(self.path, _in_the_way):
                descriptor = root.open_file(self._name)
        except DiskError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        try:
            with self._errors(self.path, unreadable):
                check_zip(descriptor)
                return os.fstat(descriptor).st_size
        except ResponseError as error:
            raise _no_whole_zip(self.path) from error
        finally:
            os.close(descriptor)

    def refuse_folder(self) -> None:
        """Raise DiskError where a folder has the final name, which no file can replace; make nothing."""
        mode = None
        with contextlib.suppress(OSError):
            mode = os.lstat(self.path).st_mode
        if mode is not None and stat.S_ISDIR(mode):
            raise disk_error(OSError(errno.EISDIR, "a folder"), self.path)

    def open(self) -> None:
        """Open the part for writing, its folders made. Raises DiskError where another process or task has it."""
        self.refuse_folder()
        with self._errors(self._destination):
            self._root = self._held(Folder.open(self._destination, make=True))
        with self._errors(self._place(OWN_FOLDER)):
            own = self._held(self._root.inside(OWN_FOLDER))
        with self._errors(self._place(OWN_FOLDER, _FOLDER)):
            self._own = self._held(own.inside(_FOLDER))
        with self._errors(self._own_place(self._part)):
            while self._descriptor < 0:
                self._descriptor = self._opened()
            self.size = os.fstat(self._descriptor).st_size
        with self._errors(self._own_place(self._note)):
            try:
                self.known = self._read_note()
            except OSError:  # what stands there is not ours to remove, and the part may be of use without it
                self._remove(*([] if self.size else [self._part]))
                self._close()
                raise
        if not can_resume(self.known, self.size):
            self.start_anew(Known())

    def check_room(self, known: Known, size: int) -> None:
        """Raise ResponseError where a file that was announced so, and of which so much is here, has no place."""
        check_room(known, size, self._most)

    def start_anew(self, known: Known) -> None:
        """Drop what is here and begin with the file that is now known."""
        with self._errors(self._own_place(self._part)):
            os.ftruncate(self._descriptor, 0)
            self.known, self.size = known, 0
        with self._errors(self._own_place(self._note)):
            with contextlib.suppress(FileNotFoundError):
                self._own.remove(self._note)  # it may be another name of a file elsewhere
            with os.fdopen(self._own.open_file(self._note, _MAKE_NOTE), "wb") as file:
                file.write(known.to_note())

    def write(self, data: bytes | memoryview, /) -> int:
        """Write at the end; what is too long is refused before any of it is written."""
        check_room(self.known, self.size + len(data), self._most)
        with self._errors(self._own_place(self._part)):
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            written = os.write(self._descriptor, data)
        self.size += written
        return written

    def check(self) -> None:
        """Raise ResponseError unless the file is whole: its size, its digests, its list of members."""
        check_size(self.known, self.size)
        with self._errors(self._own_place(self._part), unreadable):
            digests = Digests(self.known.digests, "export's file")
            if digests:
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                while not self._stopped and (piece := os.read(self._descriptor, _PIECE)):
                    digests.update(piece)
            digests.check()
            check_zip(self._descriptor, lambda: self._stopped)

    def stop(self) -> None:
        """Let a check that runs in another thread end early; what it says then means nothing."""
        self._stopped = True

    def publish(self) -> None:
        """Give the file its name, replacing what had it."""
        with self._errors(self.path):
            if os.name == "nt":
                self._close()  # what is open cannot be renamed there
            self._own.move(self._part, self._root, self._name)
            self._close()
            with contextlib.suppress(OSError):
                self._own.remove(self._note)

    def _opened(self) -> int:
        descriptor = self._own.open_file(self._part, _MAKE)
        if not try_lock(descriptor):
            os.close(descriptor)
            raise DiskError(
                f"{self.path} is being downloaded already.",
                code="disk_error",
                hint="Wait for that: one at a time downloads an export to a destination.",
            )
        if not self._own.stands_for(self._part, descriptor):
            os.close(descriptor)  # it got its name, or was removed, while this one was opened
            return -1
        if os.fstat(descriptor).st_nlink == 1:
            return descriptor
        self._descriptor = descriptor  # it is another name of a file elsewhere, which is none of ours
        self._remove(self._part)
        self._close()
        return -1

    def _read_note(self) -> Known:
        try:
            descriptor = self._own.open_file(self._note)
        except FileNotFoundError:
            return Known()
        with os.fdopen(descriptor, "rb") as file:
            return read_note(file.read(_LONGEST_NOTE))

    def _remove(self, *names: str) -> None:
        if os.name == "nt":
            self._close()
        for name in names:
            with contextlib.suppress(OSError):
                self._own.remove(name)

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _held(self, folder: Folder) -> Folder:
        self._folders.callback(folder.close)
        return folder

    def _place(self, *names: str) -> str:
        return os.path.join(self._destination, *names)  # noqa: PTH118 - keeps the destination as given

    def _own_place(self, name: str) -> str:
        return self._place(OWN_FOLDER, _FOLDER, name)

    @contextmanager
    def _errors(self, path: str, meaning: Meaning = disk_error) -> Generator[None, None, None]:
        try:
            yield
        except DiskError:
            raise
        except OSError as error:
            failure = meaning(error, path)
            if error.errno == errno.ENOSPC:
                kept = "what came is kept, and goes on" if can_resume(self.known, self.size) else "it starts anew"
                failure.hint = f"Free some space and run again: {kept}."
            raise failure from error


def _in_the_way(error: OSError, path: str) -> DiskError:
    """Say what has the name of the zip, where it is no file."""
    if error.errno == errno.ELOOP:
        return _here(path, "is a symbolic link, which is not followed", _REPLACE, error.errno)
    if error.errno == errno.EISDIR or Path(path).is_dir():
        return _here(path, "is a folder", "Remove the folder, or choose another destination.", errno.EISDIR)
    return _no_whole_zip(path) if error.errno == errno.ENXIO else unreadable(error, path)


def _no_whole_zip(path: str) -> DiskError:
    return _here(path, "is here and is no whole zip", _REPLACE)


def _here(path: str, what: str, hint: str, number: int | None = None) -> DiskError:
    failure = DiskError(f"{path} {what}.", code="disk_error", hint=hint)
    failure.errno, failure.filename, failure.strerror = number, path, what
    return failure
