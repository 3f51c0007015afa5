"""Disks that are full, mounted for a test, or not to be read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no file beyond `size` bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def mounted(place: Path, options: str, kind: str = "tmpfs") -> Iterator[Callable[[str], None]]:
    """Mount a file system of its own, or skip the test; yields what mounts it again with other options."""
    place.mkdir(parents=True, exist_ok=True)
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", kind, "-o", options, kind, place], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("this user may mount nothing here")
    try:
        yield lambda other: subprocess.run(["mount", "-o", f"remount,{other}", place], check=True).check_returncode()
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
