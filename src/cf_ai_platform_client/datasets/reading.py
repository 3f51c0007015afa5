"""A COCO document to records: what can be repaired without guessing is, the rest is left out, and all of it is told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, cast

from .clean_annotations import CleanReader, shapes_of
from .document_annotations import Annotations
from .document_categories import read_categories
from .document_images import read_images
from .findings import Finding
from .json_documents import NoJSON, read_json, repeated_keys
from .json_types import is_list, is_object
from .notes import ABSENT, At, Notes, Repair, reason, shown
from .records import Annotation, Category, Image, SourceId

_PLACE = re.compile(r"\$\.(images|annotations)\[(\d+)\]")
_LISTS = ("images", "categories", "annotations")


@dataclass
class Reading:
    """What a document holds. `annotations_in` and `images_in` count what was there, also what was left out.

    `categories` is by the document's ids; a category whose id another one has stands under an id that nobody has.
    `changed`, `images_left_out` and `annotations_left_out` count by reasons that people read. `repairs` is what `fix`
    writes, `data` the document as it stood, None where it was none. `image_places` and `annotation_places` tell where
    in the document's lists they stand. `empty_segmentations` are the places of annotations whose segmentation was taken
    away without a finding, which a thorough reading does not do: of boxes alone, each may have one.
    """

    images: list[Image] = field(default_factory=list[Image])
    categories: dict[SourceId, Category] = field(default_factory=dict[SourceId, Category])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    findings: list[Finding] = field(default_factory=list[Finding])
    images_in: int = 0
    annotations_in: int = 0
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    licenses: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    images_left_out: Counter[str] = field(default_factory=Counter[str])
    annotations_left_out: Counter[str] = field(default_factory=Counter[str])
    repairs: list[Repair] = field(default_factory=list[Repair])
    data: dict[str, Any] | None = None
    image_places: list[int] = field(default_factory=list[int])
    annotation_places: list[int] = field(default_factory=list[int])
    empty_segmentations: list[int] = field(default_factory=list[int])

    @property
    def changed(self) -> Counter[str]:
        """Count what reading mended, or took an unusable part from, by reasons that people read."""
        return self.changed_in(None)

    def changed_in(self, shown: Set[tuple[str, int]] | None) -> Counter[str]:
        """Count what was changed, but for images and annotations that are not among `shown`, by list and place."""
        found = Counter(
            reason(each.code)
            for each in self.findings
            if each.effect in ("fixed", "reduced") and (shown is None or _is_shown(each.path, shown))
        )
        empty = sum(1 for at in self.empty_segmentations if shown is None or ("annotations", at) in shown)
        if empty:
            found[reason("empty_segmentation")] += empty
        return found


def read_document(content: bytes, document: str, *, thorough: bool = False) -> Reading:
    """Read a document; `document` names it in findings. Nothing that is in a document raises.

    A thorough reading tells of each empty segmentation, and of members that stand twice, which takes a second pass.

    >>> found = read_document(b'{"images": [], "categories": [], "annotations": [{}]}', "a.json")
    >>> found.annotations_in, len(found.annotations), found.annotations_left_out
    (1, 0, Counter({'unknown image id': 1}))
    """
    notes = Notes(document)
    try:
        data = read_json(content, notes)
        repeated = repeated_keys(content) if thorough else []
    except NoJSON as error:
        notes.tell("not_json", (), f"It is no JSON: {error}.")
        return Reading(findings=notes.findings)
    if not _is_coco(data):
        what = f"an object without {', '.join(_LISTS)}" if is_object(data) else shown(data)
        notes.tell("not_coco", (), f"It is no COCO document, but {what}.")
        return Reading(findings=notes.findings)
    for name in repeated:
        notes.mend("duplicate_key", (), f"An object has two members named {shown(name)}.")
    return _read(data, notes, thorough=thorough)


def _is_shown(path: str, shown: Set[tuple[str, int]]) -> bool:
    """Tell it of a finding's JSON path; what is said of the document, or of its categories, is."""
    place = _PLACE.match(path)
    return place is None or (place[1], int(place[2])) in shown


def _is_coco(data: Any) -> bool:
    return is_object(data) and any(name in data for name in _LISTS)


def _read(data: dict[str, Any], notes: Notes, *, thorough: bool) -> Reading:
    entries = {name: _list(data, name, notes) for name in _LISTS}
    images, known_images = read_images(
        _objects("images", entries["images"], notes), _references(entries, "image_id"), notes
    )
    listed = _objects("categories", entries["categories"], notes)
    categories, known_categories = read_categories(listed, _references(entries, "category_id"), notes)
    found = Reading(
        list(images.values()), categories.all, [], notes.findings, len(entries["images"]), len(entries["annotations"])
    )
    careful = Annotations(entries["annotations"], known_images, known_categories, notes)
    clean = CleanReader(known_images, known_categories, careful.ids, notes if thorough else None)
    shapes = shapes_of(entries["annotations"])
    for at, entry in enumerate(entries["annotations"]):
        annotation = clean.read(at, entry, shapes[at])
        if annotation is None and _is_object(entry, ("annotations", at), notes):
            annotation = careful.read(at, entry)
        if annotation is not None:
            found.annotations.append(annotation)
            found.annotation_places.append(at)
    found.image_places = list(images)
    found.empty_segmentations = [] if thorough else clean.empty_segmentations
    found.info, found.licenses = _read_info(data, notes)
    found.images_left_out, found.annotations_left_out = notes.images_left_out, notes.annotations_left_out
    found.repairs, found.data = notes.repairs, data
    return found


def _list(data: dict[str, Any], name: str, notes: Notes) -> list[Any]:
    value = data.get(name, ABSENT)
    if is_list(value):
        return value
    if value is None or value is ABSENT:
        notes.mend("missing_member", (name,), f"{name} is {shown(value)}.", ((name,), []))
    else:
        notes.tell("not_a_list", (name,), f"{name} is {shown(value)}, but must be a list: nothing in it is used.")
    return []


def _objects(name: str, entries: list[Any], notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    for at, entry in enumerate(entries):
        if _is_object(entry, (name, at), notes):
            yield at, entry


def _references(entries: dict[str, list[Any]], name: str) -> Iterator[Any]:
    return (entry.get(name) for entry in entries["annotations"] if is_object(entry))


def _is_object(entry: Any, at: At, notes: Notes) -> bool:
    if is_object(entry):
        return True
    what = f"An entry of {at[0]} is {shown(entry)}, but must be an object: it is left out."
    if at[0] == "annotations":
        notes.leave_out("not_an_object", at, what)
    elif at[0] == "images":
        notes.leave_out_image("not_an_object", at, what)
    else:
        notes.tell("not_an_object", at, what)
    return False


def _read_info(data: dict[str, Any], notes: Notes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    info: Any = data.get("info") or {}
    licenses: Any = data.get("licenses") or []
    if not is_object(info):
        notes.tell("bad_info", ("info",), f"info is {shown(info)}, but must be an object.")
        info = {}
    if not is_list(licenses) or not all(is_object(each) for each in licenses):
        notes.tell("bad_info", ("licenses",), f"licenses is {shown(licenses)}, but must be a list of objects.")
        licenses = []
    return info, cast("list[dict[str, Any]]", licenses)
