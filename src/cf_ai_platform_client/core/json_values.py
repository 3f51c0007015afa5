"""JSON that comes in pieces: a document, the elements of a list one by one, a value a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .text_pieces import UnreadableError, lines, too_large

_BLANK = re.compile(r"[ \t\r\n]*")
_TOKEN = 64
_AFTER_VALUE = {*",]} \t\r\n"}
_DECODER = json.JSONDecoder()


def json_values(texts: Iterable[str], most: int) -> Iterator[Any]:
    """Yield the elements of a list, or the one document that is none.

    Raises UnreadableError for what is no JSON, and for a value beyond `most` characters.
    """
    text = _Text(iter(texts), most)
    if text.next_mark() != "[":
        yield text.value()
    else:
        text.drop()
        if text.next_mark() == "]":
            text.drop()
        else:
            yield from _elements(text)
    if text.next_mark():
        raise UnreadableError("something follows its JSON")


def json_lines(texts: Iterable[str], most: int) -> Iterator[Any]:
    """Yield a value for each line that is not blank. Raises as `json_values` does."""
    for line in lines(texts, most):
        if not _BLANK.fullmatch(line):
            yield from [_loads(line)]


def _elements(text: _Text) -> Iterator[Any]:
    while True:
        yield text.value()
        mark = text.next_mark()
        text.drop()
        if mark == "]":
            return
        if mark != ",":
            raise UnreadableError("it is no JSON, or cut short")


class _Text:
    """Text that grows when a value in it is not whole yet."""

    def __init__(self, texts: Iterator[str], most: int) -> None:
        self._texts = texts
        self._most = most
        self._held = ""
        self._at = 0

    def next_mark(self) -> str:
        """Return the next character that is no blank, empty at the end."""
        while True:
            blank = _BLANK.match(self._held, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._grow():
                return ""

    def drop(self) -> None:
        """Pass the next character."""
        self._at += 1

    def value(self) -> Any:
        """Return the value that begins here, and pass it."""
        self.next_mark()
        while True:
            value, size, broken = self._try()
            if size > self._most:
                raise too_large(self._most)
            if (not broken and self._ends(self._at + size)) or not self._grow():
                break
        if broken:
            raise UnreadableError(f"it is no JSON, or cut short: {broken}")
        self._at += size
        return value

    def _ends(self, at: int) -> bool:
        """Tell whether a value does end here: of a number cut at `1.` or `1e` only the 1 was read."""
        rest = self._held[at : at + _TOKEN]
        return len(rest) == _TOKEN or rest[:1] in _AFTER_VALUE

    def _try(self) -> tuple[Any, int, str]:
        """Return a value, its size, and what is wrong with it where more text may mend that."""
        try:
            value, end = _DECODER.raw_decode(self._held, self._at)
        except json.JSONDecodeError as error:
            if error.pos < len(self._held) - _TOKEN and not error.msg.startswith("Unterminated"):
                raise UnreadableError(f"it is no JSON: {error.msg.lower()}") from None
            return None, 0, error.msg.lower()
        except (RecursionError, ValueError) as error:
            raise _unusual(error) from None
        return value, end - self._at, ""

    def _grow(self) -> bool:
        """Hold twice as much, so that a long value is tried a few times only; tell whether there was more."""
        parts = [self._held[self._at :]]
        before = size = len(parts[0])
        for text in self._texts:
            parts.append(text)
            size += len(text)
            if size > min(2 * before, self._most):
                break
        self._held, self._at = "".join(parts), 0
        if size > before > self._most:
            raise too_large(self._most)
        return size > before


def _loads(line: str) -> Any:
    try:
        return _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is no JSON: {error.msg.lower()}") from None
    except (RecursionError, ValueError) as error:
        raise _unusual(error) from None


def _unusual(error: Exception) -> UnreadableError:
    what = "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is too long"
    return UnreadableError(what)
