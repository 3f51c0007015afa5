"""Lines of YOLO's label files: a class, and coordinates as shares of the image's width and height.

Format: https://docs.ultralytics.com/datasets/detect/, and /segment/ and /pose/ there. A box is its centre and its size.
The edges of boxes and the corners of outlines are rounded, to at most 0.0005 pixels off; as a centre has one digit
more, the edges can be had back from it, and what is read and written again stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..records import Box
from .reasons import BOX_CLIPPED, KEYPOINT_OUTSIDE, NO_AREA, OUTSIDE, TOO_SMALL, LeftOut
from .walking import Size

_SEEN = 1e-3
"""Pixels from which on a box that is clipped is worth telling."""


def digits_for(size: Size) -> int:
    """Return how many digits after the point are written: six, and more for images of more than 1,000 pixels.

    >>> digits_for((1000, 640)), digits_for((4000, 3000))
    (6, 7)
    """
    return max(6, len(str(max(size) - 1)) + 3)


def box_line(number: int, box: Box, size: Size, changed: Counter[str]) -> str | LeftOut:
    """Return the label of a box: class, centre and size; clipped to the image.

    >>> box_line(0, (3, 2, 12, 8), (24, 16), Counter())
    '0 0.3750000 0.3750000 0.500000 0.500000'
    """
    left, top, wide, high = box
    width, height = size
    right, bottom = left + wide, top + high
    if wide <= 0 or high <= 0:
        return TOO_SMALL
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        return OUTSIDE
    if min(left, top) < -_SEEN or right > width + _SEEN or bottom > height + _SEEN:
        changed[BOX_CLIPPED] += 1
    digits = digits_for(size)
    unit = 10**digits
    x1, x2 = round(max(0, left) / width * unit), round(min(width, right) / width * unit)
    y1, y2 = round(max(0, top) / height * unit), round(min(height, bottom) / height * unit)
    if x1 >= x2 or y1 >= y2:
        return TOO_SMALL
    centre = f"{(x1 + x2) / 2 / unit:.{digits + 1}f} {(y1 + y2) / 2 / unit:.{digits + 1}f}"
    return f"{number} {centre} {(x2 - x1) / unit:.{digits}f} {(y2 - y1) / unit:.{digits}f}"


def outline_line(number: int, outline: Sequence[float], size: Size) -> str | LeftOut:
    """Return the label of an outline that lies in the image: class, x, y, x, y, …

    >>> outline_line(2, [0, 0, 10, 0, 10, 5], (20, 20))
    '2 0.000000 0.000000 0.500000 0.000000 0.500000 0.250000'
    """
    width, height = size
    form = f".{digits_for(size)}f"
    xs = [format(x / width, form) for x in outline[::2]]
    ys = [format(y / height, form) for y in outline[1::2]]
    points = [f"{x} {y}" for x, y in zip(xs, ys, strict=True)]
    kept = [point for point, before in zip(points, [points[-1], *points[:-1]], strict=True) if point != before]
    if len(set(xs)) < 2 or len(set(ys)) < 2 or len(kept) < 3:
        return NO_AREA
    return f"{number} {' '.join(kept)}"


def keypoints_text(keypoints: Sequence[float], count: int, size: Size, changed: Counter[str]) -> str:
    """Return x, y and visibility of so many keypoints; zeros for those that are not labelled.

    >>> keypoints_text([5, 10, 2], 2, (20, 20), Counter())
    '0.250000 0.500000 2 0.000000 0.000000 0'
    """
    width, height = size
    form = f".{digits_for(size)}f"
    nothing = f"{0:{form}} {0:{form}} 0"
    texts: list[str] = []
    for x, y, visibility in zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True):
        is_labelled = visibility > 0
        if is_labelled and not (0 <= x <= width and 0 <= y <= height):
            changed[KEYPOINT_OUTSIDE] += 1
            is_labelled = False
        texts.append(f"{x / width:{form}} {y / height:{form}} {min(2, int(visibility))}" if is_labelled else nothing)
    return " ".join([*texts, *[nothing] * (count - len(texts))])
