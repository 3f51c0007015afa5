"""One member added to a JSON object without re-serialising it: its top level is split, every other byte stays.

Duplicate keys and long numbers stay too. A document is any buffer, such as a mapped file, and is never copied whole
where it is strict JSON. Imports little, since a process of its own does this to big documents.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

if TYPE_CHECKING:
    from typing_extensions import Buffer

NOT_COCO = "not_coco"
NOT_STRICT_JSON = "not_strict_json"
LENIENT_BYTES = 256 << 20
"""Bytes up to which a document may be what only Python reads (NaN, lone surrogates): that takes ten times as many."""

_COCO_MEMBERS = frozenset({"images", "annotations", "categories"})
_CHUNK = 1 << 20
_GUESSED_FROM = 1 << 16
_BYTES_NAME = re.compile(rb'[ \t\n\r,]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)
_OPENING = re.compile(rb"[ \t\n\r]*\{")
_SPACE = re.compile(r"[ \t\n\r]*")
_NOTHING = re.compile(rb"\s*")


class NotADocumentError(ValueError):
    """The bytes are not one whole JSON object; its text says what they are instead."""


Parts = tuple[bytes | memoryview, ...]
"""What stands one after another; views of a document and, between them, what is new."""


class Splice(NamedTuple):
    """A document with its new member, and what is odd about it."""

    parts: Parts
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

    def __init__(self, _: type, name: Any) -> None:
        self.name: str = name


_TOP_LEVEL = msgspec.json.Decoder(dict[_Key, msgspec.Raw], dec_hook=_Key)
_ANY_JSON = json.JSONDecoder(parse_int=str, parse_float=str)  # int() refuses more than 4,300 digits


def splice(document: Buffer, asset_url: str, lenient_bytes: int = LENIENT_BYTES) -> Splice:
    """Check that a buffer is one whole JSON object and add `info.asset_url` to it; raise NotADocumentError.

    A byte order mark is dropped. What only Python reads is taken up to `lenient_bytes`.
    """
    content = _without_mark(document)
    try:
        _check_utf8(content)
        try:
            members = _members_of_bytes(content)
            edit = _edit(members, _first(content), lambda info: _members_of_bytes(content, info), asset_url)
            return Splice(_parts(content, edit), _oddities(members))
        except msgspec.MsgspecError:
            if len(content) > lenient_bytes:
                raise
            return _spliced_text(str(content, "utf-8"), asset_url)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise NotADocumentError(_what(content, error, lenient_bytes)) from error


def guess(document: Buffer, asset_url: str) -> Parts:
    """Return the parts that `splice` will find if the last `info` stands in the first 64 KiB, or nowhere."""
    content = _without_mark(document)
    text = str(content[:_GUESSED_FROM], "latin-1")  # a character a byte
    members: list[_Member] = []
    try:
        for member in _walk(text, 0):
            members.append(member)
    except (ValueError, RecursionError):
        members.append(_Member("", 0, 0, False))
    opening = text.find("{") + 1
    return _parts(content, _edit(members, opening, lambda info: list(_walk(text, info.start)), asset_url))


def same(one: Parts, other: Parts) -> bool:
    """Tell whether parts of one document are the same, without looking at all its bytes."""
    return [len(part) for part in one] == [len(part) for part in other] and one[1:2] == other[1:2]


def _without_mark(document: Buffer) -> bytes | memoryview:
    if isinstance(document, bytes):
        return document.removeprefix(codecs.BOM_UTF8)
    view = memoryview(document)
    mark = len(codecs.BOM_UTF8)
    return view[mark:] if bytes(view[:mark]) == codecs.BOM_UTF8 else view


def _parts(content: bytes | memoryview, edit: Edit) -> Parts:
    view = memoryview(content)
    return view[: edit.start], edit.text.encode(), view[edit.end :]


def _spliced_text(text: str, asset_url: str) -> Splice:
    """Do it by parsing it all: for what strict parsers refuse and Python reads (NaN, lone surrogates)."""
    _, end = _ANY_JSON.raw_decode(text, _skip(text, 0))
    if _skip(text, end) != len(text):
        raise ValueError("something follows the document")
    members = list(_walk(text, 0))
    edit = _edit(members, text.index("{") + 1, lambda info: list(_walk(text, info.start)), asset_url)
    edited = "".join((text[: edit.start], edit.text, text[edit.end :])).encode()
    return Splice((edited,), (*_oddities(members), NOT_STRICT_JSON))


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
    for member in reversed(members):
        if member.name == name:
            return member
    return None


def _members_of_bytes(document: bytes | memoryview, inside: _Member | None = None) -> list[_Member]:
    """Split an object without parsing its values: names by a regular expression, values by their raw length."""
    decoded = _TOP_LEVEL.decode(memoryview(document)[inside.start : inside.end] if inside else document)
    position = _first(document, inside.start if inside else 0)
    members: list[_Member] = []
    for key, raw in decoded.items():
        name = _BYTES_NAME.match(document, position)
        assert name is not None
        begin = name.end()
        position = begin + len(memoryview(raw))
        members.append(_Member(key.name, begin, position, document[begin] == 0x7B))
    return members


def _first(document: bytes | memoryview, start: int = 0) -> int:
    """Return where an object's first member may stand."""
    if isinstance(document, bytes):
        return document.index(b"{", start) + 1
    return cast("re.Match[bytes]", _OPENING.match(document, start)).end()


def _walk(text: str, start: int) -> Iterator[_Member]:
    """Yield an object's members by parsing their values; raise ValueError where one is cut or none can be read."""
    position = _skip(text, _expect(text, _skip(text, start), "{"))
    while text[position : position + 1] != "}":
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        name, position = _ANY_JSON.raw_decode(text, position)
        begin = _skip(text, _expect(text, _skip(text, position), ":"))
        _, position = _ANY_JSON.raw_decode(text, begin)
        yield _Member(name, begin, position, text[begin] == "{")
        position = _skip(text, position)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect(text: str, position: int, character: str) -> int:
    if text[position : position + 1] != character:
        raise ValueError(f"no {character!r} at character {position}")
    return position + 1


def _oddities(members: list[_Member]) -> tuple[str, ...]:
    return (NOT_COCO,) if _COCO_MEMBERS.isdisjoint([member.name for member in members]) else ()


def _check_utf8(content: bytes | memoryview) -> None:
    if isinstance(content, bytes) and content.isascii():
        return
    if len(content) <= _CHUNK:
        str(content, "utf-8")
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _CHUNK):
        chunk = bytes(content[start : start + _CHUNK])
        if not chunk.isascii() or decoder.getstate()[0]:
            decoder.decode(chunk)
    decoder.decode(b"", True)


def _what(content: bytes | memoryview, error: Exception, lenient_bytes: int) -> str:
    if _NOTHING.fullmatch(content):
        return "an empty document"
    brief = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0][:120]
    if len(content) > lenient_bytes:
        brief += f"; over {lenient_bytes >> 20} MiB only strict JSON is read"
    return f"{len(content)} bytes that are not one whole JSON object ({brief})"
