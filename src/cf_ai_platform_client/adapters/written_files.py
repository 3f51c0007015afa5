"""What was written into a folder, remembered in it: `OUT/.cf-ai/written.jsonl`, a line for each file.

A line is `["path", size, mtime_ns]`. A rerun thereby knows which files are its own to replace and to remove.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterable
from typing import Any

from ..core.naming import OWN_FOLDER
from ..core.planning import FileState
from .folders import Folder

NAME = "written.jsonl"

Written = tuple[str, FileState]


def read_written(destination: str) -> list[Written]:
    """Return what earlier runs wrote; what is no such list counts as none."""
    found: list[Written] = []
    with contextlib.suppress(OSError), _own(destination) as own, os.fdopen(own.open_file(NAME), "rb") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                found.extend(_parsed(json.loads(line)))
    return found


def write_written(destination: str, written: Iterable[Written]) -> None:
    """Replace the list. Raises OSError."""
    with _own(destination, make=True) as own:
        partial, descriptor = own.create_partial()
        try:
            with os.fdopen(descriptor, "wb") as file:
                for path, state in written:
                    file.write(json.dumps([path, state.size, state.mtime_ns]).encode() + b"\n")
            own.rename(partial, NAME)
        except BaseException:
            own.remove(partial)
            raise


def forget_written(destination: str) -> None:
    """Remove the list."""
    with contextlib.suppress(OSError), _own(destination) as own:
        own.remove(NAME)


@contextlib.contextmanager
def _own(destination: str, *, make: bool = False) -> Generator[Folder, None, None]:
    root = Folder.open(destination)
    with contextlib.closing(root), contextlib.closing(root.inside(OWN_FOLDER, make=make)) as own:
        yield own


def _parsed(row: Any) -> list[Written]:
    match row:
        case [str(path), int(size), int(mtime_ns)]:
            return [(path, FileState(size, mtime_ns))]
        case _:
            return []
