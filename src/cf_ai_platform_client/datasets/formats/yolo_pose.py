"""YOLO pose: a box and keypoints an object, as many for each. What has no keypoints is left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from ..conversion import Conversion
from ..keypoints import labelled
from ..records import Annotation, Category
from .reasons import KEYPOINTS_PADDED, NO_KEYPOINTS, LeftOut
from .walking import Size
from .yolo_folder import Members, quoted, write_yolo
from .yolo_labels import box_line, keypoints_text


def write(job: Conversion) -> None:
    """Write boxes and keypoints; crowds only where they are to be kept. Reads the dataset once more, to count them."""
    first = next(iter(job.splits.values()))
    categories = first.categories
    longest = max((len(each.keypoints) // 3 for part in job.splits.values() for each in part.annotations()), default=0)
    count = max([longest, *(len(category.keypoints) for category in categories)], default=0)
    if not count:
        raise ValueError("format is 'yolo-pose', but no object has keypoints, and no category names any.")

    def label(number: int, annotation: Annotation, size: Size, changed: Counter[str]) -> str | LeftOut:
        if not labelled(annotation.keypoints):
            return NO_KEYPOINTS
        line = box_line(number, annotation.bbox, size, changed)
        if isinstance(line, LeftOut):
            return line
        if len(annotation.keypoints) < 3 * count:
            changed[KEYPOINTS_PADDED] += 1
        return f"{line} {keypoints_text(annotation.keypoints, count, size, changed)}"

    write_yolo(job, label, _members(categories, count))


def _members(categories: Sequence[Category], count: int) -> Members:
    members = {"kpt_shape": f"[{count}, 3]"}
    named = [category.keypoints for category in categories if category.keypoints]
    flipped = flip_indices(named[0]) if len(set(named)) == 1 and len(named[0]) == count else None
    if flipped:
        members["flip_idx"] = json.dumps(flipped)
    names = [
        f"\n  {number}: [{', '.join(map(quoted, category.keypoints))}]"
        for number, category in enumerate(categories)
        if category.keypoints
    ]
    if names:
        members["kpt_names"] = "".join(names)
    return members


def flip_indices(names: Sequence[str]) -> list[int] | None:
    """Return which keypoint each one is in a mirror, by "left" and "right" in their names; None where none has a side.

    >>> flip_indices(["nose", "left_eye", "right_eye"])
    [0, 2, 1]
    """
    places = {name: at for at, name in enumerate(names)}
    found = [places.get(_other_side(name)) for name in names]
    if not any(_other_side(name) != name for name in names) or len(places) < len(names):
        return None
    known = [at for at in found if at is not None]
    return known if len(known) == len(names) else None


def _other_side(name: str) -> str:
    for one, other in (("left", "right"), ("Left", "Right")):
        if one in name:
            return name.replace(one, other)
        if other in name:
            return name.replace(other, one)
    return name
