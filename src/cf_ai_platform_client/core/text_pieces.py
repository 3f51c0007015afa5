"""From bytes that come in pieces to text and lines, none held longer than allowed."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator


class UnreadableError(ValueError):
    """What stands there is no record; the text says why."""


def decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield UTF-8 as text; a byte order mark is dropped. Raises UnreadableError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        for piece in pieces:
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None


def lines(texts: Iterable[str], most: int) -> Iterator[str]:
    r"""Yield lines without their `\n`; those end at nothing else. Raises UnreadableError for one beyond `most`."""
    begun: list[str] = []
    size = 0
    for text in texts:
        for number, part in enumerate(text.split("\n")):
            if number:
                yield "".join(begun)
                begun, size = [], 0
            begun.append(part)
            size += len(part)
            if size > most:
                raise too_large(most)
    yield "".join(begun)


def too_large(most: int) -> UnreadableError:
    """Return the error for a record beyond what may be held in memory."""
    return UnreadableError(f"a record is larger than {most} bytes (max_record_bytes of ExtractLimits)")
