"""File names that every tool takes: relative, with `/`, and unlike each other on every system.

Tools tell images apart by their stem (YOLO's labels, VOC's files), systems by their name without regard to case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from urllib.parse import unquote

from ..core.naming import clean_name, name_key
from .records import Sample

ORIGINAL = "original_file_name"
"""The extra field of an image that has what its document called it, where that is not its name."""

_MAX_BYTES = 255
_LONGEST_SUFFIX = 8


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

    >>> stem_key("plots/North.jpg") == stem_key("plots_north.PNG")
    True
    """
    folder, _, last = name.rpartition("/")
    stem = last.rpartition(".")[0] or last
    return name_key(f"{folder}_{stem}" if folder else stem).replace("/", "_")


def flat_name(name: str) -> str:
    """Put a relative path into one file name, for formats that have no folders; a long one is cut and gets a digest.

    >>> flat_name("plots/north.jpg")
    'plots_north.jpg'
    """
    flat = name.replace("/", "_")
    encoded = flat.encode()
    if len(encoded) <= _MAX_BYTES:
        return flat
    suffix = f"-{hashlib.sha256(encoded).hexdigest()[:16]}{_suffix(flat)}"
    return encoded[: _MAX_BYTES - len(suffix.encode())].decode("utf-8", "ignore") + suffix


class Names:
    """Names the images of a dataset: `names(sample)` gives each the same name whatever the order of asking.

    An image keeps its document's name where no other has it; else the batch comes before it, or the batch and the
    item, and at last a digest of document and id after it. Takes about 300 bytes an image while it is made.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        seen: tuple[set[int], ...] = (set(), set(), set())
        self._taken: tuple[set[int], ...] = (set(), set(), set())
        for sample in samples:
            for keys, taken, name in zip(seen, self._taken, _candidates(sample), strict=True):
                key = hash(stem_key(name))
                (taken if key in keys else keys).add(key)
        self._taken[1].update(seen[1] & seen[0])
        self._taken[2].update(seen[2] & (seen[0] | seen[1]))

    def __call__(self, sample: Sample) -> str:
        """Name an image."""
        candidates = _candidates(sample)
        for taken, name in zip(self._taken, candidates, strict=True):
            if hash(stem_key(name)) not in taken:
                return name
        name = candidates[-1]
        digest = hashlib.sha256(f"{sample.document}\n{sample.image.id!r}".encode("utf-8", "surrogatepass")).hexdigest()
        suffix = _suffix(name)
        return f"{name[: len(name) - len(suffix)]}-{digest[:16]}{suffix}"


def _candidates(sample: Sample) -> tuple[str, str, str]:
    name = safe_path(sample.image.file_name, decode=ORIGINAL not in sample.image.extra)
    batch = f"{safe_path(sample.batch, decode=False)}/" if sample.batch else ""
    return name, f"{batch}{name}", f"{batch}{clean_name(sample.work_item_id)}/{name}"


def _clean_file(name: str) -> str:
    """Make one component safe; a suffix stays when what is before it has to be cut."""
    suffix = _suffix(name)
    if len(suffix) > _LONGEST_SUFFIX:
        return clean_name(name)
    return clean_name(clean_name(name[: len(name) - len(suffix)]) + suffix)


def _suffix(name: str) -> str:
    last = name.rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    return f"{dot}{suffix}" if stem else ""
