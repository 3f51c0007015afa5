from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import Dataset
from cf_ai_platform_client.datasets.splitting import Split
from cf_ai_platform_client.errors import DiskError

from . import hostile
from .hostile import category, document, image, thing

NAMES = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "annotations"


def write(root: Path, count: int, start: int = 0, batches: int = 3, **more: Any) -> Dataset:
    for number in range(start, start + count):
        path = root / f"batch {number % batches}" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = document(thing(), images=[image(1, f"{number}.jpg", plot=number // 4, **more)])
        path.write_text(json.dumps(content), encoding="utf-8")
    return datasets.open(root)


def keys(dataset: Dataset) -> list[str]:
    return [sample.key for sample in dataset.samples()]


def test_a_split_is_a_partition_with_the_same_categories(root: Path) -> None:
    dataset = write(root, 60)
    split = dataset.split(0.6, 0.2, 0.2)
    parts = {name: keys(part) for name, part in split.parts.items()}
    assert tuple(parts) == split.names == NAMES
    assert sorted(key for part in parts.values() for key in part) == sorted(keys(dataset))
    assert all(parts.values())
    assert parts == {"train": keys(split.train), "val": keys(split.val), "test": keys(split.test)}
    assert all(part.categories == dataset.categories for part in split.parts.values())
    assert split.shares == {name: len(part) / 60 for name, part in parts.items()}


def test_nothing_moves_when_items_are_added(root: Path) -> None:
    before = write(root, 40).split(stratify=False).by_image
    after = write(root, 40, start=40).split(stratify=False).by_image
    assert {key: after[key] for key in before} == before


def test_a_share_of_0_gives_no_split(root: Path) -> None:
    split = write(root, 20).split(0.8, 0.2, 0)
    assert split.names == ("train", "val")
    with pytest.raises(
        ValueError, match="There is no split 'test', since its share was 0: those that there are: train, val"
    ):
        split.test  # noqa: B018


def test_a_split_says_which_parts_it_has(root: Path) -> None:
    split = write(root, 20).split()
    assert list(split) == ["train", "val", "test"]
    assert "val" in split
    counts = " ".join(f"{name}={len(split[name].index())}" for name in split)
    assert repr(split) == f"<Split {counts} seed=0>"
    with pytest.raises(ValueError, match=r"^There is no split 'nope': those that there are: train, val, test\.$"):
        split["nope"]


def test_a_batch_is_never_cut(root: Path) -> None:
    split = write(root, 60, batches=7).split(0.4, 0.3, 0.3, by="batch")
    found = [{sample.batch for sample in part.samples()} for part in split.parts.values()]
    assert sum(map(len, found)) == len(set.union(*found)) == 7


@pytest.mark.parametrize("group", ["plot", lambda sample: sample.image.extra["plot"]], ids=["a field", "a function"])
def test_a_group_is_never_cut(root: Path, group: Any) -> None:
    split = write(root, 60).split(0.5, 0.3, 0.2, by="group", group=group)
    found = [{sample.image.extra["plot"] for sample in part.samples()} for part in split.parts.values()]
    assert sum(map(len, found)) == len(set.union(*found)) == 15


def test_the_table_counts_images_and_annotations_by_category(root: Path) -> None:
    root.mkdir()
    content = document(
        thing(1),
        thing(2),
        thing(3, category_id=2),
        categories=[category(), category(2, "car", "vehicle"), category(3, "x")],
    )
    (root / "a.json").write_text(json.dumps(content))
    whole, *rows = datasets.open(root).split(1, 0, 0).table
    assert (whole.category, whole.images, whole.annotations) == (None, {"train": 1}, {"train": 3})
    assert [(row.category, row.images["train"], row.annotations["train"]) for row in rows] == [
        (("plant", "tree"), 1, 2),
        (("vehicle", "car"), 1, 1),
        (("plant", "x"), 0, 0),
    ]


def test_the_hostile_collection_gets_every_category_that_has_enough_images_into_every_split(root: Path) -> None:
    hostile.build(root)
    split = datasets.open(root).split()
    for row in split.table:
        if sum(row.images.values()) >= 3 and row.category is not None:
            assert all(row.images.values()), row


def test_a_split_tells_once_what_was_left_out(root: Path, tmp_path: Path) -> None:
    cases = hostile.build(root)
    split = datasets.open(root).split()
    written = split.convert("coco", tmp_path / "out")
    for report in (split.report, written):
        assert report.documents.came_in == len(cases)
        assert report.annotations.came_in == sum(case.came_in for case in cases)
        assert all(tally.is_balanced for tally in (report.documents, report.images, report.annotations))
    assert written.images == split.report.images
    assert {name: written.changed[name] for name in split.report.changed} == split.report.changed


def test_an_empty_split_is_loaded_too(root: Path, tmp_path: Path) -> None:
    dataset = write(root, 1)
    dataset.split(0.8, 0.1, 0.1).save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json", dataset).names == NAMES


def test_a_split_is_saved_and_loaded(root: Path, tmp_path: Path) -> None:
    dataset = write(root, 30)
    split = dataset.split(seed=7)
    file = tmp_path / "split 樹.json"
    split.save(file)
    loaded = Split.load(file, dataset)
    assert (loaded.by_image, loaded.table, loaded.names, loaded.seed) == (split.by_image, split.table, split.names, 7)
    assert json.loads(file.read_bytes())["splits"]["train"] == sorted(keys(split.train))
    assert loaded.report == split.report
    with pytest.raises(ValueError, match="is there already"):
        split.save(file)
    split.save(file, overwrite=True)
    (tmp_path / "other.json").write_text(json.dumps(document(thing())), encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.json is not known to be of an earlier run: move or remove it"):
        split.save(tmp_path / "other.json", overwrite=True)
    with pytest.raises(ValueError, match="which lies in the dataset"):
        split.save(root / "split.json")


def test_a_saved_split_does_not_name_what_came_later(root: Path, tmp_path: Path) -> None:
    write(root, 10).split().save(tmp_path / "split.json")
    with pytest.raises(ValueError, match=r"does not say where batch 1/10/10.jpg and 1 more belong: split again, "):
        Split.load(tmp_path / "split.json", write(root, 2, start=10))


@pytest.mark.parametrize("how", ["a split", "a file", "a mapping"])
def test_what_is_known_stays_with_previous(root: Path, tmp_path: Path, how: str) -> None:
    first = write(root, 20).split(0.5, 0.5, 0, seed=1)
    first.save(tmp_path / "split.json")
    previous: Any = {"a split": first, "a file": tmp_path / "split.json", "a mapping": dict(first.by_image)}[how]
    after = write(root, 20, start=20).split(0.5, 0.5, 0, seed=2, previous=previous)
    assert {key: after.by_image[key] for key in first.by_image} == first.by_image
    assert len(after.by_image) == 40


def test_what_previous_kept_is_told(root: Path, tmp_path: Path) -> None:
    first = write(root, 20).split()
    assert first.report.warnings == []
    second = write(root, 10, start=20).split(previous=first)
    assert second.report.warnings == ["Kept in their split: 20 of 20 images that previous names."]
    (root / "batch 0" / "0.json").unlink()
    third = datasets.open(root).split(previous=second)
    told = "Kept in their split: 29 of 30 images that previous names; not in this dataset: 1."
    assert third.report.warnings == [told]
    assert third.convert("coco", tmp_path / "out").warnings[0] == told
    with pytest.raises(ValueError, match=r"^None of the images that previous names \(30\) is in this dataset: it is"):
        write(tmp_path / "other", 3, start=50).split(previous=second)
    assert datasets.open(root).split(previous={}).report.warnings == []


def test_previous_that_does_not_fit(root: Path) -> None:
    dataset = write(root, 20)
    split = dataset.split(0.5, 0.5, 0)
    with pytest.raises(ValueError, match="previous cuts 'batch 0' into train and val: split by what it was split by"):
        dataset.split(0.5, 0.5, 0, by="batch", previous=split)
    with pytest.raises(ValueError, match="previous has images in val, of which the share is 0 now"):
        dataset.split(1, 0, 0, previous=split)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1, "seed": 0, "splits": {"dev": []}}'], ids=repr
)
def test_files_that_are_no_split(root: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "split.json").write_bytes(content)
    with pytest.raises(ValueError, match="is no split of version 1: give a file that `split` wrote"):
        write(root, 1).split(previous=tmp_path / "split.json")
    with pytest.raises(DiskError, match="cannot be read"):
        write(root, 1).split(previous=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "item"}, "by is 'item', but must be one of: image, batch, group"),
        ({"by": "group"}, "by='group' needs group= as well: name a field that all images have"),
        ({"group": "plot"}, "group goes with by='group' only, not with by='image'"),
        (
            {"by": "group", "group": "site"},
            r"group is 'site', but 0\.jpg in batch 0/0\.json has no such field \(it has plot\): name one that all "
            r"images have\.$",
        ),
        ({"by": "group", "group": "batch"}, "name one that all images have, or split by='batch'"),
        ({"seed": 1.5}, "seed is 1.5, but must be a whole number"),
        ({"train": 2}, "train is 2, but must be a share"),
    ],
)
def test_arguments_that_are_wrong(root: Path, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(root, 1).split(**arguments)


def test_an_image_that_came_after_the_split_is_said(root: Path) -> None:
    split = write(root, 3).split()
    later = Split(write(root, 1, start=3), split.by_image, split.table, 0, split.report)
    with pytest.raises(ValueError, match=r"3/3\.jpg came after the split was made: split again"):
        list(later.train)


def test_a_merged_document_is_split_as_its_sources_are(root: Path, tmp_path: Path) -> None:
    dataset = write(root, 30)
    dataset.merge(tmp_path / "merged")
    assert datasets.open(tmp_path / "merged").split().by_image == dataset.split().by_image


def test_the_split_is_the_same_on_every_machine(root: Path, tmp_path: Path) -> None:
    write(root, 30)
    code = (
        "import sys; from cf_ai_platform_client import datasets; datasets.open(sys.argv[1]).split().save(sys.argv[2])"
    )
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, root, tmp_path / seed], check=True, env=environ)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)), max_size=12), st.sampled_from(["image", "batch"])
)
def test_every_split_is_a_partition(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str]], by: Any
) -> None:
    root = tmp_path_factory.mktemp("split")
    for number, (batch, name) in enumerate(found):
        (root / batch).mkdir(exist_ok=True)
        (root / batch / f"{number}.json").write_text(json.dumps(document(thing(), images=[image(1, name)])))
    dataset = datasets.open(root)
    parts = dataset.split(0.4, 0.3, 0.3, by=by).parts
    assert sorted(key for part in parts.values() for key in keys(part)) == sorted(keys(dataset))


