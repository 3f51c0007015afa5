from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.zip_data import unpacked
from cf_ai_platform_client.core.zip_members import Member
from cf_ai_platform_client.core.zip_records import Entry
from cf_ai_platform_client.errors import ArchiveError

from ..zips import deflate

TEXT = b"annotated " * 1000


def member(content: bytes, **told: Any) -> Member:
    values = {"flags": 0, "method": 8, "crc": zlib.crc32(content), "compressed": 0, "size": len(content)}
    return Member(Entry(b"a", **{**values, "offset": 0, "mode": 0, **told}), (SafeName("a"),), 0)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("content", [b"", b"x", TEXT, bytes(5 << 20)], ids=len)
def test_data_becomes_what_it_was(content: bytes, size: int) -> None:
    assert b"".join(unpacked(cut(deflate(content), size), member(content))) == content
    assert b"".join(unpacked(cut(content[:1000], size), member(content[:1000], method=0))) == content[:1000]


def test_what_unfolds_comes_in_pieces() -> None:
    content = bytes(5 << 20)
    assert max(map(len, unpacked([deflate(content)], member(content)))) <= 1 << 20


@pytest.mark.parametrize(
    ("data", "told", "code"),
    [
        (deflate(TEXT)[:-3], {}, "truncated"),
        (b"", {}, "truncated"),
        (deflate(TEXT) + b"x", {}, "truncated"),
        (b"\xff" * 100, {}, "truncated"),
        (deflate(TEXT), {"crc": 1}, "checksum"),
        (deflate(TEXT), {"size": len(TEXT) - 1}, "too_large"),
        (deflate(TEXT), {"size": len(TEXT) + 1}, "truncated"),
        (TEXT, {"method": 0, "crc": 1}, "checksum"),
        (TEXT[:-1], {"method": 0}, "truncated"),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_data_that_is_not_what_it_was(data: bytes, told: dict[str, Any], code: str, size: int) -> None:
    with pytest.raises(ArchiveError, match="The member a ") as caught:
        list(unpacked(cut(data, size), member(TEXT, **told)))
    assert caught.value.code == code


def test_a_bomb_that_lies_about_its_size_ends_at_once() -> None:
    taken = list[bytes]()
    with pytest.raises(ArchiveError, match="larger than the file says"):
        taken.extend(unpacked(cut(deflate(bytes(50 << 20)), 1 << 16), member(b"", size=1000)))
    assert taken == []
