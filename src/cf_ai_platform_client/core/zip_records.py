"""The records of a zip file: its end, its directory, the header before each member. Nothing here is believed yet.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import ArchiveError, ErrorCode
from .redaction import printable

_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_WIDE_END = struct.Struct("<4sQHHIIQQQQ")
_ENTRY = struct.Struct("<4sHHHHIIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHIIIIHH")
_BLOCK = struct.Struct("<HH")
_END_MARK, _LOCATOR_MARK, _WIDE_MARK, _ENTRY_MARK, _LOCAL_MARK = (
    b"PK\x05\x06",
    b"PK\x06\x07",
    b"PK\x06\x06",
    b"PK\x01\x02",
    b"PK\x03\x04",
)
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF
_WIDE_BLOCK = 1
_SIZES_FOLLOW = 0x8

ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Flags of a member that is encrypted, or whose header is."""

PATCH = 0x20
"""The flag of a member that is a patch of another one."""

TAIL = _WIDE_END.size + _LOCATOR.size + _END.size + _SHORT
"""How much of a file's end holds the records of its end."""

UNSAFE = "Do not trust this file: nothing the platform exports looks like that."

LOCAL_SIZE = _LOCAL.size
"""Bytes of a member's own header without its name."""

_AGAIN = "Download the export again."
_MOST_NAME_BYTES, _SHOWN = 1024, 80


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory of a zip file is, and how many members it lists."""

    count: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A member as the directory lists it; `mode` is a Unix file mode, 0 where there is none."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    mode: int

    @property
    def name(self) -> str:
        """The name as text; what is not UTF-8 is of the old DOS kind."""
        try:
            return self.raw_name.decode()
        except UnicodeDecodeError:
            return self.raw_name.decode("cp437")


def check_beginning(beginning: bytes) -> None:
    """Raise ArchiveError (`mismatch`) where a file does not begin as a zip file does."""
    if not beginning.startswith((_LOCAL_MARK, _END_MARK)):
        raise ArchiveError(
            f"It is no zip file: it begins with {beginning[:20]!r}.",
            code="mismatch",
            hint="Check that no proxy or login page stands between.",
        )


def find_directory(tail: bytes, size: int) -> Directory:
    """Find the directory of a zip file of `size` bytes in its last `TAIL` bytes.

    Raises ArchiveError: `truncated` where the end is not that of a whole zip file, `invalid_item` where it is one of
    several parts.
    """
    at = _end_in(tail)
    _, disk, first_disk, here, count, length, offset, _ = _END.unpack_from(tail, at)
    found = Directory(count, offset, length)
    ends = size - len(tail) + at
    if at >= _LOCATOR.size and tail.startswith(_LOCATOR_MARK, at - _LOCATOR.size):
        found, ends = _widened(tail, at - _LOCATOR.size, size, found)
    elif disk or first_disk or here != count:
        raise ArchiveError(
            "It is one part of a zip file of several.", code="invalid_item", hint="Join the parts to one file first."
        )
    if found.offset + found.size != ends:
        raise damaged("its directory is not where its end says")
    return found


def read_entries(read: Callable[[int], bytes], directory: Directory) -> Iterator[Entry]:
    """Yield the members that a directory lists; `read` returns that many of its bytes, from its first.

    Raises ArchiveError: `truncated` where the directory is damaged or lists another number than its end says,
    `unsafe_name` at a name of over 1 KiB, since all of them may be held in memory.
    """
    left = directory.size
    for _ in range(directory.count):
        fixed = read(_ENTRY.size)
        if len(fixed) < _ENTRY.size or not fixed.startswith(_ENTRY_MARK):
            raise damaged("its directory is cut short")
        fields = _ENTRY.unpack(fixed)
        name, extra, comment = fields[9:12]
        left -= _ENTRY.size + name + extra + comment
        rest = read(name + extra + comment)
        if left < 0 or len(rest) < name + extra + comment:
            raise damaged("its directory is cut short")
        if name > _MOST_NAME_BYTES:
            why = f"has a name of {name} bytes, over {_MOST_NAME_BYTES}"
            raise refused(rest[:_SHOWN].decode("utf-8", "replace"), why, "unsafe_name", UNSAFE)
        yield _entry(fields, rest[:name], rest[name : name + extra])
    if left:
        raise damaged("its directory lists more members than its end says")


def data_offset(header: bytes, entry: Entry) -> int:
    """Return where the data of a member begins, from its own header and name (`LOCAL_SIZE` + the name's bytes).

    Raises ArchiveError (`mismatch`) where the header says otherwise than the directory.
    """
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MARK):
        raise _differs(entry)
    fields: tuple[int, ...] = _LOCAL.unpack_from(header)
    _, _, flags, method, _, crc, compressed, size, name, extra = fields
    same = header[_LOCAL.size :] == entry.raw_name and name == len(entry.raw_name)
    if not same or method != entry.method or (flags ^ entry.flags) & ENCRYPTED:
        raise _differs(entry)
    if not flags & _SIZES_FOLLOW:
        told = ((compressed, entry.compressed), (size, entry.size))
        if crc != entry.crc or any(here not in {there, _LONG} for here, there in told):
            raise _differs(entry)
    return entry.offset + _LOCAL.size + name + extra


def damaged(why: str) -> ArchiveError:
    """Return the error for a zip file that is not whole."""
    return ArchiveError(f"It is no whole zip file: {why}.", code="truncated", hint=_AGAIN)


def refused(name: str, why: str, code: ErrorCode, hint: str = _AGAIN) -> ArchiveError:
    """Return the error for one member."""
    return ArchiveError(f"The member {printable(name) or '(without a name)'} {why}.", code=code, hint=hint)


def _end_in(tail: bytes) -> int:
    at = tail.rfind(_END_MARK)
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            return at
        at = tail.rfind(_END_MARK, 0, at)
    raise damaged("its end is missing")


def _widened(tail: bytes, locator: int, size: int, narrow: Directory) -> tuple[Directory, int]:
    """Read the wide record of an end, which stands before its locator; return where it begins too."""
    _, _, begins, _ = _LOCATOR.unpack_from(tail, locator)
    at = locator - _WIDE_END.size
    if at < 0 or begins != size - len(tail) + at or not tail.startswith(_WIDE_MARK, at):
        raise damaged("the record before its end is not where it should be")
    _, _, _, _, disk, first_disk, here, count, length, offset = _WIDE_END.unpack_from(tail, at)
    pairs = ((narrow.count, count, _SHORT), (narrow.size, length, _LONG), (narrow.offset, offset, _LONG))
    if disk or first_disk or here != count or any(short not in {wide, most} for short, wide, most in pairs):
        raise damaged("its two ends differ")
    return Directory(count, offset, length), begins


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Entry:
    _, _, _, flags, method, _, crc, compressed, size, _, _, _, _, _, attributes, offset = fields
    told = (size, compressed, offset)
    if _LONG in told:
        wide = _wide_values(extra, told.count(_LONG))
        size, compressed, offset = (next(wide) if value == _LONG else value for value in told)
    return Entry(raw_name, flags, method, crc, compressed, size, offset, attributes >> 16)


def _wide_values(extra: bytes, count: int) -> Iterator[int]:
    at = 0
    while at + _BLOCK.size <= len(extra):
        kind, length = _BLOCK.unpack_from(extra, at)
        at += _BLOCK.size
        if kind == _WIDE_BLOCK and length >= 8 * count and at + length <= len(extra):
            return iter(struct.unpack_from(f"<{count}Q", extra, at))
        at += length
    raise damaged("a member's size is missing")


def _differs(entry: Entry) -> ArchiveError:
    return refused(entry.name, "is not what the directory lists: its own header differs", "mismatch")
