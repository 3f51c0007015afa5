"""What the file system refuses → our errors, which say what to do."""

from __future__ import annotations

import errno

from ..errors import DiskError, ErrorCode

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}
_ONE_ITEM = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG}


def disk_error(error: OSError, path: str) -> DiskError:
    """Say in one sentence what the disk refused, and what to do."""
    code: ErrorCode = "disk_full" if error.errno in _FULL else "disk_error"
    why, hint = {
        errno.ENOSPC: ("the disk is full", "Free some space and run again: what is there is whole."),
        errno.EFBIG: ("a file-size limit was reached", "Raise the limit (ulimit -f) and run again."),
        errno.EACCES: ("permission denied", "Choose a destination that you may write to."),
        errno.EPERM: ("permission denied", "Choose a destination that you may write to."),
        errno.EROFS: ("the file system is read-only", "Choose a destination that you may write to."),
        errno.ENOENT: ("its folder is gone or cannot be made", "Check the destination and run again."),
        errno.ELOOP: ("a symbolic link stands in the way, which is not followed", "Remove the link."),
        errno.ENOTDIR: ("something that is no folder stands in the way", "Remove it, or a link that stands there."),
        errno.EEXIST: ("something that is no folder stands in the way", "Remove it, or a link that stands there."),
        errno.EISDIR: ("a folder stands in its place", "Remove the folder."),
        errno.ENXIO: ("something that is no file stands in its place", "Remove it."),
    }.get(error.errno or 0, ((error.strerror or str(error)).lower(), "Check the disk and run again."))
    failure = DiskError(f"{path} cannot be written: {why}.", code=code, hint=hint)
    failure.errno, failure.filename = error.errno, path
    failure.strerror = why
    return failure


def unreadable(error: OSError, path: str) -> DiskError:
    """Say in one sentence why a file cannot be read."""
    why = (error.strerror or str(error)).lower()
    failure = DiskError(f"{path} cannot be read: {why}.", code="disk_error", hint="Check the path and run again.")
    failure.errno, failure.filename, failure.strerror = error.errno, path, why
    return failure


def concerns_one_file(error: DiskError) -> bool:
    """Tell whether other files may still be written after this error."""
    return error.errno in _ONE_ITEM
