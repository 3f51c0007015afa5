"""A zip file, opened once: its directory is checked before anything else, its members are read piece by piece."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from ..core.zip_data import unpacked
from ..core.zip_members import ExtractLimits, Member, Refused, check_count, check_members
from ..core.zip_records import LOCAL_SIZE, TAIL, check_beginning, data_offset, find_directory, read_entries, refused
from ..errors import ArchiveError
from .disk_errors import unreadable

_PIECE = 1 << 16


class ZipArchive:
    """The members of one zip file, in the order of their data. Use it from one thread at a time, and close it."""

    def __init__(self, path: str, file: BinaryIO, limits: ExtractLimits) -> None:
        self.path = path
        self._file = file
        self._state = _state(file)
        size = self._state[0]
        beginning = self._read(0, LOCAL_SIZE)
        directory = find_directory(self._read(max(0, size - TAIL), TAIL), size)
        check_beginning(beginning)
        check_count(directory, limits)
        file.seek(directory.offset)
        self.members: list[Member | Refused] = check_members(read_entries(file.read, directory), directory, limits)

    @classmethod
    def open(cls, path: str, limits: ExtractLimits) -> ZipArchive:
        """Open a zip file and check its directory.

        Raises ArchiveError, and DiskError where the file cannot be read.
        """
        with named(path), _disk_errors(path):
            if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - opening a pipe would wait
                raise OSError(errno.EINVAL, "it is no file")
            file = open(path, "rb")  # noqa: PTH123, SIM115 - closed by `close`
            try:
                return cls(path, file, limits)
            except BaseException:
                file.close()
                raise

    def read(self, member: Member) -> Iterator[bytes]:
        """Yield what a member holds, at most about 1 MiB at once; only after the last piece is it known to be whole.

        Raises ArchiveError, and DiskError where the file cannot be read.
        """
        with _disk_errors(self.path):
            entry = member.entry
            start = data_offset(self._read(entry.offset, LOCAL_SIZE + len(entry.raw_name)), entry)
            if start + entry.compressed > member.room:
                raise refused(member.name, "shares bytes with another one, as in a zip bomb", "too_large")
            yield from unpacked(self._pieces(start, entry.compressed), member)

    def check_unchanged(self) -> None:
        """Raise ArchiveError (`mismatch`) where the file was written to since it was opened."""
        if _state(self._file) != self._state:
            raise changed()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _pieces(self, start: int, size: int) -> Iterator[bytes]:
        for at in range(start, start + size, _PIECE):
            yield self._read(at, min(_PIECE, start + size - at))

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)


def changed() -> ArchiveError:
    """Return the error for a zip file that another program wrote to meanwhile."""
    return ArchiveError("It changed while it was read.", code="mismatch", hint="Run again when it is whole.")


@contextmanager
def named(path: str) -> Generator[None, None, None]:
    """Name the zip file in what is wrong with it."""
    try:
        yield
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error.message}", code=error.code, hint=error.hint) from None


@contextmanager
def _disk_errors(path: str) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise unreadable(error, path) from error


def _state(file: BinaryIO) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns
