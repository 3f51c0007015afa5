"""Rule 1: categories are matched by (supercategory, name), never by id."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.categories import CategoryTable, named
from cf_ai_platform_client.datasets.records import Category
from cf_ai_platform_client.datasets.report import Report

from .folders import write
from .hostile import category, thing


def table(*categories: Category) -> CategoryTable:
    found = CategoryTable()
    for each in categories:
        found.add(each)
    return found


def test_ids_are_dense_from_one_in_order_of_first_appearance(tmp_path: Path) -> None:
    write(tmp_path / "a.json", categories=[category(9, "unused"), category(7, "tree")])
    write(tmp_path / "b.json", thing(category_id=7), categories=[category(7, "car"), category(0, "tree")])
    found = datasets.open(tmp_path).categories
    assert [(each.id, each.name) for each in found] == [(1, "unused"), (2, "tree"), (3, "car")]


def test_one_name_of_two_supercategories_is_two_categories() -> None:
    found = table(Category(1, "tree", "plant"), Category(1, "tree", "model"), Category(2, "tree", "plant"))
    assert [(each.id, each.supercategory) for each in found.all()] == [(1, "plant"), (2, "model")]
    assert not found.conflicts


@pytest.mark.parametrize("other", [unicodedata.normalize("NFD", "Bäume"), " Bäume", "Bäume\u00a0"])
def test_names_that_nobody_can_tell_apart_are_one_and_it_is_told(other: str) -> None:
    found = table(Category(1, "Bäume", "Pflanze"), Category(2, other, "Pflanze"))
    assert [each.name for each in found.all()] == ["Bäume"]
    assert [*found.conflicts] == [f"category 'Pflanze/Bäume' is also written {other!r} ('Pflanze'): taken for one."]


@pytest.mark.parametrize("other", ["tree", "Tree s", "TREE"])
def test_case_and_words_matter(other: str) -> None:
    assert len(table(Category(1, "Tree"), Category(1, other))) == 2


def test_keypoints_and_skeleton_are_those_of_the_first_that_has_them() -> None:
    plain = Category(1, "person")
    first = Category(1, "person", keypoints=("nose", "eye"), skeleton=((1, 2),), extra={"color": "red"})
    found = table(plain, first, plain)
    assert found.all() == (Category(1, "person", "", ("nose", "eye"), ((1, 2),), {"color": "red"}),)
    assert not found.conflicts


def test_conflicts_are_told_once(tmp_path: Path) -> None:
    for number, keypoints in enumerate((["nose"], ["eye"], ["eye"])):
        write(tmp_path / f"{number}.json", categories=[category(1, "person", "", keypoints=keypoints, color=number)])
    report = Report()
    list(datasets.open(tmp_path).items(report))
    assert report.warnings == [
        "category 'person' has different keypoints in different documents: the first ones are kept.",
        "category 'person' has different values of 'color': the first one is kept.",
    ]


def test_annotations_have_the_datasets_category_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    write(tmp_path / "a.json", thing(category_id=4), categories=[category(4, "person", "")])
    write(tmp_path / "b.json", categories=[category(3, "person", "", keypoints=["nose"])])
    dataset = datasets.open(tmp_path)
    (annotation,) = dataset.annotations()
    assert annotation.category == dataset.categories[0] == Category(1, "person", "", ("nose",))
    assert annotation.category_id == 4
    assert [item.category_ids for item in dataset] == [(4,), (3,)]


def test_categories_are_found_by_name() -> None:
    trees = [Category(1, "tree", "plant"), Category(2, "tree", "model"), Category(3, "a/b")]
    assert [[each.id for each in named(trees, name)] for name in ("tree", "plant/tree", "a/b", " tree", "oak")] == [
        [1, 2],
        [1],
        [3],
        [1, 2],
        [],
    ]
