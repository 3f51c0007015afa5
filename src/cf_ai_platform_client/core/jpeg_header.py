"""Where the pixels of a JPEG begin, found while its bytes pass: thumbnails in the header have ends of their own.

Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
"""

from __future__ import annotations

_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN = 0xDA
_LOOKED_AT = 4


class JpegHeader:
    """Goes from segment to segment, however long they are; keeps three bytes at most.

    `place` is where the pixels begin, or how far the header is known to reach; 0 for what is no JPEG.

    >>> header = JpegHeader()
    >>> header.update(bytes.fromhex("ffd8 ffe0 0004 0000 ffda 0002"))
    >>> header.place
    8
    """

    def __init__(self) -> None:
        self.place = 0
        self._seen = 0
        self._kept = b""
        self._is_over = False

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self._is_over:
            return
        data, start = self._kept + piece, self._seen - len(self._kept)
        self._seen += len(piece)
        while not self._is_over and self.place + _LOOKED_AT <= self._seen:
            at = self.place - start
            self._step(data[at : at + _LOOKED_AT])
        self._kept = b"" if self._is_over else data[self.place - start :]

    def _step(self, segment: bytes) -> None:
        marker = segment[1]
        if not self.place and segment.startswith(b"\xff\xd8"):
            self.place = 2
        elif not self.place or segment[0] != 0xFF or marker == _START_OF_SCAN:
            self._is_over = True
        elif marker == 0xFF:
            self.place += 1
        elif marker in _WITHOUT_LENGTH:
            self.place += 2
        else:
            self.place += 2 + int.from_bytes(segment[2:], "big")
