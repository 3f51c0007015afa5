from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.zip_records import (
    LOCAL_SIZE,
    TAIL,
    Directory,
    Entry,
    check_beginning,
    data_offset,
    find_directory,
    read_entries,
)
from cf_ai_platform_client.errors import ArchiveError

from ..zips import LONG, Made, ending, entry, local_header, zip_of

A = Made("a.json", b"{}")
B = Made("plots/b.csv", b"id\n1\n", method=0, mode=0o100644)


def directory_of(content: bytes) -> Directory:
    return find_directory(content[-TAIL:], len(content))


def entries_of(content: bytes) -> list[Entry]:
    directory = directory_of(content)
    return list(read_entries(BytesIO(content[directory.offset :]).read, directory))


def listed(made: Made, offset: int = 0) -> Entry:
    raw = entry(made, offset)
    return next(read_entries(BytesIO(raw).read, Directory(1, offset, len(raw))))


@pytest.mark.parametrize("end", [{}, {"wide": True}, {"comment": b"PK\5\6 a comment " * 9}, {"comment": b"x" * 0xFFFF}])
@pytest.mark.parametrize("members", [(), (A,), (A, B)])
def test_the_directory_is_found(members: tuple[Made, ...], end: dict[str, Any]) -> None:
    found = entries_of(zip_of(*members, **end))
    assert [(each.name, each.size, each.compressed, each.method) for each in found] == [
        (str(made.name), len(made.content), len(made.data), made.method) for made in members
    ]


def written(members: int = 3, comment: bytes = b"") -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for number in range(members):
            file.writestr(f"a/{number}.json", b"x" * 10)
        file.comment = comment
    return made.getvalue()


@pytest.mark.parametrize("comment", [b"", b"hello PK\5\6 and more" * 9])
@pytest.mark.parametrize("members", [0, 3])
def test_what_the_standard_library_writes_is_whole(members: int, comment: bytes) -> None:
    content = written(members, comment)
    check_beginning(content[:4])
    assert len(entries_of(content)) == members


@given(st.integers(min_value=1, max_value=len(written(5))), st.sampled_from(["end", "middle"]))
def test_whatever_is_missing_is_noticed(cut: int, where: str) -> None:
    whole = written(5)
    place = len(whole) - cut if where == "end" else (len(whole) - cut) // 2
    content = whole[:place] + (b"" if where == "end" else whole[place + cut :])
    with pytest.raises(ArchiveError) as caught:
        check_beginning(content[:4])
        entries_of(content)
    assert caught.value.code in {"truncated", "mismatch"}


def test_names_of_over_a_kilobyte_are_refused() -> None:
    assert len(entries_of(zip_of(Made("x" * 1024)))) == 1
    with pytest.raises(ArchiveError, match=r"The member x{80} has a name of 1025 bytes, over 1024") as caught:
        entries_of(zip_of(A, Made("x" * 1025)))
    assert caught.value.code == "unsafe_name"


def test_as_many_members_as_a_mark_has() -> None:
    content = bytearray(written(2))
    struct.pack_into("<HH", content, content.rfind(b"PK\5\6") + 8, 0xFFFF, 0xFFFF)
    assert directory_of(bytes(content)).count == 0xFFFF  # and no record beside it says more


@pytest.mark.parametrize("beginning", [b"", b"<html>", b"PK", b"\x1f\x8b", b"pk\3\4", b"PK\1\2", b"PK\6\6"])
def test_what_does_not_begin_as_a_zip_file(beginning: bytes) -> None:
    with pytest.raises(ArchiveError, match="It is no zip file: it begins with") as caught:
        check_beginning(beginning)
    assert (caught.value.code, caught.value.retryable) == ("mismatch", False)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its end is missing"),
        (b"PK\5\6", "its end is missing"),
        (b"no zip at all" * 9, "its end is missing"),
        (zip_of(A)[:-1], "its end is missing"),
        (zip_of(A) + b"\n", "its end is missing"),
        (zip_of(A, comment=b"comment")[:-3], "its end is missing"),
        (zip_of(A)[1:], "its directory is not where its end says"),
        (b"#!/bin/sh\n" + zip_of(A), "its directory is not where its end says"),
        (zip_of(A, wide=True, where=1), "the record before its end is not where it should be"),
        (b"PK\6\7" + bytes(16) + ending(0, 0, 0), "the record before its end is not where it should be"),
        (bytes(40) + b"PK\6\7" + bytes(16) + ending(0, 0, 0), "the record before its end is not where it should be"),
        (bytes(56) + b"PK\6\7" + bytes(16) + ending(0, 0, 0), "the record before its end is not where it should be"),
        (zip_of(A, wide=True, count=7), "its two ends differ"),
        (zip_of(A, wide=True, size=7), "its two ends differ"),
        (zip_of(A, wide=True, at=7), "its two ends differ"),
        (zip_of(A, wide=True, wide_disk=1), "its two ends differ"),
        (zip_of(A, wide=True, wide_offset=7), "its directory is not where its end says"),
        (zip_of(A, wide=True).replace(b"PK\6\6", b"PK\6\5"), "the record before its end is not where it should be"),
        (b"PK\3\4" + ending(3, 500, 5), "its directory is not where its end says"),
        (b"PK\3\4" + ending(0xFFFF, LONG, LONG), "its directory is not where its end says"),
        (b"PK\3\4" + b"PK\5\6" * 3, "its end is missing"),
    ],
)
def test_what_is_no_whole_zip_file(content: bytes, why: str) -> None:
    with pytest.raises(ArchiveError, match=why) as caught:
        directory_of(content)
    assert caught.value.code == "truncated"
    assert caught.value.hint


