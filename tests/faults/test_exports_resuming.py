"""E1, E2, B8: the zip of a space export goes on where it broke off, and is never spliced."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.events import ExportBytes, ExportStored
from cf_ai_platform_client.settings import Limits

from ..adapters.wire import ok
from ..conftest import Clock, files_below
from .promise import KEY, OWN
from .space import EXPORT, NAME, OTHER, PART, ZIP, Reaction, Space, download, etag_of, hang, make_zip, serving

SMALL = make_zip(4_000_000)


async def another(head: str, writer: asyncio.StreamWriter) -> None:
    start = int(head.partition("Range: bytes=")[2].partition("-")[0])
    span = f"bytes {start}-{len(OTHER) - 1}/{len(OTHER)}"
    writer.write(ranged(span, OTHER[start:], etag_of(OTHER)))
    await writer.drain()


def test_e1_a_drop_at_90_percent_goes_on_by_range(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), serving(ZIP)])
    kept, path = download(space, destination, clock)
    first, second = space.fetched
    assert "Range:" not in first
    begins = int(second.partition("Range: bytes=")[2].partition("-")[0])
    assert begins == int(len(ZIP) * 0.9)
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
    assert len(part) == int(len(ZIP) * 0.9)
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


@pytest.mark.parametrize("at_once", [100_000, 300_000])
def test_e1_little_that_comes_is_progress_too(at_once: int, destination: Path, clock: Clock) -> None:
    drops = [serving(SMALL, upto=place / len(SMALL)) for place in range(at_once, len(SMALL), at_once)]
    assert len(drops) > 12
    kept, _ = download(Space(files=[*drops, serving(SMALL)]), destination, clock, attempts=2)
    assert (kept.error, kept.files) == (None, {NAME: SMALL})


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


ENDLESS: dict[str, Callable[[int], Reaction]] = {
    "no ETag": lambda _: serving(ZIP, upto=0.9, etag=""),
    "a weak ETag": lambda _: serving(ZIP, upto=0.9, etag='W/"a"'),
    "another ETag each time": lambda number: serving(ZIP, upto=0.9, etag=f'"{number}"'),
    "a Range that is ignored": lambda _: ok(ZIP, 'ETag: "a"').replace(b"Content-Length: ", b"Content-Length: 1", 1),
    "a refused Range": lambda number: serving(ZIP, upto=0.9) if number % 2 else ok(b"", status="416 x"),
    "a part of another": lambda number: serving(ZIP, upto=0.9) if number % 2 else another,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_rule_13_what_begins_anew_is_no_progress(kind: str, destination: Path, clock: Clock) -> None:
    space = Space(files=[ENDLESS[kind](number) for number in range(1, 50)])
    kept, _ = download(space, destination, clock, attempts=5)
    assert (kept.files, len(space.fetched)) == ({}, 5)
    assert kept.code in {"truncated", "network"}


@pytest.mark.parametrize("etag", ["", 'W/"a"'])
def test_rule_13_a_url_is_not_asked_for_anew_again_and_again(etag: str, destination: Path, clock: Clock) -> None:
    refused = ok(b"", status="403 x")
    space = Space(files=[serving(ZIP, upto=0.9, etag=etag), refused] * 50)
    kept, _ = download(space, destination, clock, attempts=50)
    assert (kept.error is not None, len(space.fetched)) == (True, 4)


def test_rule_13_asking_for_a_url_gives_no_retry_back(destination: Path, clock: Clock) -> None:
    drops = [serving(ZIP, upto=part / 20) for part in range(1, 20)]
    files = [reaction for drop in drops for reaction in (drop, ok(b"", status="403 x"))]
    kept, _ = download(Space(files=[*files, serving(ZIP)]), destination, clock, budget=5)
    assert len(kept.retries) == 5
    assert kept.code == "truncated"


def test_rule_13_a_part_of_a_file_that_is_another_now_is_no_measure(destination: Path, clock: Clock) -> None:
    download(Space(files=[serving(ZIP, upto=0.9)]), destination, clock, attempts=1)
    drops = [serving(OTHER, upto=part / 10) for part in range(1, 10)]
    kept, _ = download(Space(files=[*drops, serving(OTHER)]), destination, clock, attempts=2)
    assert (kept.error, kept.files) == (None, {NAME: OTHER})


def ranged(content_range: str, body: bytes, etag: str | None = None) -> bytes:
    tag = [] if etag is None else [f"ETag: {etag}"]
    return ok(body, f"Content-Range: {content_range}", *tag, status="206 Partial Content")


def test_e2_a_200_means_starting_anew(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), serving(OTHER)])
    kept, _ = download(space, destination, clock)
    assert (kept.files, len(space.fetched)) == ({NAME: OTHER}, 2)
    assert "Range: bytes=" in space.fetched[1]


def test_e2_a_part_of_another_file_means_starting_anew(destination: Path, clock: Clock) -> None:
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


@pytest.mark.parametrize("length", ["", "Content-Length"])
def test_e2_more_than_the_whole_ends_it_and_the_next_run_starts_anew(
    length: str, destination: Path, clock: Clock
) -> None:
    async def more(head: str, writer: asyncio.StreamWriter) -> None:
        start = int(head.partition("Range: bytes=")[2].partition("-")[0])
        answer = ranged(f"bytes {start}-{len(ZIP) - 1}/{len(ZIP)}", ZIP[start:] + b"x" * (2 << 20), etag_of(ZIP))
        writer.write(answer if length else answer.replace(b"Content-Length: ", b"Unknown: ", 1))
        await writer.drain()
        writer.close()

    space = Space(files=[serving(ZIP, upto=0.9), more])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("mismatch", {}, 2)
    assert f"More came than the {len(ZIP):,} bytes that the export's file has." in str(kept.error)
    assert not (destination / PART).exists()


def test_e2_a_part_that_is_longer_than_the_whole_is_dropped(destination: Path, clock: Clock) -> None:
    download(Space(files=[serving(ZIP, upto=0.9)]), destination, clock, attempts=1)
    (destination / PART).write_bytes(ZIP + b"x")
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert (kept.files, len(space.fetched)) == ({NAME: ZIP}, 1)
    assert "Range:" not in space.fetched[0]


@pytest.mark.parametrize("upto", [0.0, 0.5])
def test_rule_7_the_limit_is_for_the_file_not_for_what_comes_at_once(
    upto: float, destination: Path, clock: Clock
) -> None:
    limit = int(len(ZIP) * 0.8)
    if upto:
        download(Space(files=[serving(ZIP, upto=upto)]), destination, clock, attempts=1)
    space = Space(files=[serving(ZIP)])
    kept, _ = download(space, destination, clock, limits=Limits(export_bytes=limit))
    assert (kept.code, kept.files, len(space.fetched)) == ("too_large", {}, 0 if upto else 1)
    assert f"The export's file is larger than {limit:,} bytes." in str(kept.error)
    assert (destination / PART).exists() == bool(upto)
    kept, _ = download(Space(files=[serving(ZIP)]), destination, clock, limits=Limits(export_bytes=len(ZIP)))
    assert kept.files == {NAME: ZIP}


def test_rule_7_the_limit_is_for_a_file_of_unknown_length_too(destination: Path, clock: Clock) -> None:
    async def unknown(head: str, writer: asyncio.StreamWriter) -> None:
        start = int(head.partition("Range: bytes=")[2].partition("-")[0] or 0)
        span = f"bytes {start}-{len(ZIP) - 1}/*"
        whole = ranged(span, ZIP[start:], etag_of(ZIP)) if start else ok(ZIP, f"ETag: {etag_of(ZIP)}")
        writer.write(whole.replace(b"Content-Length: ", b"Unknown: ", 1))
        await writer.drain()
        writer.close()

    limit = len(ZIP) - 1
    for before in (0, 1):
        space = Space(files=[unknown])
        kept, _ = download(space, destination, clock, limits=Limits(export_bytes=limit))
        assert (kept.code, kept.files) == ("too_large", {})
        assert ["Range:" in head for head in space.fetched] == [bool(before)]
        assert 0 < (destination / PART).stat().st_size <= limit


def test_e2_a_range_that_is_refused_means_starting_anew(destination: Path, clock: Clock) -> None:
    space = Space(files=[serving(ZIP, upto=0.9), ok(b"", status="416 x"), serving(ZIP)])
    kept, _ = download(space, destination, clock)
    assert kept.files == {NAME: ZIP}
    assert ["Range:" in head for head in space.fetched] == [False, True, False]


def test_e2_a_part_that_nobody_asked_for_ends_it(destination: Path, clock: Clock) -> None:
    space = Space(files=[ranged(f"bytes 0-{len(ZIP) - 1}/{len(ZIP)}", ZIP)])
    kept, _ = download(space, destination, clock)
    assert (kept.code, kept.files, len(space.fetched)) == ("mismatch", {}, 1)


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
    assert (kept.code, len(space.fetched), kept.files) == ("rejected", 2, {})
    assert str(kept.error).startswith("403 for the export's file. A new URL for it was refused too: ")
    assert exit_code_of(kept.error or OSError()) == 5  # nothing says that the key is wrong


def test_b8_a_storage_that_wants_to_know_who_asks_says_nothing_of_the_key(destination: Path, clock: Clock) -> None:
    kept, _ = download(Space(files=[ok(b"", status="401 x")]), destination, clock)
    assert (kept.code, str(kept.error)) == ("rejected", "401 for the export's file.")
    assert exit_code_of(kept.error or OSError()) == 5


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
