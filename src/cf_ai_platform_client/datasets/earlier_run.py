"""What earlier runs wrote to a folder, which the next one may replace and remove where it did not change."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Set

from ..adapters.written_files import Written
from ..core.naming import is_safe, name_key
from ..core.planning import FileState
from ..errors import DiskError


class EarlierRun:
    """The files that are listed as written; a name may have several states, after a run that was killed."""

    def __init__(self, written: list[Written]) -> None:
        self.written = written
        self._states: dict[str, set[FileState]] = {}
        for name, state in written:
            self._states.setdefault(name_key(name), set()).add(state)

    def check(self, name: str, state: FileState | None, full: str) -> None:
        """Raise DiskError where a file has a name that is to be written, and is not as an earlier run wrote it."""
        if state is None or state in self._states.get(name_key(name), ()):
            return
        is_known = name_key(name) in self._states
        why = "was changed since it was written" if is_known else "is not known to be of an earlier run"
        failure = DiskError(
            f"{full} is in the way and {why}: nothing was written.",
            code="disk_error",
            hint="Move or remove it, or choose another folder.",
        )
        failure.errno, failure.filename, failure.strerror = errno.EEXIST, full, "it is there already"
        raise failure

    def stale(self, names: Set[str]) -> Iterator[Written]:
        """Yield what is listed under other names than these."""
        for name, state in self.written:
            if name not in names and all(map(is_safe, name.split("/"))):
                yield name, state
