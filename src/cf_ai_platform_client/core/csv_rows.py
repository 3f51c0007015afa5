"""CSV by RFC 4180 that comes in pieces: quoted fields may hold line breaks and be of any length, values stay text.

The standard library's reader has one limit on a field's length for the whole process, which is not ours to change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from .text_pieces import UnreadableError, lines, too_large

_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(?:,|\Z)')


def csv_rows(texts: Iterable[str], most: int) -> Iterator[dict[str, str]]:
    """Yield each row by the names of the header; blank lines are passed over.

    Raises UnreadableError for what is no CSV, a row that does not fit the header, or one beyond `most` characters.
    """
    header: list[str] | None = None
    for text in _records(texts, most):
        fields = _split(text)
        if header is None:
            header = _checked(fields)
        elif len(fields) != len(header):
            raise UnreadableError(f"a row has {len(fields)} fields where the header has {len(header)}")
        else:
            yield dict(zip(header, fields, strict=True))


def _records(texts: Iterable[str], most: int) -> Iterator[str]:
    """Yield the text of each row: lines, joined while a quote is open."""
    begun: list[str] = []
    size = quotes = 0
    for line in lines(texts, most):
        begun.append(line)
        size += len(line) + 1
        quotes += line.count('"')
        if size > most:
            raise too_large(most)
        if quotes % 2 == 0:
            record = "\n".join(begun).removesuffix("\r")
            if record:
                yield record
            begun, size, quotes = [], 0, 0
    if begun:
        raise UnreadableError("it ends within quotes")


def _split(record: str) -> list[str]:
    if '"' not in record:
        return record.split(",")
    fields: list[str] = []
    at = 0
    while True:
        found = _FIELD.match(record, at)
        if not found:
            raise UnreadableError("a quote stands where none belongs")
        quoted, plain = found.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        at = found.end()
        if not found.group().endswith(","):
            return fields


def _checked(header: list[str]) -> list[str]:
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise UnreadableError(f"its header has the column {twice[0]!r} twice")
    return header
