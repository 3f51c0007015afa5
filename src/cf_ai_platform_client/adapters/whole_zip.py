"""Is a zip on the disk whole: read piece by piece, in memory that does not grow with its members."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..core.zip_records import LOCAL_SIZE, TAIL, check_beginning, find_directory, read_entries
from ..errors import ArchiveError, ResponseError

_PIECE = 1 << 20


def check_zip(descriptor: int, stopped: Callable[[], bool] = lambda: False) -> None:
    """Raise ResponseError unless an open file is a zip with all that its end promises: `truncated`, `mismatch`.

    Once `stopped` says so it returns, and nothing is said.
    """
    with os.fdopen(os.dup(descriptor), "rb", buffering=_PIECE) as file:
        try:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            check_beginning(file.read(LOCAL_SIZE))
            file.seek(max(0, size - TAIL))
            directory = find_directory(file.read(TAIL), size)
            file.seek(directory.offset)
            for _ in read_entries(file.read, directory):
                if stopped():
                    return
        except ArchiveError as error:
            message = f"What came cannot be used. {error.message}"
            hint = "If it stays so, create the export again." if error.retryable else error.hint
            raise ResponseError(message, code=error.code, hint=hint) from None
