"""What stands as a segmentation in a document → polygons or a mask, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from . import polygons, rle
from .json_types import is_list, is_object
from .masks_in_text import counts_of_text
from .notes import ABSENT, REMOVED, At, Notes, shown
from .numbers import Number, are_plain, number, numbers, whole
from .records import Box, Polygons, Rle

Size = tuple["int | None", "int | None"]
"""Width and height of an image, None where nothing tells them."""


def read_segmentation(value: Any, at: At, size: Size, notes: Notes) -> Polygons | Rle | None:
    """Return what can be used of a segmentation; the rest is noted down."""
    if value is ABSENT:
        return None
    if is_object(value) and value:
        return _read_rle(value, at, size, notes)
    if value is None or value in ([], {}, "") or (is_list(value) and set(map(_kind, value)) == {"empty"}):
        note_empty_segmentation(value, at, notes)
        return None
    if is_list(value):
        return _read_polygons(value, at, notes)
    notes.tell("bad_segmentation", at, f"segmentation is {shown(value)}: the object is kept by its box alone.")
    return None


def note_empty_segmentation(value: Any, at: At, notes: Notes) -> None:
    """Note that a segmentation is there, but empty."""
    notes.mend("empty_segmentation", at, f"segmentation is {shown(value)}.", (at, REMOVED))


def area_of(segmentation: Polygons | Rle) -> Number:
    """Return the square pixels of a segmentation: of polygons by their outlines, of a mask by its pixels."""
    if isinstance(segmentation, Rle):
        return rle.area(rle.decode(segmentation.counts))
    return polygons.total_area(segmentation)


def bbox_of(segmentation: Polygons | Rle) -> Box | None:
    """Return the box around a segmentation, None where it has no pixel or a side of no length."""
    if isinstance(segmentation, Rle):
        return rle.bbox(rle.decode(segmentation.counts), segmentation.height)
    box = polygons.bbox(segmentation)
    return box if box[2] > 0 and box[3] > 0 else None


def _kind(value: Any) -> str:
    if number(value) is not None:
        return "number"
    if not is_list(value):
        return "other"
    entries = value
    if not entries:
        return "empty"
    if len(entries) == 2 and numbers(entries):
        return "pair"
    return "pairs" if all(is_list(each) for each in entries) else "numbers"


def _read_polygons(parts: list[Any], at: At, notes: Notes) -> Polygons | None:
    kinds = set(map(_kind, parts))
    if kinds == {"other"} or ("number" in kinds and not kinds <= {"number", "other"}):
        notes.tell("bad_segmentation", at, f"segmentation is {shown(parts)}: the object is kept by its box alone.")
        return None
    if kinds <= {"number", "other"}:
        parts = [parts]
        notes.mend("flat_polygon", at, f"segmentation is one list of {len(parts[0])} numbers.", (at, parts))
        kinds = {"numbers"}
    elif kinds == {"pair"} and len(parts) > 2:
        parts = [[each for pair in parts for each in pair]]
        notes.mend("paired_polygon", at, "segmentation is a list of points.", (at, parts))
    elif "pairs" in kinds and all(_kind(part) != "pairs" or {*map(_kind, part)} == {"pair"} for part in parts):
        parts = [[each for pair in part for each in pair] if _kind(part) == "pairs" else part for part in parts]
        notes.mend("paired_polygon", at, "segmentation has lists of points.", (at, parts))
    kept: list[tuple[Number, ...]] = []
    whole_parts: list[Any] = []
    for place, part in enumerate(parts):
        polygon, stays = _read_part(part, (*at, place), notes)
        kept += [polygon] if polygon else []
        whole_parts += [polygon if polygon and list(polygon) != part else part] if stays else []
    if not kept and not whole_parts:
        notes.repair("short_polygon", at, REMOVED)
    elif whole_parts != parts:
        notes.repair("short_polygon" if len(whole_parts) < len(parts) else "number_type", at, whole_parts)
    return tuple(kept) or None


def _read_part(part: Any, at: At, notes: Notes) -> tuple[tuple[Number, ...] | None, bool]:
    """Return a polygon, None where it is none, and whether the part stays in the file."""
    found = numbers(part)
    if found is None or (len(found) % 2 and len(found) > 4):
        what = f"has {len(found)} numbers, half a point" if found else f"is {shown(part)}"
        notes.tell("bad_polygon", at, f"A polygon {what}: it is left out, the rest of the object kept.")
        return None, True
    if len(found) < 6:
        message = f"A polygon has {len(found)} numbers, but needs 6: it is left out, the rest of the object kept."
        notes.mend("short_polygon", at, message)
        return None, False
    if not are_plain(part):
        notes.mend("number_type", at, "A polygon has numbers as text.")
    return found, True


def _read_rle(value: dict[str, Any], at: At, size: Size, notes: Notes) -> Rle | None:
    lengths = value.get("size", ABSENT)
    sides = [whole(each) for each in lengths] if is_list(lengths) else []
    if len(sides) != 2 or not all(side and 0 < side < 1 << 31 for side in sides):
        notes.tell("bad_rle", (*at, "size"), f"A mask's size is {shown(lengths)}, but must be [height, width].")
        return None
    height, width = cast("list[int]", sides)
    if not all(type(side) is int for side in lengths):
        notes.mend("number_type", (*at, "size"), f"A mask's size is {shown(lengths)}.", ((*at, "size"), sides))
    found = _read_counts(value.get("counts", ABSENT), (*at, "counts"), height * width, notes)
    if found is None:
        return None
    counts, runs = found
    _compare_size(height, width, size, at, notes)
    if not rle.area(runs):
        notes.tell("empty_mask", at, "A mask has no pixel.")
    return Rle(height, width, counts)


def _read_counts(value: Any, at: At, pixels: int, notes: Notes) -> tuple[str, Sequence[int]] | None:
    runs, written = counts_of_text(value, pixels) if isinstance(value, str) else (_listed(value), "list_counts")
    if runs is None or (runs and min(runs) < 0):
        why = "have a negative run" if runs else f"are {shown(value)}"
        notes.tell("bad_rle", at, f"A mask's counts {why}: the object is kept by its box alone.")
        return None
    if (total := sum(runs)) != pixels:
        what = f"A mask's runs sum to {total:,}, but height x width is {pixels:,}"
        notes.tell("rle_sum", at, f"{what}: the object is kept by its box alone.")
        return None
    if not written:
        return value, runs
    what = "a list" if written == "list_counts" else "bytes as Python writes them"
    counts = rle.encode(runs)
    notes.mend(written, at, f"A mask's counts are {what}.", (at, counts))
    return counts, runs


def _listed(value: Any) -> list[int] | None:
    if not is_list(value):
        return None
    found = [whole(each) for each in value]
    return None if None in found else cast("list[int]", found)


def _compare_size(height: int, width: int, size: Size, at: At, notes: Notes) -> None:
    wide, high = size
    if wide is None or high is None or (width, height) == (wide, high):
        return
    here = ((*at, "size"), f"A mask is {width} x {height}, its image {wide} x {high}")
    if (height, width) == (wide, high):
        notes.tell("rle_size_swapped", here[0], f"{here[1]}: written row by row (C order), or size is [width, height].")
    else:
        notes.tell("rle_size_differs", here[0], f"{here[1]}.")
