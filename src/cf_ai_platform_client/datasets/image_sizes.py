"""Sizes that documents lack, taken from the images themselves."""

from __future__ import annotations

import msgspec

from .finding_codes import CODES
from .findings import json_path
from .image_checks import size_to_fill
from .image_files import ImageFacts
from .notes import At, Repair
from .reading import Reading

_CODES = frozenset({"missing_size", "bad_size"})


class SizeFiller:
    """Puts sizes of images into what was read of a document; its findings say then that they are mended."""

    def __init__(self, found: Reading) -> None:
        self._found = found
        self._told = {each.path: at for at, each in enumerate(found.findings) if each.code in _CODES}

    def fill(self, at: int, number: int, facts: ImageFacts) -> tuple[int, int] | None:
        """Put the size of the image at a place, the `number`th that was kept, in, the repairs too; return it."""
        found = self._found
        image = found.images[number]
        size = size_to_fill(image, facts)
        if size is None:
            return None
        for name, length in zip(("width", "height"), size, strict=True):
            if getattr(image, name) is None:
                here: At = ("images", at, name)
                found.repairs.append(Repair(self._tell_mended(json_path(here)), here, length))
        found.images[number] = msgspec.structs.replace(image, width=size[0], height=size[1])
        return size

    def _tell_mended(self, path: str) -> str:
        number = self._told.get(path)
        if number is None:
            return "missing_size"
        finding = self._found.findings[number]
        self._found.findings[number] = msgspec.structs.replace(finding, fix=CODES[finding.code].fix)
        return finding.code
