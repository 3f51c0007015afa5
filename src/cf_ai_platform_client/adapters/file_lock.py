"""A lock on an open file, for one process and one opening at a time; the system lets go of it at their end."""

from __future__ import annotations

import errno
import os
import sys

_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_BEYOND = 1 << 40

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)  # what is locked there nobody may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(descriptor: int) -> bool:
    """Lock an open file; return False where somebody else has. A file system without locks has none to wait for."""
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno not in _BUSY
    return True
