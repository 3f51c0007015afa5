"""From the data of a member to its bytes, which are checked as they come."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ..errors import ArchiveError
from .zip_members import STORED, Member
from .zip_records import refused

_MOST_AT_ONCE = 1 << 20


def unpacked(data: Iterable[bytes], member: Member) -> Iterator[bytes]:
    """Yield what the data of a member becomes, at most 1 MiB at once beyond what is fed.

    Raises ArchiveError: `too_large` as soon as it is more than the directory says, `truncated` where it is less or
    broken, at the end `checksum` where it was altered.
    """
    entry, size, crc = member.entry, 0, 0
    for piece in data if entry.method == STORED else _inflated(data, member):
        size += len(piece)
        if size > entry.size:
            raise refused(member.name, "is larger than the file says, as in a zip bomb", "too_large")
        crc = zlib.crc32(piece, crc)
        yield piece
    if size < entry.size:
        raise _broken(member)
    if crc != entry.crc:
        raise refused(member.name, "was altered: its checksum (CRC) differs", "checksum")


def _inflated(data: Iterable[bytes], member: Member) -> Iterator[bytes]:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in data:
        rest = piece
        while True:
            try:
                plain = inflating.decompress(rest, _MOST_AT_ONCE)
            except zlib.error:
                raise _broken(member) from None
            if plain:
                yield plain
            rest = inflating.unconsumed_tail
            if inflating.eof or not (rest or len(plain) == _MOST_AT_ONCE):
                break
        if inflating.unused_data:
            raise _broken(member)
    if not inflating.eof:
        raise _broken(member)


def _broken(member: Member) -> ArchiveError:
    return refused(member.name, "is cut short, or its compression is broken", "truncated")
