"""Which members of a zip file may be read, and under which safe relative path each may be written.

Refused is what would leave the destination on some system, or is ambiguous there. Only what Windows cannot name
(`a:b`, `CON`, a dot at the end) is renamed, by the rules of `naming`, as for batches.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import accumulate

from ..errors import ArchiveError
from .arguments import check_between
from .decoding import UNSUSPECTED
from .naming import OWN_FOLDER, SafeName, clean_name, is_safe, name_key
from .zip_records import ENCRYPTED, LOCAL_SIZE, PATCH, UNSAFE, Directory, Entry, damaged, refused

STORED, DEFLATED = 0, 8

_MOST = (1 << 63) - 1
_MOST_NAME_BYTES, _MOST_PART_BYTES, _MOST_PARTS = 1024, 255, 32
_DRIVE = re.compile(r"[A-Za-z]:(?:/|\Z)")
_NO_PART = re.compile(r"[\s.]*")
_RAISE = "Raise {} of ExtractLimits if you trust it."
_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What is not seen in a name, and what some file systems pass over (Default_Ignorable_Code_Point of Unicode)."""


@dataclass(frozen=True, slots=True)
class ExtractLimits:
    """Bounds on what an export's zip file may hold: sizes in bytes once unpacked.

    A member, and all of them together, may become `max_ratio` times what they take in the file, and 16 MiB at any
    ratio. `max_record_bytes` bounds the text of one record for `read_export`: a document, an element of a list, a
    row; parsed it may take 25 times as much memory. A name may have 1 KiB, and there may be as many folders, twice
    over, as members.
    Raises ValueError for what is no whole number above 0.

    >>> ExtractLimits(max_members=1_000).max_ratio
    200
    """

    max_members: int = 100_000
    max_total_bytes: int = 64 << 30
    max_member_bytes: int = 16 << 30
    max_record_bytes: int = 32 << 20
    max_ratio: int = 200

    def __post_init__(self) -> None:
        for field in fields(self):
            check_between(field.name, getattr(self, field.name), 1, _MOST)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip file that may be read, and written to `path`; its data ends at `room` at the latest."""

    entry: Entry
    path: tuple[SafeName, ...]
    room: int

    @property
    def name(self) -> str:
        """The name as the zip file has it."""
        return self.entry.name


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that is not read, and why."""

    name: str
    error: ArchiveError


def check_count(directory: Directory, limits: ExtractLimits) -> None:
    """Raise ArchiveError (`too_large`) for more members than are allowed, before any is looked at."""
    if directory.count > limits.max_members:
        raise ArchiveError(
            f"It holds {directory.count} members, more than the {limits.max_members} allowed.",
            code="too_large",
            hint=_RAISE.format("max_members"),
        )


def check_members(entries: Iterable[Entry], directory: Directory, limits: ExtractLimits) -> list[Member | Refused]:
    """Check every member and return them in the order of their data; folders are checked and left out.

    Raises ArchiveError where two members share bytes, as in a bomb.
    """
    listed = sorted(entries, key=lambda entry: entry.offset)
    starts = [*(entry.offset for entry in listed[1:]), directory.offset]
    names, seen, total = _Names(2 * limits.max_members), list[Member | Refused](), 0
    for entry, room in zip(listed, starts, strict=False):
        if entry.offset + LOCAL_SIZE + len(entry.raw_name) + entry.compressed > room:
            raise _overlap(entry, room, directory)
        try:
            _check_kind(entry)
            _check_size(entry, total + entry.size, directory, limits)
            path = safe_path(entry.name)
            if entry.name.endswith("/"):
                continue
            names.add(entry.name, path)
        except ArchiveError as error:
            seen.append(Refused(entry.name, error.with_traceback(None)))  # which holds on to much
        else:
            seen.append(Member(entry, path, room))
            total += entry.size
    return seen


