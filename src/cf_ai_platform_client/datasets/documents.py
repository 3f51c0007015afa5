"""Which documents are in a folder: those that its journal names, all JSON files where there is no journal.

Files and folders whose names begin with a dot are left aside, and links that lead out of the folder are not followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from ..core.arguments import StrPath

if TYPE_CHECKING:
    from ..adapters.journal_queries import WrittenFile
    from ..adapters.journal_reader import Readable
    from ..errors import DiskError

JOURNAL = (".cf-ai", "journal.sqlite3")

_COCO = ("instances_", "person_keypoints_", "captions_")

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)

Trouble: TypeAlias = Literal["missing on disk", "not readable"]


class Written(msgspec.Struct, frozen=True, gc=False):
    """What a journal says of a file: bytes, time of change in nanoseconds, SHA-256."""

    size: int
    mtime_ns: int
    sha256: bytes


class Document(msgspec.Struct, frozen=True):
    """A COCO file: its path relative to the root, with `/`, and its batch.

    `work_item_id`, `project_id`, `batch_id`, `asset` (the path of its image) and `written` are the journal's, None
    where there is none.
    """

    path: str
    batch: str = ""
    work_item_id: str | None = None
    project_id: str | None = None
    batch_id: int | None = None
    asset: str | None = None
    written: Written | None = None

    @property
    def stem(self) -> str:
        """Its file name without the ending."""
        return self.path.rpartition("/")[2].rpartition(".")[0]


@dataclass
class Documents:
    """What is in a folder, in the order of the paths by code point, and what was left aside and why."""

    root: str
    found: list[Document] = field(default_factory=list[Document])
    left_out: Counter[str] = field(default_factory=Counter[str])
    warnings: list[str] = field(default_factory=list[str])
    is_one_file: bool = False

    @property
    def place(self) -> str:
        """What was opened: the folder, or the one file in it."""
        return os.path.join(self.root, self.found[0].path) if self.is_one_file else self.root  # noqa: PTH118


def find_documents(path: StrPath) -> Documents:
    """Look into a folder, or take one file. Raises ValueError and DiskError."""
    place = os.fsdecode(path)
    if not place.strip() or "\0" in place:
        raise ValueError(f"path is {path!r}: it must be the path of a folder, or of a COCO file.")
    try:
        mode = os.stat(place).st_mode  # noqa: PTH116 - beside other calls of os
    except OSError as error:
        raise _unreadable(error, place) from error
    if stat.S_ISREG(mode):
        return _one_file(place)
    if not stat.S_ISDIR(mode):
        raise ValueError(f"path is {place!r}: it is neither a folder nor a file.")
    documents = Documents(_without_end(place))
    with _journal_of(place) as journal:
        if journal is None:
            _from_tree(documents)
        else:
            _from_journal(documents, journal)
    documents.found.sort(key=lambda document: document.path)
    return documents


def part_of_coco(stem: str) -> str | None:
    """Return what COCO calls the images of a document by its stem, None where it is not named as COCO's are.

    >>> part_of_coco("instances_val2017"), part_of_coco("plot")
    ('val2017', None)
    """
    return next((stem[len(prefix) :] for prefix in _COCO if stem.startswith(prefix)), None)


def is_inside(root: str, relative: str) -> bool:
    """Tell whether a relative path leads to something below a folder, links considered."""
    parts = relative.split("/")
    if not parts[0] or ".." in parts or ":" in parts[0] or "\\" in relative:
        return False
    top = os.path.realpath(root)
    return os.path.realpath(os.path.join(root, *parts)).startswith(os.path.join(top, ""))  # noqa: PTH118


def read_file(root: str, document: Document) -> tuple[bytes, bool] | Trouble:
    """Read a document; tell also whether it is another than the journal says, or what is in the way."""
    try:
        descriptor = os.open(f"{root}/{document.path}", _READ)
        try:
            found = os.fstat(descriptor)
            content = _read_all(descriptor, found.st_size)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return "missing on disk"
    except OSError:
        return "not readable"
    written = document.written
    return content, written is not None and _is_altered(written, content, found.st_mtime_ns)


def _read_all(descriptor: int, size: int) -> bytes:
    content = os.read(descriptor, size + 1)
    while len(content) > size or len(content) < size:
        more = os.read(descriptor, 1 << 20)
        if not more:
            break
        content += more
    return content


def _is_altered(written: Written, content: bytes, mtime_ns: int) -> bool:
    if len(content) != written.size:
        return True
    return mtime_ns != written.mtime_ns and hashlib.sha256(content).digest() != written.sha256


def _one_file(place: str) -> Documents:
    """Take a file as one of its folder's; `annotations` beside its images, as COCO has them, are one dataset."""
    folder, name = os.path.split(os.path.abspath(place))  # noqa: PTH100 - links stay
    top, last = os.path.split(folder)
    beside = ["images", part_of_coco(name.rpartition(".")[0])]
    if last == "annotations" and any(each and os.path.isdir(os.path.join(top, each)) for each in beside):  # noqa: PTH112, PTH118
        return Documents(top, [Document(f"{last}/{name}", last)], is_one_file=True)
    return Documents(folder, [Document(name)], is_one_file=True)


