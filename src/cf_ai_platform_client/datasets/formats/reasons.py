"""Why something is left out of a format or changed in it, in words for people: one wording for all formats."""

from __future__ import annotations

from typing import NamedTuple


class LeftOut(NamedTuple):
    """What takes the place of an annotation, or an image, that cannot be written."""

    reason: str


NO_SIZE = LeftOut("image of unknown size")
CROWD = LeftOut("crowd")
OUTSIDE = LeftOut("box outside of its image")
TOO_SMALL = LeftOut("box without area")
NO_MASK = LeftOut("no mask, only a box")
OTHER_SIZE = LeftOut("mask of another size than its image")
NO_PIXEL = LeftOut("mask without pixels in its image")
NO_AREA = LeftOut("outline without area")
NO_KEYPOINTS = LeftOut("no keypoints")
HIDDEN = LeftOut("object covered whole by others")
TOO_MANY = LeftOut("more objects in one image than 16 bits can count")

BOX_CLIPPED = "box clipped to its image"
BOX_ROUNDED = "box rounded to whole pixels"
CROWD_DIFFICULT = "crowd written as difficult"
CROWD_VOID = "crowd painted as void"
OUTLINE_CLIPPED = "outline clipped to its image"
HOLE_BRIDGED = "hole bridged: joined to the outline by a seam of no width"
PARTS_JOINED = "parts joined to one outline by bridges of no width"
PARTS_UNITED = "parts that overlap made one, by their pixels"
KEYPOINT_OUTSIDE = "keypoint outside of its image, taken for not labelled"
KEYPOINTS_PADDED = "fewer keypoints than another class has: filled up with zeros"
COVERED = "object covered in part by others"
