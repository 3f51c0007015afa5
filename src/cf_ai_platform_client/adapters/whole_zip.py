"""Is a zip on the disk whole: read piece by piece, in memory that does not grow with its members."""

from __future__ import annotations

import io
import os

from ..core.central_directory import TAIL, Walk, check_beginning, read_end

_PIECE = 1 << 20


def check_zip(descriptor: int) -> None:
    """Raise ResponseError unless an open file is a zip with all that its end promises: `truncated`, `mismatch`."""
    with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        check_beginning(_read(file, 32))
        file.seek(max(0, size - TAIL))
        directory = read_end(_read(file, TAIL), size)
        walk, left = Walk(directory), directory.size
        file.seek(directory.offset)
        while left and (piece := file.read(min(left, _PIECE))):
            walk.feed(piece)
            left -= len(piece)
        walk.finish()


def _read(file: io.FileIO, most: int) -> bytes:
    found = b""
    while len(found) < most and (piece := file.read(most - len(found))):
        found += piece
    return found
