"""Sizes that documents lack, taken from the images themselves."""

from __future__ import annotations

import msgspec

from .finding_codes import CODES
from .findings import Finding, json_path
from .image_checks import size_to_fill
from .image_files import ImageFacts
from .notes import At, Repair
from .reading import Reading

_CODES = frozenset({"missing_size", "bad_size"})


def fill_size(found: Reading, at: int, number: int, facts: ImageFacts) -> tuple[int, int] | None:
    """Put the size of the image at a place, the `number`th that was kept, into what was read; return it.

    The findings say then that they are mended, and the repairs do it.
    """
    image = found.images[number]
    size = size_to_fill(image, facts)
    if size is None:
        return None
    for name, length in zip(("width", "height"), size, strict=True):
        if getattr(image, name) is None:
            here: At = ("images", at, name)
            code = _tell_mended(found.findings, json_path(here))
            found.repairs.append(Repair(code, here, length))
    found.images[number] = msgspec.structs.replace(image, width=size[0], height=size[1])
    return size


def _tell_mended(findings: list[Finding], path: str) -> str:
    for number, finding in enumerate(findings):
        if finding.path == path and finding.code in _CODES:
            findings[number] = msgspec.structs.replace(finding, fix=CODES[finding.code].fix)
            return finding.code
    return "missing_size"
