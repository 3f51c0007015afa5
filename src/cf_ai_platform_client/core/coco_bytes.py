"""Is this a whole COCO document, and the same bytes with `info.asset_url` added.

The document is never re-serialised: its top level is split, one member is added or replaced, every other
byte stays, duplicate keys and long numbers too. The format: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import msgspec

from ..errors import ResponseError

NOT_COCO = "not_coco"
NOT_STRICT_JSON = "not_strict_json"

_COCO_MEMBERS = frozenset({"images", "annotations", "categories"})
_CHUNK = 1 << 20
_BYTES_NAME = re.compile(rb'[ \t\n\r,]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class CocoDocument:
    """A whole document with its `asset_url`, and what is odd about it (`not_coco`, `not_strict_json`)."""

    content: bytes
    warnings: tuple[str, ...] = ()


class Edit(NamedTuple):
    """Replace what stands from `start` to `end` by `text`, which is ASCII."""

    start: int
    end: int
    text: str


class _Member(NamedTuple):
    name: str
    start: int
    end: int
    is_object: bool


class _Key:
    """A member's name that equals no other, so that duplicates survive decoding."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _as_key(_: type, value: Any) -> _Key:
    return _Key(value)


_TOP_LEVEL = msgspec.json.Decoder(dict[_Key, msgspec.Raw], dec_hook=_as_key)
_ANY_JSON = json.JSONDecoder(parse_int=str, parse_float=str)  # int() refuses more than 4,300 digits


def add_asset_url(content: bytes, asset_url: str) -> CocoDocument:
    """Check that the bytes are one whole JSON object and add `info.asset_url` to them.

    Raises ResponseError (`invalid_json`) where they are not. A byte order mark is dropped.

    >>> add_asset_url(b'{"images": [], "info": {"year": 2026}}', "assets/a.jpg").content
    b'{"images": [], "info": {"asset_url": "assets/a.jpg", "year": 2026}}'
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        _check_utf8(content)
        return _edited(content, asset_url)
    except (ValueError, RecursionError) as error:
        raise _not_a_document(content, error) from error


def _edited(content: bytes, asset_url: str) -> CocoDocument:
    try:
        members = _members_of_bytes(content, 0, len(content))
        edit = _edit(members, content.index(b"{") + 1, lambda m: _members_of_bytes(content, m.start, m.end), asset_url)
    except msgspec.MsgspecError:
        text = content.decode()
        members = _members_of_text(text, 0)
        edit = _edit(members, text.index("{") + 1, lambda m: _members_of_text(text, m.start), asset_url)
        edited = "".join((text[: edit.start], edit.text, text[edit.end :])).encode()
        return CocoDocument(edited, (*_oddities(members), NOT_STRICT_JSON))
    edited = b"".join((content[: edit.start], edit.text.encode(), content[edit.end :]))
    return CocoDocument(edited, _oddities(members))


def _edit(members: list[_Member], first: int, inner: Callable[[_Member], list[_Member]], asset_url: str) -> Edit:
    """Find the one place to change: in the last `info`, the last `asset_url`, as readers take the last."""
    value = json.dumps(asset_url)
    new_member = f'"asset_url": {value}'
    info = _last(members, "info")
    if info is None:
        return Edit(first, first, f'"info": {{{new_member}}}' + (", " if members else ""))
    if not info.is_object:
        return Edit(info.start, info.end, f"{{{new_member}}}")
    inside = inner(info)
    old = _last(inside, "asset_url")
    if old is None:
        return Edit(info.start + 1, info.start + 1, new_member + (", " if inside else ""))
    return Edit(old.start, old.end, value)


def _last(members: list[_Member], name: str) -> _Member | None:
    return next((member for member in reversed(members) if member.name == name), None)


def _members_of_bytes(document: bytes, start: int, end: int) -> list[_Member]:
    """Split an object without parsing its values: names by a regular expression, values by their raw length."""
    decoded = _TOP_LEVEL.decode(document if end - start == len(document) else document[start:end])
    position = document.index(b"{", start) + 1
    members: list[_Member] = []
    for key, raw in decoded.items():
        begin = cast("re.Match[bytes]", _BYTES_NAME.match(document, position)).end()
        position = begin + len(memoryview(raw))
        members.append(_Member(key.name, begin, position, document[begin] == 0x7B))
    return members


def _members_of_text(text: str, start: int) -> list[_Member]:
    """Split an object by parsing it all: for what strict parsers refuse and Python reads (NaN, lone surrogates)."""
    _, end = _ANY_JSON.raw_decode(text, _skip(text, start))
    if start == 0 and _skip(text, end) != len(text):
        raise ValueError("something follows the document")
    position = _expect(text, _skip(text, start), "{")
    members: list[_Member] = []
    while (position := _skip(text, position)) < end - 1:
        if text[position] == ",":
            position = _skip(text, position + 1)
        name, position = _ANY_JSON.raw_decode(text, position)
        begin = _skip(text, _expect(text, _skip(text, position), ":"))
        _, position = _ANY_JSON.raw_decode(text, begin)
        members.append(_Member(name, begin, position, text[begin] == "{"))
    return members


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect(text: str, position: int, character: str) -> int:
    if text[position : position + 1] != character:
        raise ValueError(f"no {character!r} at character {position}")
    return position + 1


def _oddities(members: list[_Member]) -> tuple[str, ...]:
    return () if any(member.name in _COCO_MEMBERS for member in members) else (NOT_COCO,)


def _check_utf8(content: bytes) -> None:
    if content.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _CHUNK):
        decoder.decode(content[start : start + _CHUNK], start + _CHUNK >= len(content))


def _not_a_document(content: bytes, error: Exception) -> ResponseError:
    what = f"{len(content)} bytes that are not one whole JSON object ({_brief(error)})"
    return ResponseError(
        f"The storage sent {what if content.strip() else 'an empty document'}.",
        code="invalid_json",
        hint="Nothing was saved; download it again, and if it stays so, it is broken at the source.",
    )


def _brief(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0][:120]
