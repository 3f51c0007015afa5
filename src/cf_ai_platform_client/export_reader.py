"""Read the records in the zip file of an export, without extracting it."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Generator, Iterator
from types import TracebackType

from typing_extensions import Self

from .adapters.zip_files import ZipArchive
from .core.arguments import StrPath, check_archive_path
from .core.export_records import ExportRecord, UnreadMember, records_of
from .core.redaction import printable
from .core.text_pieces import UnreadableError
from .core.zip_members import ExtractLimits, Member, Refused
from .errors import ArchiveError

logger = logging.getLogger("cf_ai_platform_client.exports")
logger.addHandler(logging.NullHandler())  # a library says nothing unasked

_NAMED = 3


class ExportReader:
    """Iterates over the records of an export; `unread` fills meanwhile with what could not be read.

    Use it in a `with` block, or call `close()`, where you leave it before its end. From one thread at a time.
    """

    def __init__(self, path: StrPath, limits: ExtractLimits) -> None:
        self.unread: list[UnreadMember] = []
        self._archive = archive = ZipArchive.open(check_archive_path(path), limits)
        self._limits = limits
        self._records = self._read()
        self._close = weakref.finalize(self, archive.close)

    def __iter__(self) -> Iterator[ExportRecord]:
        return self

    def __next__(self) -> ExportRecord:
        return next(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; nothing more is read."""
        self._records.close()
        self._close()

    def _read(self) -> Generator[ExportRecord, None, None]:
        for member in self._archive.members:
            if isinstance(member, Refused):
                self.unread.append(UnreadMember(member.name, member.error.message))
            else:
                yield from self._read_member(member)
        self._close()
        self._warn()

    def _read_member(self, member: Member) -> Generator[ExportRecord, None, None]:
        count = 0
        try:
            for record in records_of(member.name, self._archive.read(member), self._limits.max_record_bytes):
                yield record
                count += 1
        except (ArchiveError, UnreadableError) as error:
            unreadable = f"The member {printable(member.name)} cannot be read: {error}."
            why = error.message if isinstance(error, ArchiveError) else unreadable
            self.unread.append(UnreadMember(member.name, why, count))

    def _warn(self) -> None:
        if self.unread:
            first = " ".join(each.reason for each in self.unread[:_NAMED])
            logger.warning("%s: members not read: %d. %s", self._archive.path, len(self.unread), first)


def read_export(path: StrPath, *, limits: ExtractLimits | None = None) -> ExportReader:
    """Iterate over the records in the zip file of an export, without extracting it.

    A JSON file that is a list gives its elements, any other JSON file itself, JSON Lines a record a line, CSV a row a
    record with its values as text. One record is held in memory at a time. What cannot be read (another kind of file,
    broken or too large, encrypted, not in UTF-8, an unsafe name) ends in `unread` with its reason, and in a warning of
    the log at the end; the rest of that member is not read, the other members are. A member that was altered is known
    as such only at its end, when its records were given out already.

    Raises ArchiveError (a ValueError too) where the file is no whole zip file, DiskError (an OSError too) where it
    cannot be read, also while you iterate, ValueError for an argument.

    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "export.zip")
    >>> with zipfile.ZipFile(path, "w") as made:
    ...     made.writestr("annotations.csv", "id,label\\n7,tree\\n")
    ...     made.writestr("README.md", "Hello.")
    >>> with read_export(path) as records:
    ...     for record in records:
    ...         print(record.member, record.kind, record.data)
    annotations.csv csv {'id': '7', 'label': 'tree'}
    >>> records.unread[0].member
    'README.md'
    """
    return ExportReader(path, limits or ExtractLimits())
