"""E3, E4, E6: the zip of a space export is whole and has its own name, or is not there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import CFError, DiskError
from cf_ai_platform_client.events import ExportBytes, ExportStored
from cf_ai_platform_client.settings import Limits

from ..adapters.wire import ok
from ..conftest import Clock, files_below
from .promise import KEY, OWN
from .space import EXPORT, NAME, OTHER, PART, SIGNED, ZIP, Space, download, during, etag_of, hang, serving
from .test_disk import mounted


def test_e3_a_truncated_zip_without_a_length_gets_no_name(destination: Path, clock: Clock) -> None:
    cut = b'HTTP/1.1 200 OK\r\nConnection: close\r\nETag: "1"\r\n\r\n' + ZIP[:-30]
    space = Space(files=[cut])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("truncated", {}, 2)
    assert "It is no whole zip file" in str(kept.error)
    assert not (destination / PART).exists()


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 5000, 3 << 20])
def test_e3_wherever_it_is_cut(cut: int, destination: Path, clock: Clock) -> None:
    content = ZIP[: len(ZIP) - cut]
    kept, _ = download(Space(files=[serving(content)]), destination, clock)
    assert (kept.code, kept.files) == (("truncated", {}) if cut else (None, {NAME: ZIP}))


def test_e3_a_piece_missing_in_the_middle(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[serving(ZIP[: 1 << 20] + ZIP[2 << 20 :])]), destination, clock)
    assert (kept.code, kept.files) == ("truncated", {})


@pytest.mark.parametrize("body", [b"", b"<html>Log in</html>", b"{}", os.urandom(1 << 21)])
def test_e3_what_is_no_zip_is_not_asked_for_again(body: bytes, destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(body)])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("mismatch", {}, 1)
    assert "It is no zip file" in str(kept.error)


def test_e3_a_length_that_is_not_reached_is_asked_for_again_and_then_truncated(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.5)])
    kept, _ = download(space, destination, clock, attempts=3)
    assert (kept.code, kept.files) == ("truncated", {})


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.mark.parametrize("header", ["x-amz-checksum-sha256", "Content-MD5", "x-goog-hash"])
def test_b4_for_zips_a_wrong_checksum_is_one_more_fetch_and_then_an_end(
    header: str, destination: Path, clock: Clock
) -> None:
    wrong = digest(b"x") if "sha256" in header else base64.b64encode(bytes(16)).decode()
    value = f"md5={wrong}" if "goog" in header else wrong
    space = Space(files=[serving(ZIP, f"{header}: {value}")])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("checksum", {}, 2)
    assert str(kept.error).startswith("The export's file does not have the checksum")


def test_b4_for_zips_the_checksum_of_the_whole_holds_for_a_resumed_one(destination: Path, clock: Clock) -> None:
    right = f"x-amz-checksum-sha256: {digest(ZIP)}"
    kept, _ = download(Space(files=[serving(ZIP, right, upto=0.9), serving(ZIP)]), destination, clock)
    assert kept.files == {NAME: ZIP}
    (destination / NAME).unlink()
    wrong = f"x-amz-checksum-sha256: {digest(OTHER)}"
    space = Space(files=[serving(ZIP, wrong, upto=0.9), serving(ZIP), serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert len(space.fetched) == 3
    assert "Range:" not in space.fetched[2]


def big_zip(size: int) -> tuple[Callable[[], AsyncIterator[bytes]], int]:
    """Make the pieces of a zip with one stored member of zeros, with the sizes that zips beyond 4 GB have."""
    name, piece = b"zeros.bin", bytes(1 << 16)
    crc = 0
    for _ in range(size // len(piece)):
        crc = zlib.crc32(piece, crc)
    sizes = struct.pack("<HHQQ", 1, 16, size, size)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20)
    start = local + name + sizes
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20, 0, 0, 0, 0, 0
    )
    directory, offset = entry + name + sizes, len(start) + size
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    tail = directory + end64 + locator + end

    async def pieces() -> AsyncIterator[bytes]:
        yield start
        for _ in range(size // len(piece)):
            yield piece
        yield tail

    return pieces, len(start) + size + len(tail)


@pytest.mark.slow
def test_e4_a_big_zip_takes_little_memory(destination: Path, clock: Clock) -> None:
    pieces, size = big_zip(128 << 20)

    async def stream(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f'HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: "big"\r\n\r\n'.encode())
        async for piece in pieces():
            writer.write(piece)
            await writer.drain()

    tracemalloc.start()
    try:
        space = Space(files=[stream])

        async def act(client: CFUserClient, on_event: Any) -> object:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            await client.download_export_file("sample-space", EXPORT, destination, progress=False)
            return tracemalloc.get_traced_memory()[1] - before

        # not by `download`, which reads what is there
        results: list[object] = []

        async def alone() -> None:
            async with space.served():
                results.append(await act(CFUserClient(KEY, space.base_url, runtime=clock.runtime), None))

        asyncio.run(alone())
    finally:
        tracemalloc.stop()
    assert isinstance(results[0], int)
    assert results[0] < 24 << 20
    assert (destination / NAME).stat().st_size == size
    with zipfile.ZipFile(destination / NAME) as file:
        assert file.testzip() is None


@pytest.mark.parametrize("name", [".bashrc", "..", "%2e%2e", "existing.txt", "a/../../b.zip", "", "CON"])
def test_e6_the_file_is_named_after_the_export(name: str, destination: Path, clock: Clock) -> None:
    destination.mkdir()
    (destination / "existing.txt").write_text("mine")
    space = Space(files=[serving(ZIP, 'Content-Disposition: attachment; filename="evil.zip"')])
    space.url = f"/storage/{name}?{SIGNED}"
    kept, path = download(space, destination, clock)
    assert kept.files == {NAME: ZIP, "existing.txt": b"mine"}
    assert path == str(destination / NAME)


def test_e6_a_whole_file_is_kept_without_a_request(destination: Path, clock: Clock) -> None:
    destination.mkdir()
    (destination / NAME).write_bytes(ZIP)
    space = Space(files=[serving(OTHER)])
    kept, path = download(space, destination, clock)
    assert (kept.files, path, space.heads) == ({NAME: ZIP}, str(destination / NAME), [])
    assert kept.events == [ExportStored(EXPORT, str(destination / NAME), len(ZIP), fetched=False)]
    kept, _ = download(space, destination, clock, overwrite=True)
    assert kept.files == {NAME: OTHER}


@pytest.mark.parametrize("content", [b"", b"mine", ZIP[:-1]])
def test_e6_what_is_no_whole_zip_is_kept_too_and_said(content: bytes, destination: Path, clock: Clock) -> None:
    destination.mkdir()
    (destination / NAME).write_bytes(content)
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert isinstance(kept.error, DiskError)
    assert (kept.files, space.heads) == ({NAME: content}, [])
    assert "overwrite=True" in str(kept.error)
    kept, _ = download(space, destination, clock, overwrite=True)
    assert kept.files == {NAME: ZIP}


def test_b_for_zips_a_failed_replacement_leaves_what_was_there(destination: Path, clock: Clock) -> None:
    destination.mkdir()
    (destination / NAME).write_bytes(ZIP)
    kept, _ = download(Space(files=[serving(OTHER[:-1])]), destination, clock, overwrite=True)
    assert (kept.code, kept.files) == ("truncated", {NAME: ZIP})


NOTE = PART.replace(".part", ".resume")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("place", [NAME, PART, OWN, f"{OWN}/exports", NOTE])
def test_p4_for_zips_no_link_is_followed(place: str, destination: Path, tmp_path: Path, clock: Clock) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    target = aside / "target"
    (target.mkdir if place.endswith((OWN, "exports")) else target.touch)()
    (destination / place).parent.mkdir(parents=True)
    (destination / place).symlink_to(target)
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock)
    assert isinstance(kept.error, DiskError)
    assert str(kept.error).startswith(f"{destination / place} ")
    assert "link" in str(kept.error)
    assert ("cannot be written" in str(kept.error)) == (place != NAME)
    assert kept.files.get(NAME, b"") == b""
    assert [path for path in aside.rglob("*") if path.is_file() and path.read_bytes()] == []


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("place", [NAME, PART, NOTE])
def test_rule_6_a_pipe_in_the_way_of_a_zip_blocks_nothing(place: str, destination: Path, clock: Clock) -> None:
    (destination / place).parent.mkdir(parents=True)
    os.mkfifo(destination / place)
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert isinstance(kept.error, DiskError)
    assert str(kept.error).startswith(f"{destination / place} ")
    assert space.fetched == []
    assert kept.error.hint
    assert sorted(path.name for path in destination.rglob("*") if path.name not in {OWN, "exports"}) == [
        (destination / place).name
    ]
    (destination / place).unlink()
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}


@pytest.mark.parametrize("place", [PART, NOTE])
@pytest.mark.parametrize("upto", [0.0, 0.9])
def test_rule_6_a_hard_link_in_the_way_of_a_zip_keeps_its_bytes(
    place: str, upto: float, destination: Path, tmp_path: Path, clock: Clock
) -> None:
    if upto:
        download(Space(files=[serving(ZIP, upto=upto)]), destination, clock, attempts=1)
        (destination / place).unlink()
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (destination / place).parent.mkdir(parents=True, exist_ok=True)
    (destination / place).hardlink_to(outside)
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock)
    assert (kept.error, kept.files) == (None, {NAME: ZIP})
    assert outside.read_bytes() == b"mine"
    assert outside.stat().st_nlink == 1


@pytest.mark.parametrize("overwrite", [False, True])
def test_e6_a_folder_with_its_name_is_said_before_any_request(overwrite: bool, destination: Path, clock: Clock) -> None:
    (destination / NAME).mkdir(parents=True)
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock, overwrite=overwrite)
    assert isinstance(kept.error, DiskError)
    assert (kept.files, space.heads) == ({}, [])
    assert str(kept.error).startswith(f"{destination / NAME} ")
    assert "a folder" in str(kept.error)


@pytest.mark.parametrize(
    "url", ["ftp://x.example/a.zip", "https://u:canary-signature@x.example/a", "file:///etc/passwd"]
)
def test_rule_3_for_zips_an_unsafe_url_is_not_called(url: str, destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(url=url), destination, clock)
    assert (kept.code, kept.files) == ("unsafe_url", {})


def test_rule_1_the_storage_of_zips_is_shown_no_key(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP)])
    download(space, destination, clock)
    assert KEY not in space.fetched[0]
    assert KEY in space.asked("GET", "/exports/")[0]


@pytest.mark.parametrize("status", [301, 302, 307])
def test_rule_1_no_redirect_is_followed_for_zips(status: int, destination: Path, clock: Clock) -> None:
    space = Space(files=[ok(b"", f"Location: /storage/other.zip?{SIGNED}", status=f"{status} x"), serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert (kept.code, len(space.fetched)) == ("rejected", 1)
    assert str(kept.error).startswith(f"{status} for the export's file. Redirects are not followed: ")
    assert "base URL" not in str(kept.error)


def test_rule_7_for_zips_there_is_a_limit_too(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock, limits=Limits(export_bytes=2 << 20))
    assert (kept.code, kept.files) == ("too_large", {})


def test_b3_for_zips_a_204_is_no_file(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[ok(b"", status="204 No Content")]), destination, clock, attempts=2)
    assert (kept.code, kept.files) == ("truncated", {})


@pytest.mark.skipif(os.name == "nt", reason="a POSIX limit")
def test_d1_for_zips_a_full_disk_ends_it(destination: Path, clock: Clock) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, before[1]))
    try:
        space = Space(files=[serving(ZIP)])
        kept, _ = download(space, destination, clock)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert isinstance(kept.error, DiskError)
    assert (kept.code, kept.files, len(space.fetched)) == ("disk_full", {}, 1)


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
@pytest.mark.parametrize("etag", [None, ""])
def test_d1_for_zips_a_full_disk_keeps_what_came(etag: str | None, tmp_path: Path, clock: Clock) -> None:
    place = tmp_path / "small"
    place.mkdir()
    with mounted(place, "size=3m"):
        kept, _ = download(Space(files=[serving(ZIP, etag=etag)]), place / "out", clock)
        kept_bytes = (place / "out" / PART).stat().st_size if (place / "out" / PART).exists() else 0
    assert isinstance(kept.error, DiskError)
    assert kept.code == "disk_full"
    what = "it starts anew" if etag == "" else "what came is kept, and goes on"
    assert str(kept.error).endswith(f"the disk is full. Free some space and run again: {what}.")
    assert (kept_bytes > 2 << 20) == (etag is None)


def test_d5_for_zips_a_second_download_at_once_is_refused(destination: Path, clock: Clock) -> None:
    started = asyncio.Event()

    async def stuck(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(ZIP, f"ETag: {etag_of(ZIP)}")[: 3 << 20])
        await writer.drain()
        started.set()
        await hang(head, writer)

    async def act(client: CFUserClient, _: Any) -> object:
        first = asyncio.ensure_future(client.download_export_file("sample-space", EXPORT, destination))
        await started.wait()
        while not (destination / PART).exists():  # what was sent has arrived
            await asyncio.sleep(0)
        try:
            with pytest.raises(DiskError, match="is being downloaded already"):
                await client.download_export_file("sample-space", EXPORT, destination)
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        return True

    kept, done = during(Space(files=[stuck]), destination, act, clock)
    assert (kept.error, done) == (None, True)
    assert (destination / PART).exists()  # a cancelled download can be continued


def test_what_a_handler_raises_ends_it_as_it_is(destination: Path, clock: Clock) -> None:
    for error in (CFError("mine", code="cancelled"), ValueError("mine"), OSError("mine")):

        async def act(client: CFUserClient, _: Any, raised: Exception = error) -> object:
            def on_event(event: Any) -> None:
                if isinstance(event, ExportBytes):
                    raise raised

            return await client.download_export_file("sample-space", EXPORT, destination, on_event=on_event)

        space = Space(files=[serving(ZIP)])
        kept, _ = during(space, destination, act, clock)
        assert kept.error is error
        assert len(space.fetched) == 1
    assert files_below(destination) == {}
