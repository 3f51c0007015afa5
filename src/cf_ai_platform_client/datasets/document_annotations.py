"""The annotations of a document, one by one, whatever is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from . import boxes
from .document_ids import Known, free_numbers, read_id
from .json_types import is_object
from .keypoints import are_visibilities_known, labelled
from .notes import ABSENT, At, Notes, shown
from .numbers import FAR, Number, are_plain, is_plain, number, numbers, whole
from .records import Annotation, Box, Category, Image, Polygons, Rle, SourceId
from .segmentations import area_of, bbox_of, read_segmentation

MEMBERS = frozenset(
    {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints", "num_keypoints"}
)


class Annotations:
    """Reads one annotation after the other; `entries` is the whole list, which tells the ids that are free."""

    def __init__(self, entries: list[Any], images: Known[Image], categories: Known[Category], notes: Notes) -> None:
        self._entries = entries
        self._images = images
        self._categories = categories
        self._notes = notes
        self._free: Iterator[int] | None = None
        self._numbers: dict[str, int] = {}
        self.ids: set[SourceId] = set()

    def read(self, at: int, entry: dict[str, Any]) -> Annotation | None:
        """Return an annotation, None where it cannot be used."""
        here: At = ("annotations", at)
        identity = self._read_id(entry, here)
        image = self._images.find(entry.get("image_id", ABSENT), here, self._notes)
        category = image and self._categories.find(entry.get("category_id", ABSENT), here, self._notes)
        if image is None or category is None:
            return None
        size = image[1].width, image[1].height
        value = entry.get("segmentation", ABSENT)
        segmentation = read_segmentation(value, (*here, "segmentation"), size, self._notes)
        box = self._read_box(entry.get("bbox", ABSENT), segmentation, here)
        if box is None:
            return None
        self._compare_box(box, size, (*here, "bbox"))
        points, labels = self._read_keypoints(entry, category[1], here)
        extra = {key: value for key, value in entry.items() if key not in MEMBERS}
        return Annotation(
            identity,
            image[0],
            category[0],
            category[1],
            box,
            self._read_area(entry.get("area", ABSENT), segmentation, box, (*here, "area")),
            self._read_iscrowd(entry.get("iscrowd", ABSENT), segmentation, (*here, "iscrowd")),
            segmentation,
            points,
            labels,
            extra,
        )

    def _read_id(self, entry: dict[str, Any], here: At) -> SourceId:
        notes, at, value = self._notes, (*here, "id"), entry.get("id", ABSENT)
        identity = read_id(value)
        if identity is None:
            identity = self._next_id()
            notes.mend("missing_annotation_id", at, f"An annotation's id is {shown(value)}.", (at, identity))
        elif identity in self.ids:
            what = f"Another annotation has the id {shown(value)} already."
            notes.mend("duplicate_annotation_id", at, what, (at, self._next_id()))
        elif identity == 0:
            notes.mend("zero_annotation_id", at, "An annotation has the id 0.", (at, self._next_id()))
        elif isinstance(identity, str):
            changes: list[tuple[At, Any]] = [(at, self._number_of(identity))]
            changes += [] if "source_id" in entry else [((*here, "source_id"), identity)]
            notes.mend("string_id", at, f"An annotation's id is the text {shown(identity)}.", *changes)
        elif type(value) is float:
            notes.mend("number_type", at, f"An annotation's id is {value}.", (at, identity))
        self.ids.add(identity)
        return identity

    def _next_id(self) -> int:
        if self._free is None:
            entries = [entry for entry in self._entries if is_object(entry)]
            self._free = iter(
                free_numbers(each for each in (read_id(e.get("id")) for e in entries) if each is not None)
            )
        return next(self._free)

    def _number_of(self, identity: str) -> int:
        if identity not in self._numbers:
            self._numbers[identity] = self._next_id()
        return self._numbers[identity]

    def _read_box(self, value: Any, segmentation: Polygons | Rle | None, here: At) -> Box | None:
        found = numbers(value)
        if found is not None and len(found) == 4 and found[2] > 0 and found[3] > 0:
            if not are_plain(value):
                what = f"bbox is {shown(value)}."
                self._notes.mend("number_type", (*here, "bbox"), what, ((*here, "bbox"), list(found)))
            return cast("Box", found)
        is_missing = value is None or value is ABSENT
        code = "missing_bbox" if is_missing else "degenerate_box" if found and len(found) == 4 else "bad_bbox"
        computed = None if segmentation is None else bbox_of(segmentation)
        at, what = (*here, "bbox"), f"bbox is {shown(value)}"
        if computed and numbers(list(computed)):
            self._notes.mend(code, at, f"{what}.", (at, list(computed)))
            return computed
        if not is_missing:
            self._notes.tell(
                code, at, f"{what}, but must be left, top, width and height, none beyond 2⁵³.", effect="left_out"
            )
        self._notes.leave_out("no_geometry", here, f"{what}, and no segmentation tells it: the annotation is left out.")
        return None

    def _compare_box(self, box: Box, size: tuple[int | None, int | None], at: At) -> None:
        width, height = size
        if width is None or height is None or boxes.is_inside(box, width, height):
            return
        what = f"bbox is {shown(list(box))}, the image {width} x {height}."
        is_outside = boxes.is_outside(box, width, height)
        self._notes.tell("box_outside" if is_outside else "box_partly_outside", at, what)

    def _read_area(self, value: Any, segmentation: Polygons | Rle | None, box: Box, at: At) -> Number:
        area = number(value)
        if area is not None and area >= 0:
            if not is_plain(value):
                self._notes.mend("number_type", at, f"area is {shown(value)}.", (at, area))
            return area
        computed = area_of(segmentation) if segmentation else box[2] * box[3]
        source = "segmentation" if segmentation else "bbox"
        code = "missing_area" if value is None or value is ABSENT else "bad_area"
        self._notes.mend(code, at, f"area is {shown(value)}; the {source} has {computed:.10g}.", (at, computed))
        return computed

    def _read_iscrowd(self, value: Any, segmentation: Polygons | Rle | None, at: At) -> bool:
        if value is None or value is ABSENT:
            self._notes.mend("missing_iscrowd", at, f"iscrowd is {shown(value)}.", (at, 0))
            return False
        is_crowd = int(value) if isinstance(value, bool) else whole(value)
        if is_crowd not in (0, 1):
            what = f"iscrowd is {shown(value)}, but must be 0 or 1: it is taken for 0."
            self._notes.tell("bad_iscrowd", at, what, effect="kept")
            return False
        if type(value) is not int:
            code = "bad_iscrowd" if isinstance(value, bool) else "number_type"
            self._notes.mend(code, at, f"iscrowd is {shown(value)}.", (at, is_crowd))
        if is_crowd and isinstance(segmentation, tuple):
            self._notes.tell("crowd_with_polygons", at, "iscrowd is 1, the segmentation is polygons.")
        return bool(is_crowd)

    def _read_keypoints(
        self, entry: dict[str, Any], category: Category, here: At
    ) -> tuple[tuple[Number, ...], int | None]:
        value, labels = entry.get("keypoints"), whole(entry.get("num_keypoints"))
        if value is None or value == []:
            return (), self._read_labels(entry.get("num_keypoints"), labels, (*here, "num_keypoints"))
        at: At = (*here, "keypoints")
        points = numbers(value)
        if points is None or len(points) % 3:
            what = f"is {shown(value)}" if points is None else f"has {len(points)} numbers, which is no multiple of 3"
            self._notes.tell("bad_keypoints", at, f"keypoints {what}: the object is kept without them.")
            return (), None
        if not are_plain(value):
            self._notes.mend("number_type", at, "keypoints has numbers as text.", (at, list(points)))
        self._compare_keypoints(points, category, at)
        if type(entry.get("num_keypoints")) is not int or labels != labelled(points):
            where, labels = (*here, "num_keypoints"), labelled(points)
            what = f"num_keypoints is {shown(entry.get('num_keypoints', ABSENT))}, labelled are {labels}."
            self._notes.mend("num_keypoints", where, what, (where, labels))
        return points, labels

    def _read_labels(self, value: Any, labels: int | None, at: At) -> int | None:
        """Return `num_keypoints` of an object without keypoints."""
        if value is None or (labels is not None and abs(labels) <= FAR):
            return labels
        self._notes.mend("num_keypoints", at, f"num_keypoints is {shown(value)}, there are no keypoints.", (at, 0))
        return 0

    def _compare_keypoints(self, points: tuple[Number, ...], category: Category, at: At) -> None:
        count, names = len(points) // 3, len(category.keypoints)
        if not names:
            what = f"There are {count} keypoints, but the category {shown(category.name)} names none."
            self._notes.tell("keypoints_without_names", at, what)
        elif count != names:
            what = f"There are {count} keypoints, but the category {shown(category.name)} names {names}."
            self._notes.tell("keypoints_count", at, what)
        if not are_visibilities_known(points):
            odd = next(each for each in points[2::3] if each not in (0, 1, 2))
            self._notes.tell("keypoint_visibility", at, f"A keypoint's visibility is {odd}, but must be 0, 1 or 2.")
