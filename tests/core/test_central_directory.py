from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.central_directory import TAIL, Directory, Walk, check_beginning, read_end
from cf_ai_platform_client.errors import ResponseError


def zipped(members: int = 3, comment: bytes = b"", size: int = 10) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for number in range(members):
            file.writestr(f"a/{number}.json", b"x" * size)
        file.comment = comment
    return made.getvalue()


def zipped_64(members: int = 1, *, where: int = 0, signature: bytes = b"PK\x06\x06") -> bytes:
    entry = zipped(members)
    place = entry.rfind(b"PK\x05\x06")
    count, size, offset = struct.unpack_from("<HLL", entry, place + 10)
    end = struct.pack("<4sQ2H2L4Q", signature, 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place + where, 1)
    return (
        entry[:place]
        + end
        + locator
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, *[0xFFFFFFFF] * 2, 0)
    )


def check(content: bytes, pieces: int = 1 << 20) -> int:
    """Return how many members a whole zip has."""
    check_beginning(content[:32])
    directory = read_end(content[-TAIL:], len(content))
    walk = Walk(directory)
    listed = content[directory.offset : directory.offset + directory.size]
    for start in range(0, len(listed), pieces):
        walk.feed(listed[start : start + pieces])
    walk.finish()
    return walk.members


@pytest.mark.parametrize("content", [zipped(), zipped(comment=b"hello PK\x05\x06 and more" * 9), zipped_64(3)])
@pytest.mark.parametrize("pieces", [1, 7, 46, 1 << 20])
def test_whole_zips(content: bytes, pieces: int) -> None:
    assert check(content, pieces) == 3


def test_an_empty_zip_is_whole() -> None:
    assert check(zipped(0)) == 0


def test_a_zip_with_as_many_members_as_a_mark_has() -> None:
    content = bytearray(zipped(2))
    assert read_end(bytes(content), len(content)).members == 2
    place = content.rfind(b"PK\x05\x06")
    struct.pack_into("<H", content, place + 10, 0xFFFF)
    assert read_end(bytes(content), len(content)).members == 0xFFFF  # and no record beside it says more


@given(st.integers(min_value=1, max_value=len(zipped(5))), st.sampled_from(["end", "middle"]))
def test_whatever_is_missing_is_noticed(cut: int, where: str) -> None:
    whole = zipped(5)
    place = len(whole) - cut if where == "end" else (len(whole) - cut) // 2
    with pytest.raises(ResponseError) as caught:
        check(whole[:place] + (b"" if where == "end" else whole[place + cut :]))
    assert caught.value.code in {"truncated", "mismatch"}


@pytest.mark.parametrize(
    "content",
    [
        zipped_64(where=10**9),
        zipped_64(where=-(10**2)),
        zipped_64(where=1),
        zipped_64(signature=b"PK\x06\x05"),
        zipped()[:-22] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 0xFFFFFFFF, 5, 0),
        zipped()[:-22] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 500, 5, 0),
        zipped()[:-22] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, *Directory(0, 0, 0)[:2], 0),
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0),
        b"PK\x03\x04" + b"PK\x05\x06" * 3,
        b"PK\x03\x04",
    ],
)
def test_ends_that_promise_something_else(content: bytes) -> None:
    with pytest.raises(ResponseError) as caught:
        check(content)
    assert caught.value.code == "truncated"
    assert "create the export again" in str(caught.value)


def test_a_broken_list_of_members() -> None:
    content = zipped().replace(b"PK\x01\x02", b"PK\x01\x03", 1)
    with pytest.raises(ResponseError, match="list of members is broken"):
        check(content)


@pytest.mark.parametrize("beginning", [b"", b"<html>", b"PK", b"\x1f\x8b", b"pk\x03\x04"])
def test_what_does_not_begin_as_a_zip(beginning: bytes) -> None:
    with pytest.raises(ResponseError) as caught:
        check_beginning(beginning)
    assert (caught.value.code, caught.value.retryable) == ("mismatch", False)
