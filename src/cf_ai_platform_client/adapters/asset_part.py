"""An asset while it comes: in memory up to 1 MiB, beyond that in a partial file where it will stay."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping

from ..core.asset_bytes import AssetBytes
from ..core.decoding import Decoder
from ..core.digests import Digests
from ..core.planning import kept_etag
from ..core.resuming import Known, can_resume, check_room, check_size, range_headers, start_of
from ..errors import DiskError
from .bodies import SPOOL_ABOVE
from .disk_errors import disk_error
from .local_store import Staged

_ENCODING = "content-encoding"


class AssetPart:
    """Takes the bytes as they are sent, decodes, digests and looks at them while they pass.

    `size` counts what came as it was sent. `open_file` makes the partial file when it is needed, and is told the
    extension that the bytes tell; what the disk refuses is DiskError. `what` names the asset in errors.
    """

    def __init__(self, open_file: Callable[[str], Staged], most: int, what: str) -> None:
        self._open_file, self._most, self._what = open_file, most, what
        self.staged: Staged | None = None
        self.etag: str | None = None
        self.known, self.size = Known(), 0
        self._begin(Known(), {})

    @property
    def can_go_on(self) -> bool:
        """Whether what is here is worth keeping for another attempt: what is in memory comes as fast again."""
        return self._is_sound and self.staged is not None and can_resume(self.known, self.size)

    @property
    def content(self) -> bytes | None:
        """All of it, where it is in memory."""
        return None if self.staged is not None else b"".join(self._kept)

    def headers(self, known_etag: str | None) -> Mapping[str, str]:
        """Return what asks for the rest of it; or for all of it, where it is not what `known_etag` names."""
        asked = range_headers(self.known, self.size)
        return {**asked, "If-None-Match": known_etag} if known_etag and not self.size else asked

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Take the status and the headers in before bytes come; drop what they do not go on with.

        Raises ResponseError where they are not what was asked for.
        """
        self._is_sound = False
        start = start_of(status, headers, self.known, self.size, what=self._what, encoded=True)
        self._check_room(start.known, start.offset)
        self._is_sound = True
        if start.offset:
            self.known = start.known
        else:
            self.drop()
            self._begin(start.known, headers)

    def write(self, data: bytes | memoryview, /) -> int:
        """Take the next bytes, all of them."""
        piece = bytes(data)
        self._is_sound = False
        self._check_room(self.known, self.size + len(piece))
        self.size += len(piece)
        self._digests.update(piece)
        for plain in self._plain(piece):
            self.bytes.update(plain)
            self._sha256.update(plain)
            self._keep(plain)
        self._is_sound = True
        return len(piece)

    def finish(self) -> bytes:
        """Return the SHA-256 of what is to be kept. Raises ResponseError unless all of it came as it was announced."""
        check_size(self.known, self.size)
        self._is_sound = False
        self._digests.check()
        if self._decoder is not None:
            self._decoder.finish()
        return self._sha256.digest()

    def drop(self) -> None:
        """Forget what came; the file, if there is one, is emptied."""
        if self.staged is not None:
            try:
                os.ftruncate(self.staged.descriptor, 0)
                os.lseek(self.staged.descriptor, 0, os.SEEK_SET)
            except OSError as error:
                raise disk_error(error, self.staged.path) from error
        self._begin(Known(), {})

    def _begin(self, known: Known, headers: Mapping[str, str]) -> None:
        self.known, self.size, self._is_sound = known, 0, True
        self.bytes = AssetBytes()
        self.etag = kept_etag(headers.get("etag"))
        self._digests = Digests(headers, "asset")
        self._decoder = Decoder(headers[_ENCODING], self._most) if _ENCODING in headers else None
        self._sha256 = hashlib.sha256()
        self._kept: list[bytes] = []

    def _plain(self, piece: bytes) -> Iterator[bytes]:
        return self._decoder.feed(piece) if self._decoder is not None else iter((piece,))

    def _keep(self, plain: bytes) -> None:
        self._kept.append(plain)
        if self.staged is None and self.bytes.size <= SPOOL_ABOVE:
            return
        if self.staged is None:
            self.staged = self._open_file(self.bytes.extension)
        rest = memoryview(b"".join(self._kept))
        self._kept = []
        try:
            while rest:
                rest = rest[os.write(self.staged.descriptor, rest) :]
        except DiskError:
            raise
        except OSError as error:
            raise disk_error(error, self.staged.path) from error

    def _check_room(self, known: Known, size: int) -> None:
        check_room(known, size, self._most, self._what, "asset_bytes")
