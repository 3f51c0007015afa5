"""Is an asset what it claims to be, and all of it: told by its first bytes, and by the mark that ends it.

Signatures: the registrations of the media types at https://www.iana.org/assignments/media-types, and for images
https://www.w3.org/TR/png-3/#5PNG-file-signature, https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ErrorCode, ResponseError
from .jpeg_header import JpegHeader
from .naming import ASSET_KINDS

HEAD = 64 << 10
"""How many of the first bytes are kept to look at."""

_TEXT_LOOKED_AT = 512
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"\x89PNG\r\n\x1a\n", ".png"),
    (0, b"GIF87a", ".gif"),
    (0, b"GIF89a", ".gif"),
    (0, b"II*\0", ".tif"),
    (0, b"MM\0*", ".tif"),
    (0, b"II+\0", ".tif"),
    (0, b"MM\0+", ".tif"),
    (8, b"WEBP", ".webp"),
    (4, b"ftypavi", ".avif"),
    (4, b"ftyphe", ".heic"),
    (4, b"ftypmif1", ".heic"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", ".jp2"),
    (0, b"\xff\x4f\xff\x51", ".jp2"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", ".jxl"),
    (0, b"\xff\x0a", ".jxl"),
    (0, b"\x76\x2f\x31\x01", ".exr"),
    (128, b"DICM", ".dcm"),
    (0, b"%PDF-", ".pdf"),
    (4, b"ftypqt", ".mov"),
    (4, b"ftypM4A", ".m4a"),
    (4, b"ftyp", ".mp4"),
    (0, b"\x1a\x45\xdf\xa3", ".mkv"),
    (0, b"\0\0\x01\xba", ".mpg"),
    (8, b"AVI ", ".avi"),
    (8, b"WAVE", ".wav"),
    (0, b"fLaC", ".flac"),
    (0, b"OggS", ".ogg"),
    (0, b"ID3", ".mp3"),
    (0, b"LASF", ".las"),
    (0, b"ply\n", ".ply"),
    (0, b"ply\r", ".ply"),
    (0, b"# .PCD", ".pcd"),
    (0, b"ASTM-E57", ".e57"),
)
_OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL), ".bmp"),
    (re.compile(rb"P[14][\s#]"), ".pbm"),
    (re.compile(rb"P[25][\s#]"), ".pgm"),
    (re.compile(rb"P[36][\s#]"), ".ppm"),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:(?:\?xml|!--|!DOCTYPE\s+svg)[^\0]{0,4000}?<)?svg[\s>]", re.IGNORECASE),
        ".svg",
    ),
)
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|\?xml|error)\b", re.IGNORECASE)
_TOLD_BY_HEADER = frozenset(
    {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".jxl", ".exr", ".svg"}
)
_NO_PAGES = frozenset(ASSET_KINDS.values()) - {"image", "text"}
_ENDS: Mapping[str, bytes] = {".jpg": b"\xff\xd9", ".png": b"IEND\xaeB`\x82"}


def told_extension(head: bytes) -> str | None:
    r"""Return the extension that goes with the first bytes of a file, None where they tell nothing.

    >>> told_extension(b"\xff\xd8\xff\xe0"), told_extension(b"<!doctype html>")
    ('.jpg', None)
    """
    for offset, signature, extension in _SIGNATURES:
        if head.startswith(signature, offset) and (offset != 8 or head.startswith(b"RIFF")):
            return extension
    return next((extension for pattern, extension in _OTHERS if pattern.match(head)), None)


def claimed_kind(asset_type: str | None, extension: str) -> str | None:
    """Return what an asset claims to be, "image" say, by the extension of its path, else by its `assetType`.

    >>> claimed_kind("IMAGE", ""), claimed_kind("image", ".pdf")
    ('image', 'pdf')
    """
    return ASSET_KINDS.get(extension) or (asset_type or "").strip().lower().partition("/")[0] or None


class AssetBytes:
    """Looks at the bytes of an asset as they pass; `head` holds the first of them and `size` counts all."""

    def __init__(self) -> None:
        self.size = 0
        self.head = b""
        self._end: bytes | None = None
        self._ended_at = -1
        self._carried = b""
        self._header = JpegHeader()

    @property
    def extension(self) -> str:
        """What the bytes are, as an extension; `.bin` where they do not tell."""
        return told_extension(self.head) or ".bin"

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        if len(self.head) < HEAD:
            self.head += piece[: HEAD - len(self.head)]
            self._end = _ENDS.get(self.extension)
        self._header.update(piece)
        if self._end is not None:
            looked_at = self._carried + piece
            found = looked_at.rfind(self._end)
            if found >= 0:
                self._ended_at = self.size - len(self._carried) + found
            self._carried = looked_at[-len(self._end) + 1 :]
        self.size += len(piece)

    def check(self, asset_type: str | None, extension: str) -> None:
        """Raise ResponseError unless these are the bytes of what an asset claims to be.

        `mismatch` where they are something else, such as the page of an error; `truncated` where nothing came, or an
        image that is cut short. What claims nothing, and formats that tell nothing by their first bytes, pass.
        """
        kind = claimed_kind(asset_type, extension)
        if not self.size and kind != "text":
            raise _refused("is empty", "truncated")
        if kind == "image":
            self._check_image(extension)
        elif kind in _NO_PAGES and _PAGE.match(self.head):
            raise _refused(f"is to be of the kind {kind}, and is a page of text", "mismatch")

    def _check_image(self, extension: str) -> None:
        told = told_extension(self.head)
        is_image = told is not None and ASSET_KINDS[told] == "image"
        if not is_image and (extension in _TOLD_BY_HEADER or _is_text(self.head)):
            what = "a page of text" if _is_text(self.head) else "something else"
            raise _refused(f"is to be an image, and is {what}", "mismatch")
        if self._is_cut_short():
            raise _refused("is an image that is cut short", "truncated")

    def _is_cut_short(self) -> bool:
        if self.head.startswith(b"RIFF"):
            return int.from_bytes(self.head[4:8], "little") + 8 > self.size
        return self._end is not None and self._ended_at < self._header.place


def _is_text(head: bytes) -> bool:
    start = head[:_TEXT_LOOKED_AT]
    return bool(_PAGE.match(head)) or (not re.search(rb"[^\t\n\r\x20-\x7e\x80-\xff]", start) and _is_utf8(start))


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(start)  # a character that was cut
    return True


def _refused(what: str, code: ErrorCode) -> ResponseError:
    return ResponseError(
        f"The asset {what}.",
        code=code,
        hint="Nothing was saved for it; if it stays so, it is broken at the source.",
    )