def safe_path(name: str) -> tuple[SafeName, ...]:
    """Take a member's name apart into safe components. Raises ArchiveError (`unsafe_name`).

    >>> safe_path("North: plot 7/0520a8e8.json")
    ('North_ plot 7', '0520a8e8.json')
    """
    parts = name.removesuffix("/").split("/")
    why = _why_unsafe(name, parts)
    if why:
        raise refused(name, why, "unsafe_name", UNSAFE)
    return tuple(_safe_part(part) for part in parts)


class _Names:
    """The paths so far, by what some system takes for equal."""

    def __init__(self, most_folders: int) -> None:
        self._most_folders = most_folders
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str, path: tuple[SafeName, ...]) -> None:
        *above, key = accumulate((_twin_key(part) for part in path), "{}/{}".format)
        if key in self._files:
            raise refused(name, "has the name of another one, on some systems at least", "unsafe_name", UNSAFE)
        if key in self._folders or not self._files.isdisjoint(above):
            raise refused(name, "is a file where another one needs a folder", "unsafe_name", UNSAFE)
        if len(self._folders) > self._most_folders:
            why = f"is in one of over {self._most_folders} folders, twice as many as members are allowed"
            raise refused(name, why, "too_large", _RAISE.format("max_members"))
        self._files.add(key)
        self._folders.update(above)


def _why_unsafe(name: str, parts: list[str]) -> str:
    if "\\" in name or "\0" in name:
        return "has a backslash or a NUL in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute name or one with a drive"
    if any(_NO_PART.fullmatch(_IGNORED.sub("", part)) for part in parts):
        return "has an empty, `.` or `..` part in its name"
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > _MOST_PART_BYTES or sum(sizes) > _MOST_NAME_BYTES or len(parts) > _MOST_PARTS:
        return "has too long a name"
    return ""


def _safe_part(part: str) -> SafeName:
    name = SafeName(part) if is_safe(part) else clean_name(part)
    return clean_name(f"_{name}") if _twin_key(name).startswith(OWN_FOLDER) else name


def _twin_key(name: str) -> str:
    return name_key(_IGNORED.sub("", name))


def _check_kind(entry: Entry) -> None:
    kind = stat.S_IFMT(entry.mode)
    is_folder = entry.name.endswith("/")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR and not is_folder):
        raise refused(entry.name, "is a link or a special file", "unsafe_name", UNSAFE)
    if entry.flags & ENCRYPTED:
        raise refused(entry.name, "is encrypted", "invalid_item", "Decrypt the file first.")
    if entry.method not in {STORED, DEFLATED} or entry.flags & PATCH:
        hint = "Repack the file with deflate."
        raise refused(entry.name, f"is compressed by method {entry.method}, not by deflate", "invalid_item", hint)
    if (is_folder and entry.size) or (entry.method == STORED and entry.compressed != entry.size):
        raise refused(entry.name, "is listed with a size that it cannot have", "mismatch")


def _check_size(entry: Entry, total: int, directory: Directory, limits: ExtractLimits) -> None:
    if entry.size > limits.max_member_bytes:
        hint = _RAISE.format("max_member_bytes")
        raise refused(entry.name, f"has {entry.size} bytes, more than allowed", "too_large", hint)
    if total > limits.max_total_bytes:
        hint = _RAISE.format("max_total_bytes")
        raise refused(entry.name, f"makes it {total} bytes in all, more than allowed", "too_large", hint)
    for size, packed in ((entry.size, entry.compressed), (total, directory.offset)):
        if size > UNSUSPECTED and size > limits.max_ratio * packed:
            hint = _RAISE.format("max_ratio")
            why = f"is suspicious: {packed} bytes become over {limits.max_ratio} times as many"
            raise refused(entry.name, why, "too_large", hint)


def _overlap(entry: Entry, room: int, directory: Directory) -> ArchiveError:
    if room == directory.offset:
        return damaged("a member reaches into its directory")
    return refused(entry.name, "shares bytes with another one, as in a zip bomb", "too_large", UNSAFE)


def iter_members(found: Iterable[Member | Refused]) -> Iterator[Member]:
    """Yield the members. Raises the error of the first that is refused."""
    for each in found:
        if isinstance(each, Refused):
            raise each.error
        yield each
