"""From batches and work items to safe relative paths: the only place that names what is written.

Names come from ids and batch names, never from a URL or a header. What is safe is what Windows, macOS and
Linux all take: https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NewType
from urllib.parse import unquote

SafeName = NewType("SafeName", str)
"""A checked file or folder name: one component, at most 255 bytes, the same on every system."""

NO_BATCH = "Default"
NO_BATCH_KEY = ""
EXTENSIONS = frozenset({".json", ".geojson", ".jsonl", ".csv", ".txt", ".xml", ".zip", ".png", ".jpg"})
OWN_FOLDER = ".cf-ai"

_KINDS = {
    "image": ".jpg .jpeg .png .gif .bmp .tif .tiff .webp .avif .heic .heif .jp2 .jxl .svg .exr .pbm .pgm .ppm .dcm",
    "video": ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv",
    "audio": ".mp3 .wav .flac .ogg .opus .m4a .aac",
    "point cloud": ".pcd .ply .las .laz .e57 .xyz .pts",
    "pdf": ".pdf",
    "text": ".txt .csv .tsv .xml .md .vtt .srt",
}
ASSET_KINDS: Mapping[str, str] = {
    extension: kind for kind, extensions in _KINDS.items() for extension in extensions.split()
}
"""The extensions that an asset may keep, and what each says that it is. Never `.json`: those are the documents."""

_MAX_BYTES = 255
_ROOM_FOR_SUFFIX = 48
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]')
_ENDS_BADLY = re.compile(r"[\s.]+\Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MADE_HERE = re.compile(r"(?:-[0-9a-f]{16}|\.asset)\Z")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\s*\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FolderNames:
    """Where the files of each batch go."""

    by_batch: Mapping[int, SafeName]
    no_batch: SafeName = SafeName(NO_BATCH)
    taken: frozenset[str] = frozenset()
    pinned: Mapping[str, SafeName] = field(default_factory=dict[str, SafeName])

    def folder(self, batch_id: int | None) -> SafeName:
        """Return the folder of a batch; a batch that was not listed has its id as its name."""
        if batch_id is None:
            return self.no_batch
        return self.by_batch.get(batch_id) or self.pinned.get(batch_key(batch_id)) or self._unlisted(batch_id)

    def _unlisted(self, batch_id: int) -> SafeName:
        name = SafeName(_mark(batch_id))
        return name if name not in self.taken else _suffixed(name, name, self.taken)


def name_folders(batches: Iterable[tuple[int, str]], pinned: Mapping[str, str] | None = None) -> FolderNames:
    """Give every batch a folder of its own, whatever the order of the listing.

    Among names that some system takes for equal the lowest id keeps the published name, the others get ` (ID)`.
    `pinned` tells the folders of earlier runs by `batch_key`: they stay, whatever comes later.

    >>> name_folders([(2, "a:b"), (1, "a/b"), (3, "plots")]).by_batch
    {1: 'a_b', 2: 'a_b (2)', 3: 'plots'}
    >>> name_folders([(2, "a:b"), (1, "a/b")], pinned={"2": "a_b"}).by_batch
    {2: 'a_b', 1: 'a_b (1)'}
    """
    kept = {batch: SafeName(name) for batch, name in (pinned or {}).items() if is_safe(name)}
    listed: dict[int, str] = {}
    for batch_id, name in batches:
        listed.setdefault(batch_id, name)
    old = {batch_id: kept[batch_key(batch_id)] for batch_id in sorted(listed) if batch_key(batch_id) in kept}
    new = {batch_id: clean_name(listed[batch_id]) for batch_id in sorted(listed) if batch_id not in old}
    first: dict[str, int | None] = {name_key(name): None for name in kept.values()}
    for batch_id, name in new.items():
        first.setdefault(name_key(name), batch_id)
    taken = set(first)
    folders = dict(old)
    for batch_id, name in new.items():
        if first[name_key(name)] == batch_id:
            folders[batch_id] = name
        else:
            folders[batch_id] = _suffixed(name, _mark(batch_id), taken)
            taken.add(name_key(folders[batch_id]))
    no_batch = kept.get(NO_BATCH_KEY) or SafeName(NO_BATCH)
    if NO_BATCH_KEY not in kept and name_key(no_batch) in taken:
        no_batch = _suffixed(NO_BATCH, "no batch", taken)
    return FolderNames(folders, no_batch, frozenset(taken), kept)


def batch_key(batch_id: int | None) -> str:
    """Return what the journal calls a batch, empty for none."""
    return NO_BATCH_KEY if batch_id is None else _mark(batch_id)


def is_safe(name: str) -> bool:
    """Tell whether a name is one component that may be opened or written on every system.

    >>> is_safe("plots (7)"), is_safe(".."), is_safe("a/b")
    (True, False, False)
    """
    return not (
        not name
        or _FORBIDDEN.search(name)
        or _ENDS_BADLY.search(name)
        or _RESERVED.fullmatch(name)
        or name_key(name) == OWN_FOLDER
        or len(_utf8(name)) > _MAX_BYTES
    )


def split_path(path: str) -> tuple[SafeName, SafeName] | None:
    """Take a relative path apart into folder and file, None where it is not one that this module names."""
    folder, _, name = path.partition("/")
    return (SafeName(folder), SafeName(name)) if _is_safe_folder(folder) and is_safe(name) else None


def name_key(name: str) -> str:
    """Return what names share that some system takes for the same one.

    >>> name_key("Plots") == name_key("PLOTS")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def clean_name(name: str) -> SafeName:
    r"""Make one safe component of any string; what is safe already stays as it is.

    >>> clean_name('North: plot 7'), clean_name("..")
    ('North_ plot 7', '_')
    """
    text = _FORBIDDEN.sub("_", name.strip())
    text = _cut(text, _MAX_BYTES - _ROOM_FOR_SUFFIX) if len(_utf8(text)) > _MAX_BYTES - _ROOM_FOR_SUFFIX else text
    text = _ENDS_BADLY.sub("", text) or "_"
    if _RESERVED.fullmatch(text) or name_key(text) == OWN_FOLDER:
        text = f"_{text}"
    return SafeName(text)


