"""Where a big document is kept while it arrives: a file without a name, which no end of the process leaves behind."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import BinaryIO, cast

import anyio.to_thread
from typing_extensions import Self

from ..adapters.bodies import Spool as Opener
from ..adapters.bodies import SpoolFile
from ..adapters.disk_errors import disk_error


class Spool:
    """A context manager; `file` is there once `open` was called.

    Raises DiskError where the file cannot be made or written.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder or ""
        self.file: BinaryIO | None = None

    @property
    def opener(self) -> Opener | None:
        """What to give to those who read bodies, None where there is no folder."""
        return self.open if self._folder else None

    async def open(self) -> SpoolFile:
        """Make the file, empty."""
        self.close()
        try:
            self.file = await anyio.to_thread.run_sync(self._make)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        return _Written(self.file, self._folder)

    def close(self) -> None:
        """Let go of the file, and with it of its bytes."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self) -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self._folder, buffering=0))


class _Written:
    def __init__(self, file: BinaryIO, folder: str) -> None:
        self._file, self._folder = file, folder

    def write(self, data: bytes | memoryview, /) -> int | None:
        try:
            return self._file.write(data)
        except OSError as error:
            raise disk_error(error, self._folder) from error
