from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import mmap
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.big_document_child import rewrite_beside
from cf_ai_platform_client.adapters.big_documents import Finished, add_asset_url_to_file
from cf_ai_platform_client.core.coco_bytes import add_asset_url
from cf_ai_platform_client.core.splicing import NotADocumentError
from cf_ai_platform_client.errors import ResponseError

from .disks import files_of_at_most

Add = Callable[..., Awaitable[Finished]]
INFO_LATE = b'{"images": [' + b"1, " * 40_000 + b'2], "info": {}}'
INFO_EARLY = b'{"info": {}, "images": [' + b"1, " * 40_000 + b"2]}"
DOCUMENTS = [
    b'{"info": {"asset_url": "old"}, "images": []}',
    b'\xef\xbb\xbf{"x": 1}',
    b'{"images": [NaN]}',
    INFO_LATE,
    INFO_EARLY,
]
URL = 'assets/é"\x00\ud800.jpg?sig=canary'
POSIX = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")


@contextlib.contextmanager
def files(tmp_path: Path, content: bytes) -> Iterator[tuple[int, int]]:
    """Open a document, read to its end, and a new file."""
    (tmp_path / "source").write_bytes(content)
    binary = getattr(os, "O_BINARY", 0)
    source = os.open(tmp_path / "source", os.O_RDONLY | binary)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT | os.O_TRUNC | binary)
    os.lseek(source, 0, os.SEEK_END)
    try:
        yield source, target
    finally:
        os.close(source)
        os.close(target)


def added(tmp_path: Path, content: bytes, url: str = URL, **how: object) -> Finished:
    with files(tmp_path, content) as (source, target):
        return asyncio.run(add_asset_url_to_file(source, target, url, **how))  # type: ignore[arg-type]


def program(tmp_path: Path, script: str) -> str:
    """Write what is started instead of Python."""
    path = tmp_path / "python-of-a-kind"
    path.write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
    path.chmod(0o700)
    return str(path)


def python_that_tells(tmp_path: Path) -> str:
    return program(tmp_path, f'{sys.executable} "$@"; echo $? "$@" > told')


