"""The folder that files are written in before they get their names: `DEST/.cf-ai/extract/RUN`, with `RUN.lock` beside.

The lock is held as long as the process lives, so that the next one knows what a killed one left, and removes it.
A run that must be alone holds `NAME.alone` there, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager

from ..core.naming import OWN_FOLDER
from ..core.planning import FileState
from .file_lock import try_lock
from .folders import Folder

_FOLDER, _LOCK, _ALONE = "extract", ".lock", ".alone"
_OURS = re.compile(r"[0-9a-f]{16}\.lock")
_ANY = os.O_RDWR | os.O_CREAT
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
_ATTEMPTS = 5


class Staging:
    """Make it in a folder, and close it: what did not move away by then is removed.

    `alone` is the name of what only one may hold at a time; BlockingIOError where another one does.
    """

    def __init__(self, destination: str, alone: str | None = None) -> None:
        self._alone = alone and alone + _ALONE
        self._root = Folder.open(destination)
        self._run = secrets.token_hex(8)
        self._count = 0
        self._folders = contextlib.ExitStack()
        self._lock = self._only = -1
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._open()
                return
            except BaseException as error:
                self._undo()
                if left and isinstance(error, FileNotFoundError):
                    continue  # another one has just removed what it took for left behind
                self._root.close()
                raise

    def create(self) -> tuple[str, int]:
        """Make a new file; return its name and its open descriptor."""
        name = self.spare()
        return name, self._files.open_file(name, _NEW)

    def link(self, target: str) -> str:
        """Make a symbolic link and return its name."""
        name = self.spare()
        self._files.link(name, target)
        return name

    def holds(self, name: str) -> bool:
        """Tell whether a file did not move away."""
        return self._files.mode(name) is not None

    def state(self, name: str) -> FileState:
        """Return size and time of change of what did not move away."""
        found = self._files.state(name, links=True)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "what was written is gone", name)
        return found

    def spare(self) -> str:
        """Return a name that no file has yet."""
        self._count += 1
        return f"{self._count:x}"

    def keep(self, folder: Folder, name: str, spare: str) -> None:
        """Keep a file of another folder under a spare name, from where `move` gives it back."""
        folder.keep(name, self._files, spare)

    def move(self, name: str, folder: Folder, new_name: str) -> None:
        """Give a file its final name, replacing what had it."""
        self._files.move(name, folder, new_name)

    def close(self) -> None:
        """Remove all of it, and what held it where nothing else is there."""
        self._undo()
        self._root.close()

    def _undo(self) -> None:
        self._folders.close()
        with contextlib.suppress(OSError), _opened(self._root, OWN_FOLDER) as own:
            with contextlib.suppress(OSError), _opened(own, _FOLDER) as above:
                if self._lock >= 0:
                    with contextlib.suppress(OSError):
                        _clear(above, self._run + _LOCK, self._lock)
                if self._alone and self._only >= 0:
                    _let_go(above, self._alone, self._only)
            own.remove_folder(_FOLDER)
        self._root.remove_folder(OWN_FOLDER)
        self._lock = self._only = -1

    def _open(self) -> None:
        own = self._held(self._root.inside(OWN_FOLDER))
        above = self._held(own.inside(_FOLDER))
        if self._alone:
            self._only = _take(above, self._alone)
        _clear_stale(above)
        self._lock = above.open_file(self._run + _LOCK, _NEW)
        if not (try_lock(self._lock) and above.stands_for(self._run + _LOCK, self._lock)):
            raise FileNotFoundError
        self._files = self._held(above.inside(self._run))

    def _held(self, folder: Folder) -> Folder:
        self._folders.callback(folder.close)
        return folder


def _clear_stale(above: Folder) -> None:
    """Remove what nobody holds."""
    for name in [entry.name for entry in above.names() if _OURS.fullmatch(entry.name)]:
        with contextlib.suppress(OSError):
            lock = above.open_file(name, os.O_RDWR)
            if try_lock(lock):
                _clear(above, name, lock)
            else:
                os.close(lock)


def _clear(above: Folder, name: str, lock: int) -> None:
    """Remove the files of a lock that is held, and then it, so that no file is ever without one."""
    try:
        run = name.removesuffix(_LOCK)
        with contextlib.suppress(OSError), _opened(above, run) as files:
            for each in [entry.name for entry in files.names()]:
                with contextlib.suppress(OSError):
                    files.remove(each)
        above.remove_folder(run)
        gone = above.mode(run) is None
    except BaseException:
        os.close(lock)
        raise
    if gone:
        _let_go(above, name, lock)
    else:
        os.close(lock)


def _take(above: Folder, name: str) -> int:
    """Lock what only one may hold, and return its descriptor."""
    descriptor = above.open_file(name, _ANY)
    try:
        if not try_lock(descriptor):
            raise BlockingIOError(errno.EAGAIN, "another run holds it", name)
        if not above.stands_for(name, descriptor):
            raise FileNotFoundError(errno.ENOENT, "its holder has just removed it", name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _let_go(above: Folder, name: str, lock: int) -> None:
    """Remove a lock and let go of it, in this order where the system can remove what is open."""
    try:
        if os.name != "nt":
            above.remove(name)
    finally:
        os.close(lock)
    if os.name == "nt":
        above.remove(name)


@contextmanager
def _opened(folder: Folder, name: str) -> Generator[Folder, None, None]:
    found = folder.inside(name, make=False)
    try:
        yield found
    finally:
        found.close()