def item_file_name(item_id: str, extension: str) -> SafeName:
    """Name the file of a work item; an id that could meet another's file on some system gets a digest.

    Those are the ids that had to be cleaned, that differ by case or composition only (of UUIDs these are the
    same one), and that end as names do that are made here.

    >>> item_file_name("0520a8e8-6160-5229-842a-5eeff9033a39", ".json")
    '0520a8e8-6160-5229-842a-5eeff9033a39.json'
    """
    stem = clean_name(item_id)
    distinct = stem == item_id and (name_key(stem) == stem or _UUID.fullmatch(stem)) and not _MADE_HERE.search(stem)
    return SafeName((stem if distinct else f"{stem}-{_digest(item_id)}") + extension)


def asset_file_name(item_id: str, extension: str, beside: str = "") -> SafeName:
    """Name the asset of a work item whose document has the extension `beside`, "" for none.

    >>> asset_file_name("a", ".jpg", ".json"), asset_file_name("a", ".jpg", ".jpg")
    ('a.jpg', 'a.asset.jpg')
    """
    return item_file_name(item_id, f".asset{extension}" if extension == beside else extension)


def extension_of(url: str) -> str:
    """Return the extension that a URL's path asks for if it is a known one, else `.json`."""
    extension = _suffix(url)
    return extension if extension in EXTENSIONS else ".json"


def asset_extension(url: str) -> str:
    """Return the extension of an asset's path or URL, in lower case, if it is a known one, else "".

    >>> asset_extension("photos/Field%207.JPG?sig=1"), asset_extension("photos/7.exe")
    ('.jpg', '')
    """
    extension = _suffix(url).lower()
    return extension if extension in ASSET_KINDS else ""


_is_safe_folder = lru_cache(maxsize=1024)(is_safe)  # every item of a batch asks for the same one


def _suffix(url: str) -> str:
    file = unquote(url.partition("#")[0].partition("?")[0]).rstrip("/").rpartition("/")[2]
    stem, dot, suffix = file.rpartition(".")
    return f"{dot}{suffix}" if stem else ""


def _mark(batch_id: int) -> str:
    """Write a batch id; the platform's have 64 bits, and a longer one must not make a name too long."""
    return str(batch_id) if batch_id.bit_length() <= 64 else _digest(f"{batch_id:x}")


def _digest(text: str) -> str:
    return hashlib.sha256(_utf8(text)).hexdigest()[:16]


def _suffixed(name: str, mark: str, taken: Set[str]) -> SafeName:
    suffix, count = f" ({mark})", 1
    while name_key(name + suffix) in taken:
        count += 1
        suffix = f" ({mark}) {count}"
    return SafeName(name + suffix)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut(text: str, most: int) -> str:
    return _utf8(text)[:most].decode("utf-8", "ignore")
