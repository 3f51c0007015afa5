from __future__ import annotations

import os
from pathlib import Path
from types import GeneratorType

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.records import Image, Sample
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import DiskError

from ..adapters.disks import as_nobody
from . import hostile
from .folders import two_batches, write
from .hostile import image, thing


def test_items_come_in_the_order_of_the_documents_with_what_is_theirs(tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    assert [(item.work_item_id, item.batch, item.document) for item in dataset] == [
        ("a", "North", "North/a.json"),
        ("b", "North", "North/b.json"),
        ("c", "South", "South/c.json"),
    ]
    assert [sample.key for sample in dataset.samples()] == [
        "North/a/a.jpg",
        "North/b/b.jpg",
        "South/c/c.jpg",
        "South/c/d.jpg",
    ]
    assert [[each.id for each in sample.annotations] for sample in dataset.samples()] == [[1, 2], [], [1], [2]]
    assert [found.file_name for found in dataset.images()] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [each.category.name for each in dataset.annotations()] == ["tree", "tree", "car", "car"]
    assert len(dataset) == 3


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    write(tmp_path / "North" / "b.json", thing(), thing(2))
    assert isinstance(dataset.items(), GeneratorType)
    assert sum(1 for _ in dataset.annotations()) == 6


def test_unknown_fields_are_kept(tmp_path: Path) -> None:
    more = {"attributes": {"höhe": [1, None]}}
    write(tmp_path / "a.json", thing(**more), images=[image(captured_by="drone")], info={"year": 2026})
    (item,) = datasets.open(tmp_path)
    assert item.samples[0].image.extra == {"captured_by": "drone"}
    assert item.samples[0].annotations[0].extra == more
    assert item.info == {"year": 2026}


def test_images_of_a_merged_document_are_of_their_work_items(tmp_path: Path) -> None:
    images = [
        image(1, "a.jpg", work_item_id="x", batch="North"),
        image(2, "b.jpg", work_item_id="y", batch="South"),
        image(3, "c.jpg", work_item_id="x", batch="North", original_file_name="c%20.jpg"),
    ]
    write(tmp_path / "merged.json", thing(1, image_id=3), images=images)
    dataset = datasets.open(tmp_path)
    items = list(dataset)
    assert [(item.work_item_id, item.batch, len(item.samples)) for item in items] == [
        ("x", "North", 2),
        ("y", "South", 1),
    ]
    assert [sample.key for sample in dataset.samples()] == ["x/a.jpg", "x/c%20.jpg", "y/b.jpg"]
    assert len(dataset) == 2
    assert [(batch.name, batch.items) for batch in dataset.batches()] == [("North", 1), ("South", 1)]


def test_keys_tell_images_of_all_documents_apart(tmp_path: Path) -> None:
    again = [image(1, "a.jpg"), image(2, "a.jpg"), image(3, "a.jpg#2")]
    write(tmp_path / "North" / "x.json", images=again)
    write(tmp_path / "South" / "x.json", images=[image(1, "a.jpg")])
    write(tmp_path / "y.json", images=again[:2])
    assert [sample.key for sample in datasets.open(tmp_path).samples()] == [
        "North/x/a.jpg",
        "North/x/a.jpg#2",
        "North/x/a.jpg#2#2",
        "South/x/a.jpg",
        "y/a.jpg",
        "y/a.jpg#2",
    ]


def test_an_item_id_with_a_slash_is_told_from_a_folder(tmp_path: Path) -> None:
    images = [image(1, "b/c.jpg", work_item_id="a"), image(2, "c.jpg", work_item_id="a/b")]
    write(tmp_path / "x.json", images=images)
    assert [sample.key for sample in datasets.open(tmp_path).samples()] == ["a/b/c.jpg", "a%2Fb/c.jpg"]


def test_a_key_is_the_item_and_the_name_where_nobody_said_otherwise() -> None:
    assert Sample("x", "", "x.json", Image(1, "a.jpg")).key == "x/a.jpg"
    assert Sample("x", "", "x.json", Image(1, "b.jpg", extra={"original_file_name": "a.jpg"})).key == "x/a.jpg"


def test_the_report_of_a_pass_tells_what_came_in_and_was_left_out_and_why(tmp_path: Path) -> None:
    cases = hostile.build(tmp_path)
    dataset, report = datasets.open(tmp_path), Report()
    samples = list(dataset.samples(report))
    assert report.documents.came_in == len(cases)
    assert report.documents.left_out == {"not json": 5, "not coco": 2}
    assert report.images.came_in == len(samples) + report.images.left_out.total() == sum(c.images_in for c in cases)
    annotations = sum(len(sample.annotations) for sample in samples)
    assert annotations == sum(case.out for case in cases)
    assert report.annotations.came_in == annotations + report.annotations.left_out.total()
    assert report.annotations.came_in == sum(case.came_in for case in cases)
    assert report.annotations.left_out["unknown image id"] == 3
    assert report.changed["missing area"] >= 2


def test_what_is_counted_is_what_is_read(tmp_path: Path) -> None:
    hostile.build(tmp_path)
    dataset = datasets.open(tmp_path)
    counts, keys = dataset.counts(), {sample.key for sample in dataset.samples()}
    assert len(dataset) == counts.items == sum(1 for _ in dataset)
    assert len(keys) == counts.images == sum(1 for _ in dataset.images())
    assert counts.annotations == sum(1 for _ in dataset.annotations())
    assert counts.images_without_annotations == sum(not sample.annotations for sample in dataset.samples())
    for each in counts.categories:
        of_it = [[a for a in sample.annotations if a.category.id == each.id] for sample in dataset.samples()]
        assert (each.annotations, each.images) == (sum(map(len, of_it)), sum(map(bool, of_it)))


def test_a_document_that_has_other_categories_now_is_a_disk_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", thing())
    dataset = datasets.open(tmp_path)
    assert len(dataset) == 1
    write(path, thing(), categories=[hostile.category(1, "other")])
    with pytest.raises(DiskError, match=r"a\.json was changed after the dataset was opened\. Open it again\.$"):
        list(dataset)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions of POSIX")
def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path / "a.json", thing()).chmod(0)
    dataset, report = datasets.open(tmp_path), Report()
    with as_nobody():
        assert list(dataset.items(report)) == []
    assert report.documents.left_out == {"not readable": 1}


def test_a_file_that_went_meanwhile_is_left_out_and_told(tmp_path: Path) -> None:
    dataset, report = datasets.open(two_batches(tmp_path)), Report()
    (tmp_path / "North" / "a.json").unlink()
    assert len(list(dataset.items(report))) == 2
    assert report.documents.left_out == {"missing on disk": 1}


def test_a_document_of_more_than_a_megabyte_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path / "a.json", *(thing(number) for number in range(1, 10_000)))
    assert datasets.open(tmp_path).counts().annotations == 9_999
