from __future__ import annotations

import pytest

from cf_ai_platform_client.datasets.formats.class_names import changed_names, class_names
from cf_ai_platform_client.datasets.records import Category


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("tree", "plant"), ("car", "")], ["tree", "car"]),
        ([("tree", "plant"), ("tree", "model")], ["plant/tree", "model/tree"]),
        ([("tree", "plant"), ("tree", "")], ["plant/tree", "tree"]),
        ([("", ""), ("", "plant")], ["unnamed", "plant/unnamed"]),
        ([("tree", "a"), ("tree", "b"), ("a/tree", "")], ["a/tree 1", "b/tree", "a/tree 3"]),
    ],
)
def test_every_class_has_a_name_that_no_other_has(pairs: list[tuple[str, str]], expected: list[str]) -> None:
    categories = [Category(number, *pair) for number, pair in enumerate(pairs, 1)]
    assert class_names(categories) == expected


def test_names_are_told_apart_after_they_were_cleaned() -> None:
    categories = [Category(1, "a\x00"), Category(2, "a\x01"), Category(3, "b")]
    names = class_names(categories, lambda name: name[:1])
    assert names == ["a 1", "a 2", "b"]
    assert len(changed_names(categories, names)) == 2


def test_of_many_names_the_first_are_told() -> None:
    categories = [Category(number, "tree", f"kind {number}") for number in range(1, 301)]
    told = changed_names(categories, class_names(categories))
    assert told[0] == "The class 'tree' is written as 'kind 1/tree'."
    assert told[-1] == "And 295 more classes are written otherwise."
    assert len(told) == 6
