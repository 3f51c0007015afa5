from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.core.resuming import (
    PROGRESS,
    FileChanged,
    Known,
    Progress,
    Start,
    can_resume,
    check_room,
    check_size,
    is_complete,
    range_headers,
    read_note,
    start_of,
    strong_etag,
)
from cf_ai_platform_client.errors import ResponseError

GROWING = Known('"a"')
KNOWN = Known('"a"', 100, {"content-md5": "x"})


@pytest.mark.parametrize(
    ("known", "size", "ranged", "complete"),
    [
        (KNOWN, 40, True, False),
        (KNOWN, 0, False, False),
        (KNOWN, 100, True, True),
        (Known('"a"'), 100, True, False),
        (Known(None, 100), 100, False, False),
        (Known(), 0, False, False),
    ],
)
def test_what_is_asked_for(known: Known, size: int, ranged: bool, complete: bool) -> None:
    headers = range_headers(known, size)
    assert headers["Accept-Encoding"] == "identity"
    wanted = {"Range": f"bytes={size}-", "If-Range": '"a"'} if ranged else {}
    assert {name: value for name, value in headers.items() if "ange" in name} == wanted
    assert (can_resume(known, size), is_complete(known, size)) == (ranged, complete)


def test_what_is_longer_than_the_whole_is_not_continued() -> None:
    assert not can_resume(KNOWN, 101)


@pytest.mark.parametrize("known", [KNOWN, Known(), Known('"ü"', 0), Known('"a"', None, {"x-goog-hash": "md5=="})])
def test_a_note_is_read_as_it_was_written(known: Known) -> None:
    found = read_note(known.to_note())
    assert (found.total, found.digests) == (known.total, known.digests)
    assert found.etag == strong_etag(known.etag)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff\xfe",
        b"7",
        b"[]",
        b"{}",
        b"null",
        b'{"etag": "\\"a\\"", "total": 5}',
        b'{"etag": "\\"a\\"", "total": true, "digests": {}}',
        b'{"etag": "\\"a\\"", "total": -5, "digests": {}}',
        b'{"etag": "\\"a\\"", "total": "5", "digests": {}}',
        b'{"etag": "\\"a\\"", "total": 5, "digests": []}',
        b'{"etag": "W/\\"a\\"", "total": null, "digests": {}}',
        b'{"etag": 7, "total": null, "digests": {}}',
        b"[" * 100_000,
    ],
)
def test_a_broken_note_says_nothing(note: bytes) -> None:
    assert read_note(note) == Known()


@pytest.mark.parametrize(
    ("value", "strong"),
    [('"a"', True), ('W/"a"', False), ("a", False), ("*", False), ('"a", "b"', False), ("", False), (None, False)],
)
def test_strong_etags(value: str | None, strong: bool) -> None:
    assert strong_etag(value) == (value if strong else None)


@pytest.mark.parametrize("size", [0, 40])
def test_a_200_starts_anew_with_what_it_says(size: int) -> None:
    headers = {"etag": '"b"', "content-length": "7", "content-md5": "m", "x-amz-checksum-crc32": "c", "x": "y"}
    digests = {"content-md5": "m", "x-amz-checksum-crc32": "c"}
    assert start_of(200, headers, KNOWN, size) == Start(0, Known('"b"', 7, digests))


@pytest.mark.parametrize("length", ["", "x", "-1", "٣", "9" * 19])
def test_a_200_without_a_length_or_with_a_strange_one(length: str) -> None:
    headers = {"content-length": length, "etag": 'W/"b"', "content-md5": "m" * 1001}
    assert start_of(200, headers, Known(), 0) == Start(0, Known())


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"content-range": "bytes 40-99/100", "etag": '"a"', "content-md5": "of the part"}, KNOWN),
        ({"content-range": "bytes 40-99/*"}, KNOWN),
        ({"content-range": " bytes 40-50/100 "}, KNOWN),
    ],
)
def test_a_206_goes_on(headers: dict[str, str], known: Known) -> None:
    assert start_of(206, headers, KNOWN, 40) == Start(40, known)


def test_a_206_tells_the_size_where_nobody_did() -> None:
    start = start_of(206, {"content-range": "bytes 40-99/100"}, Known('"a"'), 40)
    assert start == Start(40, Known('"a"', 100))


@pytest.mark.parametrize(
    "headers",
    [
        {"content-range": "bytes 40-99/100", "etag": '"b"'},
        {"content-range": "bytes 40-99/100", "etag": 'W/"a"'},
        {"content-range": "bytes 40-99/101", "etag": '"a"'},
        {"content-range": "bytes 40-99/101"},
    ],
)
def test_a_206_of_another_file_is_never_spliced(headers: dict[str, str]) -> None:
    with pytest.raises(FileChanged) as caught:
        start_of(206, headers, KNOWN, 40)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "content_range",
    [None, "", "bytes 0-99/100", "bytes 41-99/100", "bytes 40-39/100", "items 40-99/100", "bytes */100", "bytes 40-/1"],
)
def test_a_wrong_content_range_is_an_end(content_range: str | None) -> None:
    headers = {"etag": '"a"', **({} if content_range is None else {"content-range": content_range})}
    with pytest.raises(ResponseError) as caught:
        start_of(206, headers, KNOWN, 40)
    assert (caught.value.code, caught.value.retryable) == ("mismatch", False)
    assert "Content-Range" in str(caught.value)


@pytest.mark.parametrize(("known", "size"), [(Known(), 0), (KNOWN, 0), (Known(None, 100), 40)])
def test_a_206_that_nobody_asked_for_is_an_end(known: Known, size: int) -> None:
    with pytest.raises(ResponseError, match="it is a part of the file"):
        start_of(206, {"content-range": f"bytes {size}-99/100"}, known, size)


@pytest.mark.parametrize(("encoding", "fails"), [("gzip", 1), ("x-gzip, br", 1), ("identity", 0), ("aws-chunked", 0)])
@pytest.mark.parametrize("status", [200, 206])
def test_a_compressed_zip_is_not_what_was_asked_for(encoding: str, fails: int, status: int) -> None:
    headers = {"content-encoding": encoding, "content-range": "bytes 40-99/100"}
    if not fails:
        assert start_of(status, headers, KNOWN, 40)
        return
    with pytest.raises(ResponseError, match="compressed once more"):
        start_of(status, headers, KNOWN, 40)


@pytest.mark.parametrize(
    ("total", "size", "code"),
    [
        (5, 5, None),
        (None, 5, None),
        (5, 4, "truncated"),
        (5, 6, "mismatch"),
        (None, 8, None),
        (None, 9, "too_large"),
        (9, 0, "too_large"),
    ],
)
def test_sizes(total: int | None, size: int, code: str | None) -> None:
    found: Any = None
    try:
        check_room(Known(total=total), size, 8)
        check_size(Known(total=total), size)
    except ResponseError as error:
        found = error.code
    assert found == code


def test_only_what_goes_further_than_ever_is_progress() -> None:
    progress = Progress(3 * PROGRESS)
    assert not progress.made(GROWING, 3 * PROGRESS)
    progress.starts_anew()  # that was an earlier run's
    assert not progress.made(Known(), PROGRESS)
    assert not progress.made(GROWING, PROGRESS - 1)
    assert [progress.made(GROWING, size) for size in (PROGRESS, 2 * PROGRESS - 1, 2 * PROGRESS)] == [True, False, True]
    progress.starts_anew()
    assert [progress.made(GROWING, size) for size in (PROGRESS, 2 * PROGRESS, 3 * PROGRESS)] == [False, False, True]
