"""The images of a document, whatever is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from .document_ids import Known, read_id
from .notes import ABSENT, REMOVED, At, Notes, shown
from .numbers import whole
from .records import Image, SourceId

_MEMBERS = frozenset({"id", "file_name", "width", "height"})
_ORIGIN = ("work_item_id", "batch", "source_file", "original_file_name")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+://")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


def read_images(
    entries: Iterable[tuple[int, dict[str, Any]]], references: Iterable[Any], notes: Notes
) -> tuple[dict[int, Image], Known[Image]]:
    """Return the images by their places in the list, and what the references to them stand for."""
    kept: list[tuple[int, dict[str, Any], Image]] = []
    by_id: dict[SourceId, tuple[int, dict[str, Any], Image]] = {}
    ambiguous: set[SourceId] = set()
    for at, entry in entries:
        found = _read_image(entry, ("images", at), notes)
        if found is None:
            continue
        first = by_id.setdefault(found.id, (at, entry, found))
        if first[0] != at:
            if _is_again(entry, first[1], at, first[0], notes):
                continue
            ambiguous.add(found.id)
        kept.append((at, entry, found))
    images = [image for _, _, image in kept]
    known = Known("image", {image.id: image for image in reversed(images)}, ambiguous, references)
    for at, entry, image in kept:
        _note_text_id(entry, image.id, ("images", at), known, notes)
    _note_names([(at, image) for at, _, image in kept], notes)
    return {at: image for at, _, image in kept}, known


def _read_image(entry: dict[str, Any], at: At, notes: Notes) -> Image | None:
    identity = read_id(entry.get("id"))
    if identity is None:
        what = f"An image's id is {shown(entry.get('id', ABSENT))}: it is left out, and so is what is annotated in it."
        notes.leave_out_image("missing_image_id", (*at, "id"), what)
        return None
    if type(entry["id"]) is float:
        notes.mend("number_type", (*at, "id"), f"An image's id is {entry['id']}.", ((*at, "id"), identity))
    name = _read_name(entry.get("file_name", ABSENT), (*at, "file_name"), notes)
    width = _read_length(entry.get("width", ABSENT), (*at, "width"), notes)
    height = _read_length(entry.get("height", ABSENT), (*at, "height"), notes)
    extra = {key: value for key, value in entry.items() if key not in _MEMBERS}
    if not extra.keys().isdisjoint(_ORIGIN):
        _drop_bad_origin(extra, at, notes)
    return Image(identity, name, width, height, extra)


def _drop_bad_origin(extra: dict[str, Any], at: At, notes: Notes) -> None:
    """Take away what should tell where an image came from, but is no text."""
    for name in _ORIGIN:
        value = extra.get(name, ABSENT)
        if value is not ABSENT and not isinstance(value, str):
            del extra[name]
            if value is not None:
                notes.tell("bad_origin", (*at, name), f"{name} is {shown(value)}, but must be text: it is not used.")


def _read_name(name: Any, at: At, notes: Notes) -> str:
    if not isinstance(name, str) or not name.strip():
        notes.tell("missing_file_name", at, f"file_name is {shown(name)}.")
        return ""
    if _ABSOLUTE.match(name):
        notes.tell("absolute_file_name", at, f"file_name is {shown(name)}, which no other machine has.")
    elif ".." in re.split(r"[/\\]", unquote(name)):
        notes.tell("unsafe_file_name", at, f"file_name is {shown(name)}, which leads out of its folder.")
    elif (better := _repaired(name)) != name:
        code = "backslash_file_name" if "\\" in name else "encoded_file_name"
        original = ((*at[:-1], "original_file_name"), name)
        notes.mend(code, at, f"file_name is {shown(name)}, which means {shown(better)}.", (at, better), original)
    return name


def _repaired(name: str) -> str:
    """Decode a name and use `/`; as it was where that would lead elsewhere than below its folder."""
    better = (unquote(name) if _ENCODED.search(name) else name).replace("\\", "/")
    is_safe = not _ABSOLUTE.match(better) and better.isprintable() and "\ufffd" not in better
    return better if is_safe and not _ENCODED.search(better) else name


def _read_length(value: Any, at: At, notes: Notes) -> int | None:
    if value is None or value is ABSENT:
        notes.tell("missing_size", at, f"{at[-1]} is {shown(value)}.")
        return None
    length = whole(value)
    if length is None or not 0 < length < 1 << 31:
        notes.tell("bad_size", at, f"{at[-1]} is {shown(value)}, but must be a number of pixels.")
        return None
    if type(value) is not int:
        notes.mend("number_type", at, f"{at[-1]} is {shown(value)}.", (at, length))
    return length


def _is_again(entry: dict[str, Any], first: dict[str, Any], at: int, first_at: int, notes: Notes) -> bool:
    here: At = ("images", at)
    identity = shown(entry["id"])
    if entry == first:
        what = f"The image {identity} is listed a second time, the first is $.images[{first_at}]."
        notes.leave_out_image("same_image_again", here, what, (here, REMOVED))
        return True
    first_one = f"Two images have the id {identity}, the first is $.images[{first_at}]"
    what = f"{first_one}: nobody knows whose annotations these are."
    notes.tell("duplicate_image_id", (*here, "id"), what)
    return False


def _note_text_id(entry: dict[str, Any], identity: SourceId, at: At, known: Known[Image], notes: Notes) -> None:
    if not isinstance(identity, str):
        return
    what = f"An image's id is the text {shown(identity)}"
    if known.is_ambiguous(identity):
        notes.tell("string_id", (*at, "id"), f"{what}, which several images have: it stays.")
        return
    changes: list[tuple[At, Any]] = [((*at, "id"), known.numbers[identity])]
    changes += [] if "source_id" in entry else [((*at, "source_id"), identity)]
    notes.mend("string_id", (*at, "id"), f"{what}.", *changes)


def _note_names(images: list[tuple[int, Image]], notes: Notes) -> None:
    if len(images) < 2:
        return
    names, stems = Counter[str](), Counter[str]()
    for at, image in images:
        name = image.file_name.replace("\\", "/").casefold()
        stem = str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name
        where: At = ("images", at, "file_name")
        if name and names[name]:
            notes.tell(
                "same_file_name", where, f"Another image has the file name {shown(image.file_name)}, but for case."
            )
        elif name and stems[stem]:
            notes.tell("same_stem", where, f"Another file differs from {shown(image.file_name)} by its extension only.")
        names[name] += 1
        stems[stem] += 1
