from __future__ import annotations

import pytest

from cf_ai_platform_client.datasets.bridges.targets import (
    NO_AREA,
    NO_KEYPOINTS,
    NO_MASK,
    OTHER_SIZE,
    OUTSIDE,
    Needs,
    targets,
)
from cf_ai_platform_client.datasets.records import Annotation, Box, Category, Rle

SQUARE = ((1.0, 1.0, 5.0, 1.0, 5.0, 5.0),)
TREE = Category(1, "tree")


def thing(bbox: Box = (1, 1, 4, 4), segmentation: object = None, keypoints: tuple[float, ...] = ()) -> Annotation:
    return Annotation(1, 1, 1, TREE, bbox, 16.0, segmentation=segmentation, keypoints=keypoints)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("annotation", "needs", "why"),
    [
        (thing(), Needs(), None),
        (thing((1, 1, 0, 4)), Needs(), NO_AREA),
        (thing((1, 1, -3, 4)), Needs(), NO_AREA),
        (thing((1, 1, float("nan"), 4)), Needs(), NO_AREA),
        (thing((10, 1, 4, 4)), Needs(), OUTSIDE),
        (thing((-4, 1, 4, 4)), Needs(), OUTSIDE),
        (thing(), Needs(masks=True), NO_MASK),
        (thing(segmentation=SQUARE), Needs(masks=True), None),
        (thing(segmentation=Rle(8, 10, "0`2")), Needs(masks=True), None),
        (thing(segmentation=Rle(10, 8, "0`2")), Needs(masks=True), OTHER_SIZE),
        (thing(), Needs(keypoints=1), NO_KEYPOINTS),
        (thing(keypoints=(1, 1, 2)), Needs(keypoints=1), None),
        (thing(keypoints=(1, 1, 2)), Needs(keypoints=2), NO_KEYPOINTS),
    ],
)
def test_what_cannot_be_a_target_says_why(annotation: Annotation, needs: Needs, why: str | None) -> None:
    assert [found for _, found in targets([annotation], 10, 8, needs)] == [why]


def test_corners_are_inside_the_image() -> None:
    ((target, _),) = targets([thing((-2, 6, 20, 20))], 10, 8, Needs())
    assert target.corners == (0, 6, 10, 8)
