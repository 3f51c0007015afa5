"""The bytes of a document → JSON values, also of what only lenient readers take."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import msgspec

from .json_types import is_list, is_object
from .notes import Notes

_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_SURROGATE = re.compile("[\ud800-\udfff]")


class NoJSON(ValueError):
    """The bytes are no JSON; the text says why."""


def read_json(content: bytes, notes: Notes) -> Any:
    """Return what a document holds, and note down what strict readers refuse. Raises NoJSON."""
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_leniently(content, notes)
    except RecursionError:
        raise NoJSON("it is nested too deeply") from None


def repeated_keys(content: bytes) -> list[str]:
    """Return the names that stand twice in one object of a document that can be read, each once."""
    found: dict[str, None] = {}

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            names = [name for name, _ in pairs]
            found.update(dict.fromkeys(name for name in members if names.count(name) > 1))
        return members

    json.loads(_text(content), object_pairs_hook=keep)
    return list(found)


def _read_leniently(content: bytes, notes: Notes) -> Any:
    text = _text(content)
    try:
        value = json.loads(text)
    except RecursionError:
        raise NoJSON("it is nested too deeply") from None
    except ValueError as error:
        raise NoJSON(_why(error, text)) from None
    _note_encoding(content, notes)
    if _is_lenient(text):
        message = "It has NaN, Infinity or half of a surrogate pair, which are read as null and U+FFFD."
        notes.mend("not_strict_json", (), message)
        value = _strict(value)
    return value


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
