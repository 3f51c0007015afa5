"""File names that every tool takes: relative, with `/`, and unlike each other on every system.

Tools tell images apart by their stem (YOLO's labels, VOC's files), systems by their name without regard to case.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ..core.naming import clean_name, name_key
from .records import Sample

ORIGINAL = "original_file_name"
"""The extra field of an image that has what its document called it, where that is not its name."""

_MAX_BYTES = 255
_ROOM_FOR_SUFFIX = 4
_LONGEST, _LONGEST_SUFFIX = 200, 8
_JOINTS = re.compile(r"[/.]")


def safe_path(file_name: str, *, decode: bool = True) -> str:
    r"""Make a relative path with `/` of a file name: percent-decoded, without `..`, of parts that every system takes.

    >>> safe_path(r"..\\plots\\north%20field.jpg"), safe_path("/data/a:b.png")
    ('plots/north field.jpg', 'data/a_b.png')
    """
    name = (unquote(file_name) if decode else file_name).replace("\\", "/")
    parts = [part.strip() for part in name.split("/") if part.strip() not in {"", ".", ".."}] or ["_"]
    return "/".join([*map(clean_name, parts[:-1]), _clean_file(parts[-1])])


def stem_key(name: str) -> str:
    """Return what names share that some system or tool takes for the same image, also with `_` in place of `/`.

    What differs by `.` or `_` alone counts as the same, since some cut at the first or the last dot.

    >>> stem_key("plots/North.jpg") == stem_key("plots_north.PNG")
    True
    """
    folder, _, last = name.rpartition("/")
    stem = last.rpartition(".")[0] or last
    return _JOINTS.sub("_", name_key(f"{folder}/{stem}" if folder else stem))


def flat_name(name: str) -> str:
    """Put a relative path into one file name, for formats that have no folders; a long one is cut and gets a digest.

    There is room for another suffix of four bytes in place of its own.

    >>> flat_name("plots/north.jpg")
    'plots_north.jpg'
    """
    flat = name.replace("/", "_") if _suffix(name) else _JOINTS.sub("_", name)
    encoded, own = flat.encode(), _suffix(flat)
    most = _MAX_BYTES - max(0, _ROOM_FOR_SUFFIX - len(own.encode()))
    if len(encoded) <= most:
        return flat
    suffix = f"-{hashlib.sha256(encoded).hexdigest()[:16]}{own}"
    return encoded[: most - len(suffix.encode())].decode("utf-8", "ignore") + suffix


def name_on_disk(sample: Sample, root: str) -> str | None:
    """Return where an image is on the disk, relative to the dataset, or to the `images` in it where its name says so.

    None where it is not on the disk, or elsewhere.
    """
    path = (sample.path or "").replace(os.sep, "/")
    if not path.startswith(root.replace(os.sep, "/") + "/"):
        return None
    name = path[len(root) + 1 :]
    return sample.image.file_name if name == f"images/{sample.image.file_name}" else name


class Names:
    """Names the images of a dataset, each the same whatever the order of asking.

    Call `note` (or `keep`) for each image and `settle` once, then `name`. An image keeps its document's name where no
    other has it; else the batch comes before it, or the batch and the item. Where that is not enough, or the name is
    that of a folder too, a digest of its document and key comes after it.
    Takes about 400 bytes an image until `settle`.
    """

    def __init__(self) -> None:
        self._seen: tuple[set[int], ...] = (set(), set(), set())
        self._taken: tuple[set[int], ...] = (set(), set(), set())
        self._kept: dict[int, str] = {}
        self._folders: dict[int, int] = {}

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Names:
        """Return the names of all of these."""
        names = cls()
        for sample in samples:
            names.note(Named.of(sample))
        names.settle()
        return names

    def __call__(self, sample: Sample) -> str:
        """Name an image."""
        return self.name(Named.of(sample))

    def note(self, named: Named) -> None:
        """Take in an image that is to be named."""
        candidates = named.candidates()
        self._add_folders(candidates[: 1 if named.decoded else 3])
        for seen, taken, name in zip(self._seen, self._taken, candidates, strict=True):
            _add(name, seen, taken)

    def reserve(self, name: str) -> bool:
        """Take in a name that is given already; tell whether it is the first of its kind."""
        return _add(name, self._seen[0], self._taken[0])

    def keep(self, named: Named) -> None:
        """Take in an image that keeps its name where those that share it are of the same document."""
        first, *others = named.candidates()
        self._add_folders([first])
        for seen, taken, name in zip(self._seen[1:], self._taken[1:], others, strict=True):
            _add(name, seen, taken)
        key = hash(stem_key(first))
        if key in self._seen[0] and self._kept.get(key) != named.document:
            self._taken[0].add(key)
        self._seen[0].add(key)
        self._kept.setdefault(key, named.document)

    def is_shared(self, name: str) -> bool:
        """Tell whether a name is not the only one of its kind."""
        return hash(stem_key(name)) in self._taken[0]

    def settle(self) -> None:
        """Forget what is needed no more, before names are asked for."""
        first, second, third = self._seen
        self._taken[1].update(second & first)
        self._taken[2].update(third & (first | second))
        self._folders = {key: stem for key, stem in self._folders.items() if any(stem in seen for seen in self._seen)}
        self._seen, self._kept = (set(), set(), set()), {}

    def name(self, named: Named) -> str:
        """Name an image."""
        name = self._free_name(named.candidates())
        if name is not None and hash(name_key(name)) not in self._folders:
            return name
        name = name or named.candidates()[-1]
        suffix = _suffix(name)
        source = f"{named.document}\n{named.key}".encode("utf-8", "surrogatepass")
        return f"{name[: len(name) - len(suffix)]}-{hashlib.sha256(source).hexdigest()[:16]}{suffix}"

    def _free_name(self, candidates: Iterable[str]) -> str | None:
        for taken, name in zip(self._taken, candidates, strict=True):
            if hash(stem_key(name)) not in taken:
                return name
        return None

    def _add_folders(self, names: Iterable[str]) -> None:
        for name in names:
            folder = name.rpartition("/")[0]
            while folder:
                self._folders[hash(name_key(folder))] = hash(stem_key(folder))
                folder = folder.rpartition("/")[0]


class Named(NamedTuple):
    """What an image's name is made of. `decoded` tells that the file name was made by this module."""

    file_name: str
    decoded: bool
    batch: str
    work_item_id: str
    document: str
    key: str

    @classmethod
    def of(cls, sample: Sample) -> Named:
        """Take it from a record."""
        image = sample.image
        decoded = ORIGINAL in image.extra
        return cls(image.file_name, decoded, sample.batch, sample.work_item_id, sample.document, sample.key)

    def candidates(self) -> tuple[str, str, str]:
        """Return the names that it may get, the best ones first."""
        name = safe_path(self.file_name, decode=not self.decoded)
        batch = _folder(self.batch)
        return name, f"{batch}{name}", f"{batch}{_folder(self.work_item_id)}{name}"


def _add(name: str, seen: set[int], taken: set[int]) -> bool:
    key = hash(stem_key(name))
    is_new = key not in seen
    (seen if is_new else taken).add(key)
    return is_new


@lru_cache(maxsize=1024)
def _folder(name: str) -> str:
    return f"{safe_path(name, decode=False)}/" if name else ""


def _clean_file(name: str) -> str:
    """Make one component safe; a suffix stays when what is before it has to be cut."""
    suffix, encoded = _suffix(name), name.encode("utf-8", "surrogatepass")
    if len(encoded) <= _LONGEST or len(suffix) > _LONGEST_SUFFIX:
        return clean_name(name)
    room = _LONGEST - len(suffix.encode("utf-8", "surrogatepass"))
    return clean_name(encoded[:room].decode("utf-8", "ignore").rstrip(" .") + suffix)


def _suffix(name: str) -> str:
    last = name.rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    return f"{dot}{suffix}" if stem else ""