@pytest.mark.parametrize("end", [{"disk": 1}, {"here": 0}])
def test_one_part_of_several(end: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError, match="one part of a zip file of several") as caught:
        directory_of(zip_of(A, **end))
    assert caught.value.code == "invalid_item"


def test_an_entry_is_read_whole() -> None:
    made = Made("é", b"abc", mode=0o120777, flags=0x809, listed={"comment": b"hello", "extra": b"\1\2\3\0abc"})
    found = listed(made, 12)
    assert (found.name, found.flags, found.mode, found.offset) == ("é", 0x809, 0o120777, 12)
    assert (found.size, found.compressed) == (3, len(made.data))


def test_sizes_of_more_than_four_gigabytes() -> None:
    sizes = {"size": 9 << 32, "compressed": 8 << 32, "offset": 7 << 32}
    found = listed(Made("a", wide=True, listed={**sizes, "extra": b"\7\0\2\0xx"}))
    assert (found.size, found.compressed, found.offset) == (9 << 32, 8 << 32, 7 << 32)


def test_only_the_sizes_that_need_it_are_in_the_extra_field() -> None:
    extra = struct.pack("<HHQ", 1, 8, 9 << 32)
    found = listed(Made("a", b"abc", listed={"size": LONG, "extra": extra}))
    assert (found.size, found.compressed) == (9 << 32, len(Made("a", b"abc").data))


@pytest.mark.parametrize(
    "extra", [b"", b"\1\0", b"\1\0\4\0abcd", b"\7\0\x08\0abcdefgh", b"\1\0\x20\0abcdefgh", b"\7\0\xff\xff"]
)
def test_a_size_that_is_missing(extra: bytes) -> None:
    with pytest.raises(ArchiveError, match="a member's size is missing"):
        listed(Made("a", listed={"size": LONG, "extra": extra}))


@pytest.mark.parametrize(("raw", "name"), [("é".encode(), "é"), (b"\x82", "é"), (b"\xff/a", "\xa0/a")])
def test_a_name_is_text_whatever_its_bytes(raw: bytes, name: str) -> None:
    assert listed(Made(raw)).name == name


def broken_directory(content: bytes, size: int | None = None, count: int = 1) -> list[Entry]:
    return list(read_entries(BytesIO(content).read, Directory(count, 0, len(content) if size is None else size)))


@pytest.mark.parametrize(
    ("content", "size", "why"),
    [
        (b"", None, "cut short"),
        (entry(A, 0)[:45], None, "cut short"),
        (entry(A, 0)[:-1], None, "cut short"),
        (entry(A, 0), 50, "cut short"),
        (b"PK\1\1" + entry(A, 0)[4:], None, "cut short"),
        (entry(A, 0) * 2, None, "lists more members than its end says"),
        (entry(A, 0) + b"x", None, "lists more members than its end says"),
    ],
)
def test_a_directory_that_is_damaged(content: bytes, size: int | None, why: str) -> None:
    with pytest.raises(ArchiveError, match=why) as caught:
        broken_directory(content, size)
    assert caught.value.code == "truncated"


def test_a_directory_of_a_million_members_is_read_as_far_as_its_end_says() -> None:
    read = list[int]()
    source = BytesIO(entry(A, 0) * 1000)

    def reading(size: int) -> bytes:
        read.append(size)
        return source.read(size)

    with pytest.raises(ArchiveError):
        list(read_entries(reading, Directory(2, 0, 1000 * len(entry(A, 0)))))
    assert sum(read) == 2 * len(entry(A, 0))


def header_of(made: Made) -> bytes:
    return local_header(made)[: LOCAL_SIZE + len(made.raw_name)]


@pytest.mark.parametrize(
    "made",
    [
        A,
        Made("a", b"abc", local={"extra": b"\7\0\2\0xx"}),
        Made("a", b"abc", wide=True, local={"size": LONG, "compressed": LONG}),
        Made("a", b"abc", flags=8, local={"crc": 0, "size": 0, "compressed": 0}),
    ],
)
def test_where_the_data_begins(made: Made) -> None:
    assert data_offset(header_of(made), listed(made, 100)) == 100 + len(local_header(made))


@pytest.mark.parametrize(
    "local",
    [
        {"mark": b"PK\1\2"},
        {"name": b"b.json"},
        {"name": b"a.json/x"},
        {"name_length": 5},
        {"method": 0},
        {"flags": 1},
        {"crc": 1},
        {"size": 1},
        {"compressed": 1},
        {"crc": LONG},
    ],
)
def test_a_header_that_differs_from_the_directory(local: dict[str, Any]) -> None:
    made = Made("a.json", b"{}", local=local)
    with pytest.raises(ArchiveError, match=r"The member a\.json is not what the directory lists") as caught:
        data_offset(header_of(made), listed(made))
    assert caught.value.code == "mismatch"


def test_a_header_that_is_not_there() -> None:
    with pytest.raises(ArchiveError, match="its own header differs"):
        data_offset(header_of(A)[:20], listed(A))
