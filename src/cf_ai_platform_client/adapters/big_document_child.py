"""Adds `asset_url` to a document from one file to another; also what a process of its own runs, for big documents.

That process imports little more than this. It reads standard input as a mapped file, writes to standard output and
tells the result in one line on standard error.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ..core.splicing import NotADocumentError, Parts, guess, same, splice

if TYPE_CHECKING:
    from typing_extensions import Buffer

ASSET_URL = "CF_AI_ASSET_URL"
"""The environment variable that holds the `asset_url` as JSON: others can read a command line."""


class Finished(NamedTuple):
    """A document that was written: its bytes, their SHA-256, and what is odd about it."""

    size: int
    sha256: bytes
    warnings: tuple[str, ...]


def rewrite(document: Buffer, target: int, asset_url: str) -> Finished:
    """Write a document with its `asset_url`; raise NotADocumentError before a byte is written, or OSError."""
    parts, warnings = splice(document, asset_url)
    digest = _sha256(parts)
    _write(target, parts)
    return Finished(sum(map(len, parts)), digest, warnings)


def rewrite_beside(document: mmap.mmap, source: int, target: int, asset_url: str) -> Finished:
    """Do the same with the mapped file `source`, hashing what will be written most likely while it is read."""
    hashing = _Hashing(guess(document, asset_url))
    parts, warnings = splice(document, asset_url)
    if not same(parts, hashing.parts):
        hashing = _Hashing(parts)
    _write(target, parts[:-1])
    _write(target, (_copied(source, target, len(document), parts[-1]),))
    return Finished(sum(map(len, parts)), hashing.digest(), warnings)


def main() -> None:
    """Be the process."""
    try:
        asset_url = json.loads(os.environ[ASSET_URL])
        size, digest, warnings = rewrite_beside(mmap.mmap(0, 0, access=mmap.ACCESS_READ), 0, 1, asset_url)
        report = {"size": size, "sha256": digest.hex(), "warnings": warnings}
    except NotADocumentError as error:
        report = {"refused": str(error)}
    except OSError as error:
        report = {"errno": error.errno, "strerror": error.strerror}
    except MemoryError:
        report = {"memory": True}
    sys.stderr.write(f"{json.dumps(report)}\n")
    sys.stderr.flush()
    os._exit(0)  # a hash that nobody wants any more may still run


class _Hashing:
    """A hash that is computed in a thread, which holds no lock meanwhile."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._digest = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def digest(self) -> bytes:
        self._thread.join()
        return self._digest

    def _run(self) -> None:
        self._digest = _sha256(self.parts)


def _sha256(parts: Parts) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _copied(source: int, target: int, size: int, end: bytes | memoryview) -> bytes | memoryview:
    """Let the system copy the end of a file, which is faster than from mapped pages; return what it left to write."""
    if isinstance(end, memoryview) and hasattr(os, "sendfile"):
        with suppress(OSError):  # not every system can, and a real fault comes again
            while end and (sent := os.sendfile(target, source, size - len(end), len(end))):
                end = end[sent:]
    return end


def _write(target: int, parts: Parts) -> None:
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(target, rest) :]
