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
        while self.place + _LOOKED_AT <= self._seen:
            at = self.place - start
            length = self._length(data[at : at + _LOOKED_AT])
            if not length:
                self._is_over, self._kept = True, b""
                return
            self.place += length
        self._kept = data[self.place - start :]

    def _length(self, segment: bytes) -> int:
        """Return how long a segment is, 0 where the header ends."""
        if not self.place:
            return 2 if segment.startswith(b"\xff\xd8") else 0
        marker = segment[1]
        if segment[0] != 0xFF or marker == _START_OF_SCAN:
            return 0
        if marker == 0xFF:
            return 1
        return 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(segment[2:], "big")
