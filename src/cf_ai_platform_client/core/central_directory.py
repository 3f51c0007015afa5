"""Is a zip whole: what its last bytes promise against its size, and its list of members against what they promise.

Source: APPNOTE.TXT 6.3.10, 4.3, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..errors import ResponseError

TAIL = 1 << 17
"""Bytes from a zip's end that hold all that `read_end` looks for."""

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_MEMBER = struct.Struct("<4s6H3L5H2L")
_FIRST = (b"PK\x03\x04", b"PK\x05\x06")


class Directory(NamedTuple):
    """Where the list of members begins, how long it is, and how many it has."""

    offset: int
    size: int
    members: int


def check_beginning(beginning: bytes) -> None:
    """Raise ResponseError (`mismatch`) where a file does not begin as a zip does."""
    if not beginning.startswith(_FIRST):
        raise ResponseError(
            f"What came is not a zip: it begins with {beginning[:20]!r}.",
            code="mismatch",
            hint="Check that no proxy or login page stands between.",
        )


def read_end(tail: bytes, size: int) -> Directory:
    """Find the list of members by the last bytes of a zip of `size` bytes; raise ResponseError (`truncated`)."""
    place = tail.rfind(b"PK\x05\x06")
    while place >= 0:
        if place + _END.size <= len(tail):
            fields = _END.unpack_from(tail, place)
            if place + _END.size + fields[7] == len(tail):
                return _checked(_directory(tail, place, size, fields), size - len(tail) + place)
        place = tail.rfind(b"PK\x05\x06", 0, place + 3)
    raise cut_short("its last part is missing")


class Walk:
    """Counts the members in the list as it is read, whatever the pieces."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rest = b""
        self.members = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the list; raise ResponseError (`truncated`) where it is broken."""
        data, place = self._rest + piece, 0
        while place + _MEMBER.size <= len(data):
            fields = _MEMBER.unpack_from(data, place)
            length = _MEMBER.size + sum(fields[10:13])
            if fields[0] != b"PK\x01\x02":
                raise cut_short("its list of members is broken")
            if place + length > len(data):
                break
            place += length
            self.members += 1
        self._rest = data[place:]

    def finish(self) -> None:
        """Raise ResponseError (`truncated`) unless the list had the members that the zip's end promised."""
        if self._rest or self.members != self._directory.members:
            raise cut_short(f"its list has {self.members:,} of {self._directory.members:,} members")


def cut_short(why: str) -> ResponseError:
    """Return the error for a zip that lacks something."""
    return ResponseError(
        f"The zip is not whole: {why}.", code="truncated", hint="If it stays so, create the export again."
    )


def _directory(tail: bytes, place: int, size: int, fields: tuple[int, ...]) -> Directory:
    plain = Directory(fields[6], fields[5], fields[4])
    if 0xFFFFFFFF not in plain[:2] and plain.members != 0xFFFF:
        return plain
    found = place - _LOCATOR.size
    if found < 0 or not tail.startswith(b"PK\x06\x07", found):
        return plain
    start = _LOCATOR.unpack_from(tail, found)[2] - (size - len(tail))
    if start < 0 or start + _END_64.size > found or not tail.startswith(b"PK\x06\x06", start):
        raise cut_short("its last part is broken")
    large = _END_64.unpack_from(tail, start)
    return _checked(Directory(large[9], large[8], large[7]), start + size - len(tail))


def _checked(directory: Directory, end: int) -> Directory:
    if directory.offset + directory.size > end:
        raise cut_short("its list of members is not where it says")
    return directory
