"""Documents from file to file with their `asset_url`: in a thread, big ones in a process of their own.

A scan of a gigabyte holds the interpreter's lock for a second, and its mapped pages count as memory: a process spares
the event loop and the memory of this one. Never by `multiprocessing`, which runs a user's unguarded script again.
"""

from __future__ import annotations

import asyncio
import errno
import json
import mmap
import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
import typing_extensions
from anyio.lowlevel import RunVar

from ..core.coco_bytes import refused
from ..core.splicing import NotADocumentError
from ..errors import ResponseError
from .big_document_child import ASSET_URL, Finished, rewrite

__all__ = ["Finished", "add_asset_url_to_file"]

_IN_THREAD = 32 << 20
_CHILDREN = 2
_PACKAGE = Path(__file__).parents[1]
_ROOTS = sorted(
    {str(Path(str(root)).parent) for root in (_PACKAGE, Path(str(msgspec.__file__)).parent, typing_extensions.__file__)}
)
_RUN = "import sys; sys.path += sys.argv[1:]; from {0}.adapters.big_document_child import main; main()"
_limiters: RunVar[tuple[anyio.CapacityLimiter, anyio.CapacityLimiter]] = RunVar("big_documents")


class _NotStarted(Exception):
    """There can be no process of its own."""


async def add_asset_url_to_file(
    source: int, target: int, asset_url: str, *, in_thread: int = _IN_THREAD, executable: str | None = sys.executable
) -> Finished:
    """Read the document in the open file `source` from its beginning and write it, with `asset_url`, to `target`.

    Documents over `in_thread` bytes are read by a process of their own, where `executable` is a Python.
    Raises ResponseError as `add_asset_url` does, also where memory runs out (`too_large`), and OSError of the files;
    `target` may then hold a part.
    """
    one_thread, children = _limits()
    size = os.fstat(source).st_size
    if size > in_thread:
        start = os.lseek(target, 0, os.SEEK_CUR)
        async with children:
            try:
                return await _in_child(source, target, asset_url, size, executable)
            except _NotStarted:
                os.lseek(target, start, os.SEEK_SET)
                os.ftruncate(target, start)
    mapped = size > in_thread
    return await anyio.to_thread.run_sync(_in_thread, source, target, asset_url, mapped, limiter=one_thread)


def _limits() -> tuple[anyio.CapacityLimiter, anyio.CapacityLimiter]:
    limiters = _limiters.get(None)
    if limiters is None:
        limiters = anyio.CapacityLimiter(1), anyio.CapacityLimiter(_CHILDREN)
        _limiters.set(limiters)
    return limiters


def _in_thread(source: int, target: int, asset_url: str, mapped: bool) -> Finished:
    try:
        return rewrite(_mapped(source) if mapped else _read(source), target, asset_url)
    except NotADocumentError as error:
        raise refused(str(error)) from error


def _mapped(source: int) -> mmap.mmap:
    return mmap.mmap(source, 0, access=mmap.ACCESS_READ)


def _read(source: int) -> bytes:
    os.lseek(source, 0, os.SEEK_SET)
    with os.fdopen(source, "rb", buffering=0, closefd=False) as file:
        return file.readall()


async def _in_child(source: int, target: int, asset_url: str, size: int, executable: str | None) -> Finished:
    started: list[asyncio.subprocess.Process] = []
    with anyio.CancelScope(shield=True):  # a group cancels again and again, and the library would not wait for its end
        started.append(await _start(source, target, asset_url, executable))
    (process,) = started
    try:
        _, told = await process.communicate()
    except BaseException:
        with anyio.CancelScope(shield=True):
            process.kill()
            await process.communicate()
        raise
    return _finished(_report(told), process.returncode or 0, size)


async def _start(source: int, target: int, asset_url: str, executable: str | None) -> asyncio.subprocess.Process:
    if (
        not executable
        or getattr(sys, "frozen", False)
        or not Path(executable).name.lower().startswith(("python", "pypy"))
    ):
        raise _NotStarted  # the executable is an application, which would start once more
    try:
        return await asyncio.create_subprocess_exec(
            executable,
            *("-I", "-S", "-c", _RUN.format(_PACKAGE.name), *_ROOTS),
            stdin=source,
            stdout=target,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, ASSET_URL: json.dumps(asset_url)},
        )
    except (OSError, NotImplementedError) as error:
        raise _NotStarted from error


def _report(told: bytes) -> dict[str, Any] | None:
    try:
        report = json.loads(told.strip().rpartition(b"\n")[2])
    except ValueError:
        return None
    return report if isinstance(report, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _finished(report: dict[str, Any] | None, status: int, size: int) -> Finished:
    """Read what a process told before it ended with `status`, which is negative where a signal ended it."""
    if report is None:
        if status >= 0:
            raise _NotStarted
        if status == -getattr(signal, "SIGBUS", 0):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        raise _no_memory(size, f"signal {-status}")
    if "refused" in report:
        raise refused(report["refused"])
    if "memory" in report:
        raise _no_memory(size, "no memory")
    if "errno" in report:
        raise OSError(report["errno"], report["strerror"])
    return Finished(report["size"], bytes.fromhex(report["sha256"]), tuple(report["warnings"]))


def _no_memory(size: int, why: str) -> ResponseError:
    return ResponseError(
        f"The process that checks a document of {size} bytes was ended ({why}).",
        code="too_large",
        hint="Most likely memory ran out: run again with fewer workers, or where there is more.",
    )
