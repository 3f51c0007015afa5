"""Is this a whole COCO document, and the same bytes with `info.asset_url` added.

How: `splicing`. The format: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..errors import ResponseError
from . import splicing
from .splicing import LENIENT_BYTES, NOT_COCO, NOT_STRICT_JSON, NotADocumentError, Splice

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "LENIENT_BYTES",
    "NOT_COCO",
    "NOT_STRICT_JSON",
    "CocoDocument",
    "Splice",
    "add_asset_url",
    "refused",
    "splice",
]


class CocoDocument(msgspec.Struct, frozen=True, gc=False):
    """A whole document with its `asset_url`, and what is odd about it (`not_coco`, `not_strict_json`)."""

    content: bytes
    warnings: tuple[str, ...] = ()


def add_asset_url(content: bytes, asset_url: str) -> CocoDocument:
    """Check that the bytes are one whole JSON object and add `info.asset_url` to them.

    Raises ResponseError (`invalid_json`) where they are not. A byte order mark is dropped.

    >>> add_asset_url(b'{"images": [], "info": {"year": 2026}}', "assets/a.jpg").content
    b'{"images": [], "info": {"asset_url": "assets/a.jpg", "year": 2026}}'
    """
    try:
        parts, warnings = splicing.splice(content, asset_url)
    except NotADocumentError as error:
        raise refused(str(error)) from error
    return CocoDocument(b"".join(parts), warnings)


def splice(document: Buffer, asset_url: str, lenient_bytes: int = LENIENT_BYTES) -> Splice:
    """Do the same with any buffer, and return what to write one after another: views of the buffer, not copies.

    What only Python reads (NaN, lone surrogates) is taken up to `lenient_bytes`.
    """
    try:
        return splicing.splice(document, asset_url, lenient_bytes)
    except NotADocumentError as error:
        raise refused(str(error)) from error


def refused(what: str) -> ResponseError:
    """Return the error for a document that is something else."""
    return ResponseError(
        f"The storage sent {what}.",
        code="invalid_json",
        hint="Nothing was saved; download it again, and if it stays so, it is broken at the source.",
    )
