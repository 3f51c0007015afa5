"""What a journal knows of the files, kept beside it: to be gone through for hours while others write to the journal."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile

import msgspec

from ..core.planning import FileState
from .disk_errors import disk_error
from .journal_queries import WrittenFile

_IN_MEMORY = 16 << 20


@contextmanager
def kept_beside(
    files: Iterable[WrittenFile], *, in_memory: int = _IN_MEMORY
) -> Generator[Iterator[WrittenFile], None, None]:
    """Read all of the files at once and give them anew; what exceeds `in_memory` bytes is in a temporary file.

    Raises DiskError where that cannot be written.
    """
    with SpooledTemporaryFile(in_memory) as spool:
        try:
            for file in files:
                spool.write(msgspec.json.encode(_row(file)) + b"\n")
            spool.seek(0)
        except OSError as error:
            raise disk_error(error, "The folder for temporary files") from error
        yield map(_file, spool)


def _row(file: WrittenFile) -> tuple[object, ...]:
    state = file.state.size, file.state.mtime_ns, _hex(file.sha256), file.is_gone
    return file.item_id, file.path, *state, file.project_id, file.batch_id, file.is_asset


def _hex(digest: object) -> str:
    return digest.hex() if isinstance(digest, bytes) else ""  # a journal may hold anything


def _file(line: bytes) -> WrittenFile:
    item_id, path, size, mtime_ns, digest, *rest = msgspec.json.decode(line)
    return WrittenFile(item_id, path, FileState(size, mtime_ns), bytes.fromhex(digest), *rest)
