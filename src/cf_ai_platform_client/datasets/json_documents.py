"""The bytes of a document → JSON values, also of what only lenient readers take."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter
from typing import Any

import msgspec

from .json_types import is_list, is_object
from .notes import Notes

_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_SURROGATE = re.compile("[\ud800-\udfff]")

_DEEPEST = 200
_TOO_DEEP = f"it is nested too deeply, in more than {_DEEPEST} levels"
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b'{}[]"')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class NoJSON(ValueError):
    """The bytes are no JSON; the text says why."""


def read_json(content: bytes, notes: Notes) -> Any:
    """Return what a document holds, and note down what strict readers refuse. Raises NoJSON."""
    try:
        value = _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_leniently(content, notes)
    except RecursionError:
        raise NoJSON(_TOO_DEEP) from None
    if is_deep(content, _side_by_side(value)):
        raise NoJSON(_TOO_DEEP)
    return value


def is_deep(content: bytes, side_by_side: int = 0) -> bool:
    """Tell whether lists and objects of a JSON document in UTF-8 are nested deeper than every part of this reads.

    So many of them are known to be side by side, none in another; mostly that settles it by counting brackets.

    >>> is_deep(b"[" * 200 + b"]" * 200), is_deep(b"[" * 201 + b"]" * 201)
    (False, True)
    """
    if content.count(b"[") + content.count(b"{") - side_by_side <= _DEEPEST:
        return False
    brackets = _brackets(content)
    for _ in range(_DEEPEST):
        length = len(brackets)
        brackets = brackets.replace(b"[]", b"")  # one level
        if len(brackets) == length:
            return False
    return b"[]" in brackets


def repeated_keys(content: bytes) -> list[str]:
    """Return the names that stand twice in one object of a document that can be read, each once."""
    found: dict[str, None] = {}

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            found.update(dict.fromkeys(name for name in members if counts[name] > 1))
        return members

    json.loads(_text(content), object_pairs_hook=keep)
    return list(found)


def _side_by_side(value: Any) -> int:
    """Count the annotations of a document, but for one: each is an object with a box, which no other one is in."""
    entries: Any = value.get("annotations") if is_object(value) else None
    if not is_list(entries):
        return 0
    boxes = [True for entry in entries if entry.__class__ is dict and entry.get("bbox").__class__ is list]
    return 2 * max(0, len(boxes) - 1)


def _read_leniently(content: bytes, notes: Notes) -> Any:
    text = _text(content)
    if is_deep(text.encode("utf-8", "surrogatepass")):
        raise NoJSON(_TOO_DEEP)
    try:
        value = json.loads(text)
    except RecursionError:
        raise NoJSON(_TOO_DEEP) from None
    except ValueError as error:
        raise NoJSON(_why(error, text)) from None
    _note_encoding(content, notes)
    if _is_lenient(text):
        message = "It has NaN, Infinity or half of a surrogate pair, which are read as null and U+FFFD."
        notes.mend("not_strict_json", (), message)
        value = _strict(value)
    return value


def _brackets(content: bytes) -> bytes:
    """Return the brackets of lists and objects, all of them square."""
    found = content.translate(_SQUARE, _NO_BRACKETS)
    if b'\\"' not in content:
        found = found.replace(b'""', b"")
        if b'"' not in found:
            return found
    return _STRING.sub(b"", content).translate(_SQUARE, _NO_BRACKETS + b'"')


def _text(content: bytes) -> str:
    try:
        return content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise NoJSON(f"byte {error.start:,} is not UTF-8") from None


def _note_encoding(content: bytes, notes: Notes) -> None:
    encoding = json.detect_encoding(content)
    if encoding not in ("utf-8", "utf-8-sig"):
        notes.mend("other_encoding", (), f"It is written in {encoding.upper()}.")
    elif content.startswith(codecs.BOM_UTF8):
        notes.mend("byte_order_mark", (), "It begins with a byte order mark.")


def _is_lenient(text: str) -> bool:
    try:
        _DECODER.decode(text.encode("utf-8"))
    except (msgspec.DecodeError, UnicodeError):
        return True
    return False


def _why(error: ValueError, text: str) -> str:
    if not text.strip():
        return "it is empty"
    if not isinstance(error, json.JSONDecodeError):
        return "a number in it is too long"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"it is cut short after {len(text):,} characters"
    return f"{error.msg.lower()} in line {error.lineno}, column {error.colno}"


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if is_list(value):
        return [_strict(each) for each in value]
    if is_object(value):
        members = value
        return {_SURROGATE.sub("\ufffd", name): _strict(each) for name, each in members.items()}
    return value