@contextlib.contextmanager
def _journal_of(place: str) -> Generator[Readable | None, None, None]:
    """Open the journal of a folder; None where there is none, or a damaged one, of which a warning tells."""
    if not os.path.lexists(os.path.join(place, *JOURNAL)):  # noqa: PTH118
        yield None
        return
    from ..adapters.journal import Journal
    from ..adapters.journal_file import Damaged, JournalBusy
    from ..adapters.journal_reader import JournalReader
    from ..errors import DiskError

    journal: Journal | JournalReader | None = None
    try:
        journal = Journal.shared(place) or JournalReader(place)
    except JournalBusy as error:
        raise DiskError(
            f"A run is writing to {place}.", code="disk_error", hint="Open it when the run has ended."
        ) from error
    except Damaged:
        warnings.warn(
            f"The journal of {place} is damaged: its JSON files are read as those of any folder, with the names of"
            " folders for batches and those of files for work items.",
            stacklevel=5,
        )
    try:
        yield journal
    finally:
        if journal is not None:
            journal.close()


def _from_journal(documents: Documents, journal: Readable) -> None:
    from ..adapters.journal_queries import asset_files, batch_names, written_files

    names = batch_names(journal)
    assets = {(file.project_id, file.item_id): file.path for file in asset_files(journal)}
    places = _Folders(documents.root)
    for file in written_files(journal):
        why = _why_not(file, places)
        if why:
            documents.left_out[why] += 1
            continue
        batch = names.get((file.project_id, file.batch_id)) or file.path.partition("/")[0]
        asset = assets.get((file.project_id, file.item_id))
        written = Written(file.state.size, file.state.mtime_ns, file.sha256)
        documents.found.append(Document(file.path, batch, file.item_id, file.project_id, file.batch_id, asset, written))


def _why_not(file: WrittenFile, places: _Folders) -> str | None:
    if file.is_gone:
        return "not in the project any more"
    if not file.path.lower().endswith(".json"):
        return "no JSON file"
    return None if places.has(file.path) else "a link, or out of the folder"


class _Folders:
    """Which paths of a journal stay in its folder: each folder is looked at once, each file for being a link."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._inside: dict[str, bool] = {}

    def has(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        inside = self._inside.get(folder)
        if inside is None:
            inside = self._inside[folder] = not folder or is_inside(self._root, folder)
        safe = name not in {"", ".", ".."} and "\\" not in name
        return inside and safe and not os.path.islink(f"{self._root}/{path}")  # noqa: PTH114


def _from_tree(documents: Documents) -> None:
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry, path in _entries(documents.root, folder):
            if entry.is_symlink():
                _take_link(documents, entry, path)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(f"{path}/")
            elif entry.name.lower().endswith(".json") and entry.is_file(follow_symlinks=False):
                documents.found.append(Document(path, folder[:-1]))


def _entries(root: str, folder: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    place = f"{root}/{folder}" if folder else root
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry, folder + entry.name
    except OSError as error:
        raise _unreadable(error, place) from error


def _take_link(documents: Documents, entry: os.DirEntry[str], path: str) -> None:
    """Follow a link to a file of the same folder; those to folders would bring files twice, or without end."""
    if entry.is_dir():
        documents.warnings.append(f"{path} is a link to a folder, which is not followed.")
    elif entry.name.lower().endswith(".json"):
        if entry.is_file() and is_inside(documents.root, path):
            documents.found.append(Document(path, path.rpartition("/")[0]))
        else:
            documents.left_out["a link out of the folder, or to nothing"] += 1


def _without_end(place: str) -> str:
    """Drop `/` from the end, but for that of a root or a drive."""
    short = place.rstrip(os.sep + (os.altsep or ""))
    return short if short and not short.endswith(":") else place


def _unreadable(error: OSError, place: str) -> DiskError:
    from ..adapters.disk_errors import unreadable  # with httpx, which takes as long as counting a thousand documents

    return unreadable(error, place)