@pytest.mark.parametrize("how", [{}, {"in_thread": 1}, {"in_thread": 1, "executable": None}], ids=str)
@pytest.mark.parametrize("content", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_a_document_goes_from_file_to_file(content: bytes, how: dict[str, object], tmp_path: Path) -> None:
    finished, expected = added(tmp_path, content, **how), add_asset_url(content, URL)
    assert (tmp_path / "target").read_bytes() == expected.content
    digest = hashlib.sha256(expected.content).digest()
    assert finished == Finished(len(expected.content), digest, expected.warnings)


@pytest.mark.parametrize("how", [{}, {"in_thread": 1}, {"in_thread": 1, "executable": None}], ids=str)
@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": 1', b'{"a": "\xff"}'])
def test_what_is_no_document_is_refused_alike(content: bytes, how: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ResponseError) as expected:
        add_asset_url(content, URL)
    with pytest.raises(ResponseError) as caught:
        added(tmp_path, content, **how)
    assert (str(caught.value), caught.value.code) == (str(expected.value), "invalid_json")
    assert (tmp_path / "target").read_bytes() == b""


@POSIX
def test_a_big_document_is_read_by_a_process_that_only_its_parent_influences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("raise SystemExit(9)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{tmp_path / 'site'}")
    added(tmp_path, DOCUMENTS[0], in_thread=1, executable=python_that_tells(tmp_path))
    status, _, command = (tmp_path / "told").read_text().partition(" ")
    assert status == "0"
    assert "canary" not in command


@POSIX
@pytest.mark.parametrize("content", [DOCUMENTS[0], b"[1]"])
def test_small_documents_need_no_process(content: bytes, tmp_path: Path) -> None:
    with contextlib.suppress(ResponseError):
        added(tmp_path, content, executable=python_that_tells(tmp_path))
    assert not (tmp_path / "told").exists()


@POSIX
@pytest.mark.parametrize(
    "script", [None, "exit 3", "yes garbage | head -1000; echo trouble >&2; exit 1", "echo [1] >&2"]
)
def test_where_no_process_can_be_a_thread_does_it(script: str | None, tmp_path: Path) -> None:
    executable = str(tmp_path / "python-that-is-not-there") if script is None else program(tmp_path, script)
    added(tmp_path, DOCUMENTS[0], in_thread=1, executable=executable)
    assert (tmp_path / "target").read_bytes() == add_asset_url(DOCUMENTS[0], URL).content


@POSIX
def test_an_application_with_python_in_it_is_not_started_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = program(tmp_path, "touch started")
    app = Path(started).rename(tmp_path / "blender")
    added(tmp_path, DOCUMENTS[0], in_thread=1, executable=str(app))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    added(tmp_path, DOCUMENTS[0], in_thread=1, executable=program(tmp_path, "touch started"))
    assert not (tmp_path / "started").exists()


@POSIX
@pytest.mark.parametrize("script", ["kill -9 $$", "echo '{\"memory\": true}' >&2"])
def test_a_process_that_was_killed_is_said_so(script: str, tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match="process that checks a document of 44 bytes was ended .* fewer") as caught:
        added(tmp_path, DOCUMENTS[0], in_thread=1, executable=program(tmp_path, script))
    assert (caught.value.code, caught.value.retryable) == ("too_large", False)


@POSIX
def test_a_source_that_cannot_be_read_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        added(tmp_path, DOCUMENTS[0], in_thread=1, executable=program(tmp_path, "kill -BUS $$"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
@pytest.mark.parametrize("in_thread", [1, 1 << 20])
def test_a_full_disk_is_an_error_of_the_disk(in_thread: int, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DOCUMENTS[0])
    source, target = os.open(tmp_path / "source", os.O_RDONLY), os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match=r".") as caught:
            asyncio.run(add_asset_url_to_file(source, target, URL, in_thread=in_thread))
    finally:
        os.close(source)
        os.close(target)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("content", [INFO_LATE, INFO_EARLY], ids=["in the head", "in the tail"])
@pytest.mark.parametrize("in_thread", [1, 1 << 20])
def test_a_file_size_limit_is_an_error_of_the_disk(in_thread: int, content: bytes, tmp_path: Path) -> None:
    with (
        files(tmp_path, content) as (source, target),
        files_of_at_most(50_000),
        pytest.raises(OSError, match=r".") as caught,
    ):
        asyncio.run(add_asset_url_to_file(source, target, URL, in_thread=in_thread))
    assert caught.value.errno == errno.EFBIG


async def _pids(path: Path, count: int) -> list[int]:
    """Wait until so many processes have written their ids."""
    while not path.exists() or len(path.read_text().splitlines()) < count:
        await asyncio.sleep(0)
    return [int(line) for line in path.read_text().splitlines()]


async def _time_passes() -> None:
    for _ in range(3):
        await (await asyncio.create_subprocess_exec("true")).wait()


@POSIX
@pytest.mark.parametrize("at_once", [True, False])
def test_a_cancelled_process_is_gone(at_once: bool, tmp_path: Path) -> None:
    waits = program(tmp_path, "echo $$ >> pids; exec tail -f /dev/null")

    async def run(source: int, target: int) -> int:
        task = asyncio.ensure_future(add_asset_url_to_file(source, target, URL, in_thread=1, executable=waits))
        (pid,) = await _pids(tmp_path / "pids", 1)
        if not at_once:
            await _time_passes()  # while it starts, its cancellation is the library's
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        return pid

    with files(tmp_path, DOCUMENTS[0]) as (source, target):
        pid = asyncio.run(run(source, target))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@POSIX
def test_there_are_two_processes_at_once(tmp_path: Path) -> None:
    waits = program(tmp_path, "echo $$ >> pids; exec tail -f /dev/null")

    async def run(source: int, target: int) -> None:
        add: Add = add_asset_url_to_file
        tasks = [
            asyncio.ensure_future(add(source, target, URL, in_thread=1, executable=waits))  # type: ignore[arg-type]
            for _ in range(3)
        ]
        first, second = await _pids(tmp_path / "pids", 2)
        await _time_passes()  # enough for a third to start
        assert await _pids(tmp_path / "pids", 2) == [first, second]
        os.kill(first, signal.SIGKILL)
        *_, third = await _pids(tmp_path / "pids", 3)
        for pid in (second, third):
            os.kill(pid, signal.SIGKILL)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [ResponseError] * 3

    with files(tmp_path, DOCUMENTS[0]) as (source, target):
        asyncio.run(run(source, target))


def rewritten(tmp_path: Path, content: bytes) -> Finished:
    with files(tmp_path, content) as (source, target):
        return rewrite_beside(mmap.mmap(source, 0, access=mmap.ACCESS_READ), source, target, "a")


@pytest.mark.parametrize("system_copies", [True, False])
@pytest.mark.parametrize("content", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_what_was_written_is_what_was_hashed(
    content: bytes, system_copies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not system_copies:
        monkeypatch.delattr(os, "sendfile", raising=False)
    finished = rewritten(tmp_path, content)
    assert (tmp_path / "target").read_bytes() == add_asset_url(content, "a").content
    assert finished.sha256 == hashlib.sha256((tmp_path / "target").read_bytes()).digest()


def test_nothing_is_written_of_what_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(NotADocumentError):
        rewritten(tmp_path, b'{"info": {}, "images": [' + b"1, " * 40_000)
    assert (tmp_path / "target").read_bytes() == b""
