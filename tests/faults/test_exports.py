"""R9 and E1 to E6: space exports, from a platform and a storage that are rude."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import (
    CFError,
    ConflictError,
    DiskError,
    ExportError,
    ExportTimeoutError,
    NoConnectionError,
    NotFoundError,
)
from cf_ai_platform_client.events import ExportBytes, ExportStatusChanged, ExportStored
from cf_ai_platform_client.settings import Limits

from ..adapters.wire import ok
from ..conftest import Clock, files_below
from .promise import KEY, OWN, Kept
from .space import (
    EXPORT,
    NAME,
    PART,
    SIGNED,
    Reaction,
    Space,
    break_off,
    download,
    during,
    etag_of,
    hang,
    make_zip,
    serving,
)

ZIP = make_zip()
SHORT = Limits(connect_timeout=0.05, read_timeout=0.05)
OPEN_END = [
    pytest.param(hang, id="no answer in time"),
    pytest.param(break_off, id="reset"),
    pytest.param(b"", id="closed"),
    *(pytest.param(ok(b"{}", status=f"{status} x"), id=str(status)) for status in (408, 500, 502, 503, 504)),
]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "out"


def create(space: Space, destination: Path, clock: Clock, **more: Any) -> Kept:
    async def act(client: CFUserClient, _: Any) -> object:
        return await client.create_export("sample-space", "nightly", "CSV")

    return during(space, destination, act, clock, **more)[0]


def delete(space: Space, destination: Path, clock: Clock, **more: Any) -> Kept:
    async def act(client: CFUserClient, _: Any) -> object:
        return await client.delete_export("sample-space", EXPORT)

    return during(space, destination, act, clock, **more)[0]


# R9: what changes something is not repeated


@pytest.mark.parametrize("answer", [*OPEN_END, pytest.param(ok(b"<html>"), id="201 that nobody can read")])
def test_r9_a_create_with_an_open_end_is_made_once_and_says_so(
    answer: Reaction, destination: Path, clock: Clock
) -> None:
    space = Space(creates=[answer])
    kept = create(space, destination, clock, limits=SHORT)
    assert len(space.asked("POST")) == 1
    assert (kept.code, clock.slept) == ("unknown_outcome", [])
    assert "Nobody knows whether the export nightly was created: look for it in list_exports" in str(kept.error)
    assert not getattr(kept.error, "retryable", True)


def test_r9_a_create_that_was_refused_for_now_is_made_again(destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", "Retry-After: 7", status="429 x"), _pending])
    kept = create(space, destination, clock)
    assert (kept.error, len(space.asked("POST"))) == (None, 2)
    assert sum(clock.slept) >= 7
    assert space.bodies[0] == space.bodies[1]


async def _pending(head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(Space().export("PENDING"))
    await writer.drain()


@pytest.mark.parametrize("act", ["create_export", "delete_export"])
def test_r9_a_call_that_was_never_sent_is_made_again(act: str, destination: Path, clock: Clock) -> None:
    async def call(_: CFUserClient, __: Any) -> object:
        client = CFUserClient(KEY, "http://127.0.0.1:1/api/v1", runtime=clock.runtime)
        return await getattr(client, act)("sample-space", EXPORT)

    kept, _ = during(Space(), destination, call)
    assert isinstance(kept.error, NoConnectionError)
    assert (kept.code, len(clock.slept)) == ("network", 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_r9_what_is_refused_is_no_open_end(status: int, destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", status=f"{status} x")], deletes=[ok(b"{}", status=f"{status} x")])
    for act in (create, delete):
        kept = act(space, destination, clock)
        assert (kept.code != "unknown_outcome", getattr(kept.error, "status", 0)) == (True, status)
    assert (len(space.asked("POST")), len(space.asked("DELETE")), clock.slept) == (1, 1, [])


@pytest.mark.parametrize("answer", OPEN_END)
def test_rule_13_a_delete_with_an_open_end_is_made_once(answer: Reaction, destination: Path, clock: Clock) -> None:
    space = Space(deletes=[answer])
    kept = delete(space, destination, clock, limits=SHORT)
    assert len(space.asked("DELETE")) == 1
    assert (kept.code, clock.slept) == ("unknown_outcome", [])
    assert "Nobody knows whether the export was deleted: ask with get_export" in str(kept.error)


def test_a_delete_of_an_unknown_export_is_a_not_found_error(destination: Path, clock: Clock) -> None:
    space = Space(deletes=[ok(b'{"message": "gone"}', status="404 x")])
    kept = delete(space, destination, clock)
    assert isinstance(kept.error, NotFoundError)
    assert EXPORT in str(kept.error)


def test_r9_an_export_that_timed_out_is_not_repeated_by_the_method_that_does_all(
    destination: Path, clock: Clock
) -> None:
    space = Space(creates=[hang])

    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.export("sample-space", "nightly", destination, on_event=on_event)

    kept, _ = during(space, destination, act, clock, limits=SHORT)
    assert (kept.code, len(space.heads), kept.files) == ("unknown_outcome", 1, {})


# E1: a drop


def test_e1_a_drop_at_90_percent_goes_on_by_range(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), serving(ZIP)])
    kept, path = download(space, destination, clock)
    first, second = space.fetched
    assert "Range:" not in first
    begins = int(second.partition("Range: bytes=")[2].partition("-")[0])
    assert 1 << 20 < begins <= len(ZIP) * 0.9
    assert f"If-Range: {etag_of(ZIP)}" in second
    assert hashlib.sha256(kept.files[NAME]).digest() == hashlib.sha256(ZIP).digest()
    assert path == str(destination / NAME)
    assert [event for event in kept.events if isinstance(event, ExportStored)] == [
        ExportStored(EXPORT, str(destination / NAME), len(ZIP))
    ]
    sizes = [event.bytes for event in kept.events if isinstance(event, ExportBytes)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(ZIP)
    assert not list((destination / OWN / "exports").iterdir())


def test_e1_many_drops_are_no_reason_to_give_up_while_bytes_come(destination: Path, clock: Clock) -> None:
    drops = [serving(ZIP, upto=part / 4) for part in (1, 2, 3)]
    kept, _ = download(Space(files=[*drops, serving(ZIP)]), destination, clock, attempts=2)
    assert (kept.error, kept.files) == (None, {NAME: ZIP})


def test_e1_a_later_run_goes_on_where_this_one_stopped(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[serving(ZIP, upto=0.9)]), destination, clock, attempts=1)
    assert (kept.code, kept.files) == ("truncated", {})
    part = (destination / PART).read_bytes()
    assert ZIP.startswith(part)
    assert len(part) > len(ZIP) // 4
    assert not list(destination.rglob("*.json"))
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert f"Range: bytes={len(part)}-\r\n" in space.fetched[0]
    assert len(space.fetched) == 1


def test_e1_a_part_that_is_complete_is_not_asked_for(destination: Path, clock: Clock) -> None:
    download(Space(files=[serving(ZIP, upto=0.9)]), destination, clock, attempts=1)
    (destination / PART).write_bytes(ZIP)
    space = Space(files=[b""])
    kept, _ = download(space, destination, clock)
    assert (kept.files, space.fetched) == ({NAME: ZIP}, [])


@pytest.mark.parametrize("etag", ["", 'W/"weak"', "not quoted"])
def test_e1_without_a_strong_etag_it_starts_anew_and_leaves_nothing(etag: str, destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9, etag=etag), serving(ZIP, etag=etag)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert not [head for head in space.fetched if "Range:" in head]
    (destination / NAME).unlink()
    kept, _ = download(Space(files=[serving(ZIP, upto=0.9, etag=etag)]), destination, clock, attempts=1)
    assert kept.code == "truncated"
    assert not [path for path in destination.rglob("*") if path.is_file()]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"etag": 7, "total": -1, "digests": 3}', b"\xff", b"[" * 50_000])
def test_e1_a_broken_note_means_starting_anew(note: bytes, destination: Path, clock: Clock) -> None:
    download(Space(files=[serving(ZIP, upto=0.9)]), destination, clock, attempts=1)
    (destination / PART).with_suffix(".resume").write_bytes(note)
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert "Range:" not in space.fetched[0]


# E2: what the resumption may answer

OTHER = make_zip(seed=2)


def ranged(content_range: str, body: bytes, etag: str | None = None) -> bytes:
    tag = [] if etag is None else [f"ETag: {etag}"]
    return ok(body, f"Content-Range: {content_range}", *tag, status="206 Partial Content")


def test_e2_a_200_means_starting_anew(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), serving(OTHER)])
    kept, _ = download(space, destination, clock)
    assert (kept.files, len(space.fetched)) == ({NAME: OTHER}, 2)
    assert "Range: bytes=" in space.fetched[1]


def test_e2_a_part_of_another_file_means_starting_anew(destination: Path, clock: Clock) -> None:
    async def another(head: str, writer: asyncio.StreamWriter) -> None:
        start = int(head.partition("Range: bytes=")[2].partition("-")[0])
        span = f"bytes {start}-{len(OTHER) - 1}/{len(OTHER)}"
        writer.write(ranged(span, OTHER[start:], etag_of(OTHER)))
        await writer.drain()

    space = Space(files=[serving(ZIP, upto=0.9), another, serving(OTHER)])
    kept, _ = download(space, destination, clock)
    assert (kept.files, len(space.fetched)) == ({NAME: OTHER}, 3)
    assert "Range:" not in space.fetched[2]


@pytest.mark.parametrize(
    "content_range",
    [
        "bytes 0-{last}/{size}",
        "bytes {later}-{last}/{size}",
        "bytes {start}-1/{size}",
        "items 1-2/3",
        "bytes */{size}",
        "",
    ],
)
def test_e2_a_wrong_content_range_ends_it(content_range: str, destination: Path, clock: Clock) -> None:
    async def wrong(head: str, writer: asyncio.StreamWriter) -> None:
        start = int(head.partition("Range: bytes=")[2].partition("-")[0])
        span = content_range.format(start=start, later=start + 1, last=len(ZIP) - 1, size=len(ZIP))
        writer.write(ranged(span, ZIP[start:], etag_of(ZIP)))
        await writer.drain()

    space = Space(files=[serving(ZIP, upto=0.9), wrong])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("mismatch", {}, 2)
    assert not (destination / PART).exists()


def test_e2_a_range_that_is_refused_means_starting_anew(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), ok(b"", status="416 x"), serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert ["Range:" in head for head in space.fetched] == [False, True, False]


def test_e2_a_part_that_nobody_asked_for_ends_it(destination: Path, clock: Clock) -> None:
    space = Space(files=[ranged(f"bytes 0-{len(ZIP) - 1}/{len(ZIP)}", ZIP)])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("mismatch", {}, 1)


# E3: whole or not at all


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


# E4: memory


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


# E5: waiting


def wait(
    space: Space, destination: Path, clock: Clock, limits: Limits | None = None, **options: Any
) -> tuple[Kept, Any]:
    policy = {name: options.pop(name) for name in ("attempts",) if name in options}

    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.wait_for_export("sample-space", EXPORT, on_event=on_event, **options)

    return during(space, destination, act, clock, limits, **policy)


def test_e5_polls_grow_from_the_interval_and_the_deadline_holds(destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING"])
    kept, _ = wait(space, destination, clock, poll_interval=5.0, timeout=600.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert isinstance(kept.error, TimeoutError)
    assert clock.now - 1000.0 == 600.0
    assert clock.slept[:3] == [5.0, 6.25, 7.8125]
    assert max(clock.slept) == 30.0
    assert len(space.heads) == len(clock.slept) + 1
    assert "is still PENDING after 600 seconds" in str(kept.error)
    assert [event for event in kept.events if isinstance(event, ExportStatusChanged)] == [
        ExportStatusChanged(EXPORT, "PENDING", 0.0)
    ]


def test_e5_a_slow_poll_is_the_last_one_after_the_deadline(destination: Path, clock: Clock) -> None:
    async def slowly(head: str, writer: asyncio.StreamWriter) -> None:
        clock.now += 50.0
        writer.write(space.export("IN_PROGRESS"))
        await writer.drain()

    space = Space(polls=[slowly])
    kept, _ = wait(space, destination, clock, timeout=100.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert 100.0 <= clock.now - 1000.0 <= 150.0 + 50.0


@pytest.mark.parametrize("interval", [0, 0.0, 1e-9])
def test_e5_an_interval_of_0_does_not_hammer(interval: float, destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING"])
    wait(space, destination, clock, poll_interval=interval, timeout=10.0)
    assert min(clock.slept[:-1]) >= 0.5
    assert len(space.heads) <= 21


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_e5_what_passes_is_tolerated_until_the_deadline(status: int, destination: Path, clock: Clock) -> None:
    down = ok(b"{}", status=f"{status} x")
    kept, export = wait(Space(polls=["PENDING", *[down] * 20, "COMPLETED"]), destination, clock, attempts=1)
    assert (kept.error, export.status.value) == (None, "COMPLETED")
    clock = Clock()
    kept, _ = wait(Space(polls=[down]), destination, clock, timeout=60.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert clock.now - 1000.0 == 60.0
    assert f"{status} for the export {EXPORT}" in str(kept.error)


def test_e5_a_retry_after_beyond_the_deadline_is_not_waited_for(destination: Path, clock: Clock) -> None:
    down = ok(b"{}", "Retry-After: 1000000000", status="503 x")
    space = Space(polls=["PENDING", down])
    kept, _ = wait(space, destination, clock, timeout=60.0)
    assert isinstance(kept.error, ExportTimeoutError)
    assert (clock.now - 1000.0, len(space.heads)) == (60.0, 2)


def test_e5_a_broken_connection_after_an_answer_is_tolerated(destination: Path, clock: Clock) -> None:
    kept, export = wait(Space(polls=["PENDING", break_off, b"", hang, "FAILED"]), destination, clock, limits=SHORT)
    assert (kept.error, export.status.value) == (None, "FAILED")


def test_e5_an_address_where_nobody_ever_answers_ends_it_soon(destination: Path, clock: Clock) -> None:
    space = Space(polls=[break_off])
    kept, _ = wait(space, destination, clock, timeout=1e6)
    assert (kept.code, clock.now < 1100.0) == ("network", True)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_e5_what_stays_ends_it(status: int, destination: Path, clock: Clock) -> None:
    space = Space(polls=["PENDING", ok(b"{}", status=f"{status} x")])
    kept, _ = wait(space, destination, clock)
    assert (getattr(kept.error, "status", 0), len(space.heads)) == (status, 2)


def test_e5_an_unknown_status_means_going_on(destination: Path, clock: Clock) -> None:
    space = Space(polls=["QUEUED", "PACKING\x1b[2J", "COMPLETED"])
    kept, export = wait(space, destination, clock)
    assert (kept.error, export.status.value, len(space.heads)) == (None, "COMPLETED", 3)
    assert "\x1b" not in kept.log


def test_e5_a_failed_export_is_returned_by_waiting_and_an_error_of_the_download(
    destination: Path, clock: Clock
) -> None:
    why = "out of \x1b[31mspace https://x.example/a?X-Amz-Signature=canary-signature"
    space = Space(polls=["FAILED"], more={"error": why})
    kept, export = wait(space, destination, clock)
    assert (kept.error, export.error) == (None, why)
    kept, _ = download(space, destination, clock)
    assert isinstance(kept.error, ExportError)
    assert isinstance(kept.error, ValueError)
    assert kept.code == "export_failed"
    assert "out of \\x1b[31mspace https://x.example/a" in str(kept.error)
    assert kept.files == {}


@pytest.mark.parametrize("poll", [ok(b"{}", status="404 x"), ok(b"{}", status="401 x"), "FAILED", "PENDING"])
def test_no_folder_is_made_for_an_export_without_a_file(poll: str | Reaction, destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(polls=[poll]), destination, clock, timeout=10.0)
    assert kept.error is not None
    assert not destination.exists()


@pytest.mark.parametrize("url", [None, "", "  "])
def test_an_export_without_a_url_is_an_error(url: str | None, destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(more={"downloadUrl": url}), destination, clock)
    assert isinstance(kept.error, ExportError)
    assert kept.code == "no_result"


def test_e5_waiting_can_be_cancelled() -> None:
    space = Space(polls=["PENDING"])

    async def run() -> None:
        async with space.served():
            client = CFUserClient(KEY, space.base_url)
            waiting = asyncio.ensure_future(client.wait_for_export("sample-space", EXPORT, poll_interval=3600.0))
            while not space.heads:
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(run())


# B8: URLs that expire


@pytest.mark.parametrize("refusal", [ok(b"", status="403 x"), ok(b"<Code>ExpiredToken</Code>", status="400 x")])
@pytest.mark.parametrize("upto", [0.0, 0.9])
def test_b8_an_expired_url_is_asked_for_anew_and_a_zip_goes_on(
    refusal: bytes, upto: float, destination: Path, clock: Clock
) -> None:
    before = [serving(ZIP, upto=upto)] if upto else []
    space = Space(files=[*before, refusal, serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert len(space.asked("GET", f"/exports/{EXPORT}")) == 2
    assert ("Range:" in space.fetched[-1]) == bool(upto)


def test_b8_a_url_that_is_refused_again_ends_it(destination: Path, clock: Clock) -> None:
    space = Space(files=[ok(b"", status="403 x")])
    kept, _ = download(space, destination, clock)
    assert (kept.code, len(space.fetched), kept.files) == ("forbidden", 2, {})
    assert "asked for anew and refused again" in str(kept.error)


# E6: names


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


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("place", [NAME, PART, OWN, f"{OWN}/exports", PART.replace(".part", ".resume")])
def test_p4_for_zips_no_link_is_followed(place: str, destination: Path, tmp_path: Path, clock: Clock) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    target = aside / "target"
    (target.mkdir if place.endswith((OWN, "exports")) else target.touch)()
    (destination / place).parent.mkdir(parents=True)
    (destination / place).symlink_to(target)
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock)
    assert isinstance(kept.error, DiskError)
    assert kept.files.get(NAME, b"") == b""
    assert [path for path in aside.rglob("*") if path.is_file() and path.read_bytes()] == []


# Where URLs may lead, limits, and others


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


def test_rule_7_for_zips_there_is_a_limit_too(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock, limits=Limits(export_bytes=2 << 20))
    assert (kept.code, kept.files) == ("too_large", {})


def test_b3_for_zips_a_204_is_no_file(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[ok(b"", status="204 No Content")]), destination, clock, attempts=2)
    assert (kept.code, kept.files) == ("truncated", {})


def test_b7_for_zips_a_trickle_is_ended_and_goes_on_by_range(destination: Path, clock: Clock) -> None:
    async def trickle(head: str, writer: asyncio.StreamWriter) -> None:
        whole = ok(ZIP, f"ETag: {etag_of(ZIP)}")
        writer.write(whole[: 3 << 20])
        for place in range(3 << 20, (3 << 20) + 100):
            await writer.drain()
            await asyncio.sleep(0.001)
            clock.now += 30.0
            writer.write(whole[place : place + 1])

    space = Space(files=[trickle, serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert (kept.error, kept.files) == (None, {NAME: ZIP})
    assert {retry.code for retry in kept.retries} == {"too_slow"}
    assert "Range: bytes=" in space.fetched[1]


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


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_d4_for_zips_a_killed_download_goes_on_in_the_next_process(destination: Path, clock: Clock) -> None:
    code = "import sys; from cf_ai_platform_client import SyncCFUserClient as Client; "
    code += "Client(sys.argv[1], sys.argv[2]).download_export_file('sample-space', sys.argv[3], sys.argv[4])"
    stuck_at = 4 << 20

    async def stuck(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(ZIP, f"ETag: {etag_of(ZIP)}")[:stuck_at])
        await hang(head, writer)

    async def killed() -> None:
        space = Space(files=[stuck])
        async with space.served():
            arguments = (sys.executable, "-c", code, KEY, space.base_url, EXPORT, str(destination))
            process = await asyncio.create_subprocess_exec(*arguments)
            while not ((destination / PART).exists() and (destination / PART).stat().st_size >= 2 << 20):
                await asyncio.sleep(0.01)
                assert process.returncode is None
            process.kill()
            await process.wait()

    asyncio.run(asyncio.wait_for(killed(), 60))
    assert files_below(destination) == {}
    here = (destination / PART).stat().st_size
    assert ZIP.startswith((destination / PART).read_bytes())
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert [f"Range: bytes={here}-" in head for head in space.fetched] == [True]


# 409


def listing(*exports: dict[str, Any]) -> bytes:
    return ok(json.dumps({"items": list(exports), "meta": {}}).encode())


ANOTHER = {"exportId": EXPORT, "name": "weekly\x1b[2J", "createdBy": "ann@example.com", "status": "IN_PROGRESS"}
DONE = {"exportId": "11111111-1111-4111-8111-111111111111", "name": "old", "status": "COMPLETED"}


def export_all(space: Space, destination: Path, clock: Clock, **options: Any) -> tuple[Kept, Any]:
    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.export("sample-space", "nightly", destination, on_event=on_event, **options)

    return during(space, destination, act, clock)


def test_a_409_names_the_running_export(destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", status="409 x")], polls=[listing(DONE, ANOTHER)])
    kept, _ = export_all(space, destination, clock)
    assert isinstance(kept.error, ConflictError)
    assert f"weekly\\x1b[2J ({EXPORT}, created by ann@example.com, IN_PROGRESS)" in str(kept.error)
    assert kept.error.item_id == EXPORT
    assert kept.error.response.status_code == 409
    assert "attach=True" in str(kept.error)


def test_a_409_is_attached_to_where_the_user_says_so(destination: Path, clock: Clock) -> None:
    space = Space(
        creates=[ok(b"{}", status="409 x")],
        polls=[listing(DONE, ANOTHER), "PENDING", "COMPLETED"],
        files=[serving(ZIP)],
    )
    kept, path = export_all(space, destination, clock, attach=True)
    assert (kept.files, path) == ({NAME: ZIP}, str(destination / NAME))


@pytest.mark.parametrize("same", [True, False])
def test_a_409_is_attached_to_where_this_client_made_it_with_equal_arguments(
    same: bool, destination: Path, clock: Clock
) -> None:
    space = Space(
        creates=[_pending, ok(b"{}", status="409 x")], polls=[listing(ANOTHER), "COMPLETED"], files=[serving(ZIP)]
    )

    async def act(client: CFUserClient, _: Any) -> object:
        await client.create_export("sample-space", "nightly", "CSV", ["p"] if same else ["q"])
        return await client.export("sample-space", "nightly", destination, export_format="CSV", project_ids=("p",))

    kept, _ = during(space, destination, act, clock)
    assert kept.code == (None if same else "conflict")


def test_a_409_that_is_over_is_created_after_all(destination: Path, clock: Clock) -> None:
    space = Space(
        creates=[ok(b"{}", status="409 x"), _pending], polls=[listing(DONE), "COMPLETED"], files=[serving(ZIP)]
    )
    kept, _ = export_all(space, destination, clock)
    assert (kept.files, len(space.asked("POST"))) == ({NAME: ZIP}, 2)
    space = Space(creates=[ok(b'{"message": "busy"}', status="409 x")], polls=[listing(DONE)])
    kept, _ = export_all(space, destination, clock)
    assert (kept.code, len(space.asked("POST"))) == ("conflict", 2)
    assert "busy" in str(kept.error)


def test_another_exports_answer_is_a_mismatch(destination: Path, clock: Clock) -> None:
    space = Space(more={"exportId": DONE["exportId"]})
    kept, _ = wait(space, destination, clock)
    assert (kept.code, len(space.heads)) == ("mismatch", 1)


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
