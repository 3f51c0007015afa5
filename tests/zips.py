"""Zip files made byte by byte, where `zipfile` is too polite to make them wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONG = 0xFFFFFFFF


@dataclass(frozen=True)
class Made:
    """A member; `listed` and `local` say otherwise in the directory and in its own header, `packed` in its data."""

    name: str | bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    mode: int = 0
    packed: bytes | None = None
    wide: bool = False
    after: bytes = b""
    listed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    local: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def raw_name(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode()

    @property
    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.content) if self.method == 8 else self.content

    def fields(self) -> dict[str, Any]:
        told = {"flags": self.flags, "method": self.method, "crc": zlib.crc32(self.content), "extra": b""}
        return {**told, "compressed": len(self.data), "size": len(self.content), "name": self.raw_name}


def deflate(content: bytes) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packing.compress(content) + packing.flush()


def local_header(made: Made) -> bytes:
    """Return the header before a member's data."""
    told = {**made.fields(), **made.local}
    sizes = (told["crc"], told["compressed"], told["size"])
    lengths = (told.get("name_length", len(told["name"])), len(told["extra"]))
    mark = told.get("mark", b"PK\3\4")
    head = struct.pack("<4sHHHIIIIHH", mark, 20, told["flags"], told["method"], 0, *sizes, *lengths)
    return head + bytes(told["name"]) + bytes(told["extra"])


def entry(made: Made, offset: int) -> bytes:
    """Return the member as the directory lists it."""
    told = {**made.fields(), "offset": offset, **made.listed}
    sizes: tuple[int, int, int] = (told["compressed"], told["size"], told["offset"])
    extra: bytes = told["extra"]
    if made.wide:
        extra += struct.pack("<HHQQQ", 1, 24, sizes[1], sizes[0], sizes[2])
        sizes = (LONG, LONG, LONG)
    mark = told.get("mark", b"PK\1\2")
    head = struct.pack("<4sHHHHIIII", mark, 20, 20, told["flags"], told["method"], 0, told["crc"], *sizes[:2])
    lengths = (len(told["name"]), len(extra), len(told.get("comment", b"")))
    tail = struct.pack("<HHHHHII", *lengths, 0, 0, made.mode << 16, sizes[2])
    return head + tail + bytes(told["name"]) + extra + bytes(told.get("comment", b""))


def ending(count: int, size: int, offset: int, /, *, wide: bool = False, comment: bytes = b"", **other: Any) -> bytes:
    """Return the end of a zip file; `other` are its fields `disk`, `here` and, of the wide one, `where` and others."""
    made = b""
    if wide:
        numbers = (other.get("wide_count", count), other.get("wide_size", size), other.get("wide_offset", offset))
        made = struct.pack("<4sQHHIIQ", b"PK\6\6", 44, 45, 45, other.get("wide_disk", 0), 0, numbers[0])
        made += struct.pack("<QQQ", *numbers)
        made += struct.pack("<4sIQI", b"PK\6\7", 0, other.get("where", offset + size), 1)
        count, size, offset = other.get("count", 0xFFFF), other.get("size", LONG), other.get("at", LONG)
    here = other.get("here", count)
    fixed = struct.pack("<4sHHHHIIH", b"PK\5\6", other.get("disk", 0), 0, here, count, size, offset, len(comment))
    return made + fixed + comment


def zip_of(*members: Made, **end: Any) -> bytes:
    """Return a zip file; `end` overrides `total` (how many it says it has) and what `ending` takes."""
    data = directory = b""
    for made in members:
        directory += entry(made, len(data))
        data += local_header(made) + made.data + made.after
    total = end.pop("total", len(members))
    return data + directory + ending(total, len(directory), len(data), **end)


def bomb_of_quotes(kernel: int, count: int) -> bytes:
    """Return members that each hold, as stored data, the header of the one before, and share its data."""
    made = Made("0", bytes(kernel))
    data, listed = local_header(made) + made.data, [(made, 0)]
    for number in range(1, count):
        before = local_header(made)
        plain = before + zlib.decompressobj(-15).decompress(data[len(before) :])
        quoted = struct.pack("<BHH", 0, len(before), ~len(before) & 0xFFFF) + data
        made = Made(str(number), plain, packed=quoted)
        moved = len(local_header(made)) + 5
        data = local_header(made) + quoted
        listed = [*((each, offset + moved) for each, offset in listed), (made, 0)]
    directory = b"".join(entry(each, offset) for each, offset in listed)
    return data + directory + ending(len(listed), len(directory), len(data))
