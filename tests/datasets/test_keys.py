from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.documents import Document
from cf_ai_platform_client.datasets.keys import Keys
from cf_ai_platform_client.datasets.records import Image

from . import hostile
from .folders import two_batches, write
from .hostile import image, thing
from .sample import lay_sample

UUID = "0cd2f2ea-7304-52c4-9894-72007dc3ce6c"
SAID = {"work_item_id": "w"}


def keys_in(root: Path) -> list[str]:
    return [sample.key for sample in datasets.open(root).samples()]


@pytest.mark.parametrize(
    ("document", "extra", "key"),
    [
        (Document("a/b.json"), {}, "a/b/1.jpg"),
        (Document("a/b.JSON"), {}, "a/b.JSON/1.jpg"),
        (Document("one.coco"), {}, "one.coco/1.jpg"),
        (Document(f"a/{UUID}.json"), {}, f"{UUID}/1.jpg"),
        (Document(f"a/{UUID}.json", work_item_id=UUID, project_id="p"), {}, f"{UUID}/1.jpg"),
        (Document("a/b.json", work_item_id="x/y", project_id="p"), {}, "p/x%2Fy/1.jpg"),
        (Document("a/b.json", work_item_id="x", project_id="p"), SAID, "p/x/1.jpg"),
        (Document("all.json"), SAID, "w/1.jpg"),
        (Document("all.json"), {"work_item_id": "x/y"}, "x%2Fy/1.jpg"),
        (Document("all.json"), {"work_item_id": 7}, "all/1.jpg"),
        (Document("all.json"), {"original_file_name": "1%20.jpg"}, "all/1%20.jpg"),
        (Document("all.json"), {**SAID, "sample_key": "k"}, "k"),
        (Document("a.json", work_item_id="x", project_id="p"), {"sample_key": "k"}, "p/x/1.jpg"),
        (Document("all.json"), {"sample_key": 7}, "all/1.jpg"),
        (Document("all.json"), {"sample_key": ""}, "all/1.jpg"),
    ],
)
def test_a_key_is_said_or_made_of_the_work_item_or_the_document(
    document: Document, extra: dict[str, object], key: str
) -> None:
    assert Keys(document).of(Image(1, "1.jpg", extra=extra)) == key


def test_equal_names_of_a_document_are_told_apart_and_equal_keys_are_not() -> None:
    keys = Keys(Document("x.json"))
    assert [keys.of(Image(1, name)) for name in ("a", "a", "a#2", "a")] == ["x/a", "x/a#2", "x/a#2#2", "x/a#3"]
    assert [keys.of(Image(1, "b", extra={"sample_key": "k"})) for _ in range(2)] == ["k", "k"]


def test_another_document_of_the_name_changes_no_key(tmp_path: Path) -> None:
    write(tmp_path / "A" / "annotations.json", images=[image(number, f"{number}.jpg") for number in range(30)])
    before = datasets.open(tmp_path)
    first = before.split()
    first.save(tmp_path.parent / "split.json")
    write(tmp_path / "B" / "annotations.json", images=[image(1, "1.jpg")])
    after = datasets.open(tmp_path).split(stratify=False)
    assert {key: after.by_image[key] for key in first.by_image} == before.split(stratify=False).by_image
    assert len(after.by_image) == 31


@pytest.mark.parametrize("which", ["sample", "hostile", "two batches"])
@pytest.mark.parametrize("how", ["merged", "converted", "split", "merged and converted"])
def test_what_was_written_has_the_keys_of_its_source(tmp_path: Path, which: str, how: str) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    {"sample": lay_sample, "hostile": hostile.build, "two batches": two_batches}[which](root)
    dataset = datasets.open(root)
    if how == "merged":
        dataset.merge(out)
    elif how == "split":
        dataset.split(0.5, 0.3, 0.2).convert("coco", out)
    elif how == "converted":
        dataset.convert("coco", out)
    else:
        dataset.merge(tmp_path / "merged")
        datasets.open(tmp_path / "merged").convert("coco", out)
    assert sorted(keys_in(out)) == sorted(sample.key for sample in dataset.samples())


def test_copies_of_a_work_item_have_one_key_and_are_in_one_split(tmp_path: Path) -> None:
    for number in range(20):
        name = f"{number:08}{UUID[8:]}"
        write(tmp_path / "North" / f"{name}.json", thing(), images=[image(1, "a.jpg"), image(2, "a.jpg")])
    write(tmp_path / "other.json", images=[image(1, "b.jpg")])
    before = datasets.open(tmp_path).split()
    shutil.copytree(tmp_path / "North", tmp_path / "old" / "North")
    dataset = datasets.open(tmp_path)
    split = dataset.split()
    assert split.by_image == before.by_image
    assert {name: len(part.index()) for name, part in split.parts.items()} == split.table[0].images
    assert sum(split.table[0].images.values()) == 81
    split.save(tmp_path.parent / "copies.json")
    assert datasets.Split.load(tmp_path.parent / "copies.json", dataset).table == split.table
    again = dataset.split(seed=3, previous=tmp_path.parent / "copies.json")
    assert again.by_image == split.by_image
    assert again.report.warnings == ["Kept in their split: 41 of 41 images that previous names."]
    dataset.merge(tmp_path.parent / "merged")
    assert datasets.open(tmp_path.parent / "merged").split().table == split.table


def test_batches_that_hold_copies_are_one(tmp_path: Path) -> None:
    for batch in range(30):
        write(tmp_path / f"{batch:02}" / f"{batch:08}{UUID[8:]}.json", thing(), images=[image(1, "a.jpg")])
    for batch in (7, 9, 12):
        shutil.copytree(tmp_path / f"{batch:02}", tmp_path / "x" / f"{batch:02}")
    shutil.copytree(tmp_path / "09", tmp_path / "12", dirs_exist_ok=True)
    split = datasets.open(tmp_path).split(0.4, 0.3, 0.3, by="batch")
    found = {name: {sample.batch for sample in part.samples()} for name, part in split.parts.items()}
    assert sum(map(len, found.values())) == len(set.union(*found.values())) == 33
    assert any({"09", "12", "x/09", "x/12"} <= batches for batches in found.values())
    assert {name: len(part.index()) for name, part in split.parts.items()} == split.table[0].images
    assert sum(row.annotations["train"] for row in split.table[1:]) == split.table[0].annotations["train"]
