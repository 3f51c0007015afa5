from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..conftest import files_below
from ..datasets import hostile
from ..datasets.folders import write
from ..datasets.hostile import category, document, image, thing
from .conftest import Command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    cars = [category(5, "car", "vehicle"), category(6, "bus", "vehicle")]
    for number in range(40):
        only = {"images": [image(1, f"{number}.jpg", plot=number // 4)]}
        path = tmp_path / "annotations" / f"batch {number % 5}" / f"{number}.json"
        if number:
            write(path, thing(1), **only)
        else:
            write(path, thing(1, category_id=5), categories=cars, **only)
    return tmp_path / "annotations"


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_table_has_the_shares_by_category(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "split", root, tmp_path / "split.json", "--shares", "0.5,0.25,0.25", COLUMNS="80")
    assert (run.code, run.err) == (0, "")
    heading, whole, tree, car, *more = rows(run.out)
    assert heading == ["IMAGES", "TRAIN", "VAL", "TEST", "TRAIN", "%", "VAL", "%", "TEST", "%"]
    saved = json.loads((tmp_path / "split.json").read_bytes())["splits"]
    counts = [len(saved[name]) for name in ("train", "val", "test")]
    assert whole == ["all", *map(str, counts), *(f"{count * 2.5:.1f}" for count in counts)]
    assert {tree[0], car[0]} == {"plant/tree", "vehicle/car"}
    assert ["Categories", "without", "annotations:", "1"] in more
    assert run.out.count("has no image of vehicle/car") == 2
    assert ["40", "40", "0", "images"] in more
    assert more[-1] == ["Written:", str(tmp_path / "split.json")]


def test_many_categories_that_are_lacking_are_one_line(tmp_path: Path, cf_ai: Command) -> None:
    hostile.build(tmp_path / "in", ["300 categories"])
    run = cf_ai("dataset", "split", tmp_path / "in", tmp_path / "split.json", "--shares", "0.5,0.5")
    assert "Categories without annotations: 257\n" in run.out
    assert [line for line in run.out.splitlines() if line.startswith("Note: ")][-1].endswith(" and 38 more.")


def test_json_has_the_same(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("dataset", "split", root, tmp_path / "split.json", "--json")
    found = json.loads(run.out)
    assert sum(found["splits"]["images"].values()) == sum(found["splits"]["annotations"].values()) == 40
    assert [each["name"] for each in found["splits"]["categories"]] == ["car", "bus", "tree"]
    assert (found["images"], found["files"]) == ({"in": 40, "out": 40, "left_out": {}}, [str(tmp_path / "split.json")])


def test_by_seed_group_and_previous(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    def split(name: str, *options: str) -> dict[str, list[str]]:
        assert cf_ai("dataset", "split", root, tmp_path / name, *options).code == 0
        found: dict[str, list[str]] = json.loads((tmp_path / name).read_bytes())["splits"]
        return found

    plain = split("a.json")
    assert split("b.json") == plain
    assert split("c.json", "--seed", "1") != plain
    assert split("d.json", "--seed", "1", "--previous", str(tmp_path / "a.json")) == plain
    assert list(split("e.json", "--shares", "0.9,0.1")) == ["train", "val"]
    run = cf_ai("dataset", "split", root, tmp_path / "g.json", "--previous", tmp_path / "a.json")
    assert "Note: Kept in their split: 40 of 40 images that --previous names.\n" in run.out
    for keys in split("f.json", "--group", "plot", "--shares", "0.5,0.5").values():
        plots = [int(key.split("/")[1]) // 4 for key in keys]
        assert all(plots.count(plot) == 4 for plot in plots)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shares", "1,1"], "The shares of train, val and test are 1, 1 and 0, 2 together, but must be 1 together."),
        (["--shares", "much"], "The shares are 'much', but must be two or three numbers such as 0.8,0.1,0.1."),
        (["--group", "site"], "--group is 'site', but "),
        (["--group", "batch"], "has no such field (it has plot): name one that all images have, or split --by batch."),
        (["--by", "group"], "--by group needs --group as well: name a field that all images have."),
        (["--by", "batch", "--group", "plot"], "--group goes with --by group only, not with --by batch."),
        (["--previous", "other.json"], "None of the images that --previous names (1) is in this dataset: it is the"),
        (["--previous", "annotations/batch 0/0.json"], "is no split of version 1: give a file that `split` wrote."),
    ],
)
def test_what_is_wrong_is_one_sentence(
    options: list[str], said: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text('{"version": 1, "seed": 0, "splits": {"train": ["elsewhere/1.jpg"]}}')
    run = cf_ai("dataset", "split", "annotations", "split.json", *options)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err
    assert not (tmp_path / "split.json").exists()


def test_it_writes_over_no_file_and_into_no_dataset(root: Path, tmp_path: Path, cf_ai: Command) -> None:
    first = cf_ai("dataset", "split", root, tmp_path / "split.json")
    again = cf_ai("dataset", "split", root, tmp_path / "split.json")
    over = cf_ai("dataset", "split", root, tmp_path / "split.json", "--overwrite")
    inside = cf_ai("dataset", "split", root, root / "split.json")
    assert [each.code for each in (first, again, over, inside)] == [0, 2, 0, 2]
    assert "is there already: choose another name, or --overwrite." in again.err
    assert "which lies in the dataset" in inside.err
    assert len(files_below(root)) == 40


def test_nothing_that_can_be_used(tmp_path: Path, cf_ai: Command) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.json").write_text(json.dumps(document())[:20])
    run = cf_ai("dataset", "split", tmp_path / "in", tmp_path / "split.json")
    assert run.code == 1
    assert "Left out: 1 document: not json" in run.out
    assert not (tmp_path / "split.json").exists()
