"""Keypoints: x, y and visibility of each; 0 is not labelled, 1 labelled but hidden, 2 visible."""

from __future__ import annotations

from collections.abc import Sequence


def labelled(keypoints: Sequence[float]) -> int:
    """Count the keypoints that are labelled, which is what `num_keypoints` holds.

    >>> labelled([11, 9, 2, 9, 10, 1, 0, 0, 0])
    2
    """
    return sum(visibility > 0 for visibility in keypoints[2::3])


def are_visibilities_known(keypoints: Sequence[float]) -> bool:
    """Tell whether each visibility is 0, 1 or 2."""
    return {0, 1, 2}.issuperset(keypoints[2::3])


def are_plain(keypoints: Sequence[float], number: int | None, names: int) -> bool:
    """Tell whether nothing is wrong with keypoints of a category that names so many."""
    return 3 * names == len(keypoints) > 0 and are_visibilities_known(keypoints) and number == labelled(keypoints)