def lose(path: Path) -> None:
    path.unlink()


def break_off(path: Path) -> None:
    path.write_bytes(b"{")


def lose_images(path: Path) -> None:
    path.write_text(json.dumps(document(images=[])), encoding="utf-8")


def lose_annotations(path: Path) -> None:
    path.write_text(json.dumps(document(images=[image(1, f"{path.stem}.jpg")])), encoding="utf-8")


@pytest.mark.parametrize("change", [lose, break_off, lose_images, lose_annotations])
@pytest.mark.parametrize("format", ["coco", "yolo", "csv"])
def test_what_was_split_and_is_gone_is_an_error(
    root: Path, tmp_path: Path, format: str, change: Callable[[Path], None]
) -> None:
    split = write(root, 5).split(0.5, 0.5, 0)
    change(root / "batch 2" / "2.json")
    with pytest.raises(DiskError, match="was changed after"):
        split.convert(format, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_part_of_which_a_document_is_gone_is_not_taken_for_whole(root: Path) -> None:
    split = write(root, 5).split(0.5, 0.5, 0)
    (root / "batch 2" / "2.json").unlink()
    for part in split.parts.values():
        for view in (part, part.filter(categories=["tree"])):
            with pytest.raises(DiskError, match=r"batch 2/2\.json was changed after the dataset was opened"):
                list(view.samples())


def test_documents_that_were_broken_before_are_told_once(root: Path, tmp_path: Path) -> None:
    (root / "batch 1").mkdir(parents=True)
    (root / "batch 1" / "broken.json").write_bytes(b"{")
    split = write(root, 5).split(0.5, 0.5, 0)
    report = split.convert("coco", tmp_path / "out")
    assert report.documents.left_out.total() == 1
    assert report.images.went_out == 5


def test_an_image_that_is_in_two_splits_is_refused(root: Path, tmp_path: Path) -> None:
    dataset = write(root, 3)
    train, val = ["0/0.jpg", "0/0.jpg", "1/1.jpg"], ["2/2.jpg", "1/1.jpg"]
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"version": 1, "seed": 0, "splits": {"train": train, "val": val}}), encoding="utf-8")
    for read in (lambda: Split.load(path, dataset), lambda: dataset.split(previous=path)):
        with pytest.raises(ValueError, match=r"split\.json has 1/1\.jpg in train and in val: leave it in one of them"):
            read()
