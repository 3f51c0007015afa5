"""A file that has no name yet, whose errors tell the one that it is to have."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from .disk_errors import disk_error

if TYPE_CHECKING:
    from typing_extensions import Buffer as ReadableBuffer


class StagedFile(io.FileIO):
    """Raises DiskError where the disk refuses what is written; `check` is called before each write, and may raise."""

    def __init__(self, descriptor: int, path: str, mode: str, check: Callable[[], None]) -> None:
        super().__init__(descriptor, mode)
        self._path = path
        self._check = check

    def write(self, data: ReadableBuffer, /) -> int:
        self._check()
        try:
            return super().write(data) or 0
        except OSError as error:
            raise disk_error(error, self._path) from error

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            raise disk_error(error, self._path) from error
