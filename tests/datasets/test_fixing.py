from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.core.naming import name_key
from cf_ai_platform_client.datasets.fixing import CHANGES, fix

from . import hostile
from .hostile import document, image, rle, thing


@pytest.fixture
def source(tmp_path: Path) -> Path:
    hostile.build(tmp_path / "source")
    return tmp_path / "source"


def test_a_fixed_folder_has_nothing_left_to_fix(source: Path, tmp_path: Path) -> None:
    fix(datasets.open(source), tmp_path / "fixed")
    fixed = datasets.open(tmp_path / "fixed")
    assert [finding for finding in fixed.validate() if finding.fix] == []
    again = fix(fixed, tmp_path / "again")
    assert (again.documents_changed, list(again)) == (0, [])
    for case in hostile.CASES.values():
        assert (tmp_path / "again" / case.document).read_bytes() == (tmp_path / "fixed" / case.document).read_bytes()


def test_what_needs_no_fix_is_copied_byte_by_byte(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    report = fix(datasets.open(source), tmp_path / "fixed")
    for case in hostile.CASES.values():
        is_same = (tmp_path / "fixed" / case.document).read_bytes() == case.content
        assert is_same is not case.fixable, case.name
    assert report.documents_changed == sum(case.fixable for case in hostile.CASES.values())


def test_nothing_is_left_out_by_a_fix(source: Path, tmp_path: Path) -> None:
    before = datasets.open(source).validate().report
    fix(datasets.open(source), tmp_path / "fixed")
    after = datasets.open(tmp_path / "fixed").validate().report
    assert after.annotations == before.annotations
    assert after.images.went_out == before.images.went_out


def test_each_change_is_listed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    odd = document(thing(0, area=...), thing(1, rle(), iscrowd=True), images=[image(width="64")])
    (tmp_path / "in" / "plot.json").write_text(json.dumps(odd), encoding="utf-8")
    report = fix(datasets.open(tmp_path / "in"), tmp_path / "out")
    assert [(each.code, each.path, each.before, each.after) for each in report] == [
        ("number_type", "$.images[0].width", "'64'", "64"),
        ("zero_annotation_id", "$.annotations[0].id", "0", "2"),
        ("missing_area", "$.annotations[0].area", "missing", "100.0"),
        ("bad_iscrowd", "$.annotations[1].iscrowd", "True", "1"),
    ]
    assert report.fixed == {each.code: 1 for each in report}
    assert report.left == {"crowd_single_object": 1}
    assert [Path(file).name for file in report.files] == [CHANGES, "plot.json"]


def test_ids_that_are_text_get_numbers_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    odd = document(thing("x", image_id="b"), thing(4, image_id=1), images=[image("b", "b.jpg"), image(2, "c.jpg")])
    (tmp_path / "in" / "plot.json").write_text(json.dumps(odd), encoding="utf-8")
    report = fix(datasets.open(tmp_path / "in"), tmp_path / "out")
    fixed = json.loads((tmp_path / "out" / "plot.json").read_bytes())
    assert [(each["id"], each.get("source_id")) for each in fixed["images"]] == [(3, "b"), (2, None)]
    assert [(each["id"], each["image_id"]) for each in fixed["annotations"]] == [(5, 3), (4, 1)]
    assert report.left == {"unknown_image_id": 1}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_fixed_file_is_one_that_pycocotools_takes(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    gaps = ["missing area or iscrowd", "flat list polygon", "empty segmentation", "bytes counts", "list counts"]
    hostile.build(tmp_path / "in", [*gaps, "polygon of 4 numbers", "string image ids", "two category ids of one name"])
    fix(datasets.open(tmp_path / "in"), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.json"):
        read = coco.COCO(path)
        for annotation in read.loadAnns(read.getAnnIds()):
            assert annotation["image_id"] in read.imgs
            if "segmentation" in annotation:
                assert read.annToMask(annotation).sum() == pytest.approx(annotation["area"], rel=0.1)


def test_a_size_is_taken_from_the_image(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    hostile.build(tmp_path / "in", ["null width and height"])
    fix(datasets.open(tmp_path / "in"), tmp_path / "out")
    fixed = json.loads((tmp_path / "out" / "North" / "null width and height.json").read_bytes())
    assert (fixed["images"][0]["width"], fixed["images"][0]["height"]) == (hostile.WIDTH, hostile.HEIGHT)


def test_a_size_that_exif_makes_doubtful_is_not_guessed(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(json.dumps(document(images=[image(width=None)])), encoding="utf-8")
    hostile.write_image(tmp_path / "in" / "plot.jpg", 64, 48, 6)
    report = fix(datasets.open(tmp_path / "in"), tmp_path / "out")
    assert (report.fixed, report.left) == ({}, {"missing_size": 1})


@pytest.mark.parametrize("out", ["source", "source/fixed", "."])
def test_it_does_not_write_into_what_it_reads(source: Path, tmp_path: Path, out: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="out is"):
        fix(datasets.open(source), tmp_path / out)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_not_empty_is_refused_unless_told(source: Path, tmp_path: Path) -> None:
    fix(datasets.open(source), tmp_path / "out")
    with pytest.raises(ValueError, match="is not empty"):
        fix(datasets.open(source), tmp_path / "out")
    fix(datasets.open(source), tmp_path / "out", overwrite=True)


def test_what_is_left_is_all_that_validation_finds_and_no_fix_mends(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    dataset = datasets.open(source)
    validation = dataset.validate()
    found = [(each.code, each.fix is not None) for each in validation]
    report = dataset.fix(tmp_path / "out")
    assert report.left == Counter(code for code, is_mended in found if not is_mended)
    assert report.fixed == Counter(code for code, is_mended in found if is_mended)
    assert {"area_differs", "box_differs", "image_size_differs", "crowd_single_object"} <= set(report.left)


def test_images_keep_their_places_and_what_is_wrong_with_them(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    dataset = datasets.open(source)
    report = dataset.fix(tmp_path / "out", images="copy")
    fixed = datasets.open(tmp_path / "out")
    assert {each.key: _below(tmp_path / "out", each) for each in fixed.samples()} == {
        each.key: _below(source, each) for each in dataset.samples()
    }
    assert fixed.validate().counts.keys() == report.left.keys()
    assert len([warning for warning in report.warnings if "not on the disk" in warning]) == 1


def _below(root: Path, sample: datasets.Sample) -> Path | None:
    return None if sample.path is None else Path(sample.path).relative_to(root)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_images_are_linked_to_and_it_is_told_who_takes_them_for_missing(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    dataset = datasets.open(source)
    report = dataset.fix(tmp_path / "out", images="link")
    (path,) = {sample.path for sample in dataset.samples() if sample.path and "null width" in sample.path}
    assert (tmp_path / "out" / Path(path).relative_to(source)).readlink() == Path(path)
    for found in (
        report,
        dataset.merge(tmp_path / "merged", images="link"),
        dataset.convert("coco", tmp_path / "coco", images="link"),
    ):
        assert len([warning for warning in found.warnings if "Images are links" in warning]) == 1


def test_images_that_stay_behind_are_told(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    report = datasets.open(source).fix(tmp_path / "out")
    assert report.warnings == [f"Images stayed behind in {source}: images='copy' or images='link' brings them along."]
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_an_image_of_an_entry_that_reading_leaves_out_comes_along(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "in").mkdir()
    odd = document(images=[image(1, "a.jpg"), image(None, "b.jpg"), image(1, "a.jpg")])
    (tmp_path / "in" / "plot.json").write_text(json.dumps(odd), encoding="utf-8")
    for name in ("a.jpg", "b.jpg"):
        hostile.write_image(tmp_path / "in" / name, 64, 48)
    report = datasets.open(tmp_path / "in").fix(tmp_path / "out", images="copy")
    assert report.warnings == []
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == ["a.jpg", "b.jpg"]


def test_an_image_that_two_documents_list_is_copied_once(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.json").write_text(json.dumps(document(thing())), encoding="utf-8")
    hostile.write_image(tmp_path / "in" / "plot.jpg", 64, 48)
    report = datasets.open(tmp_path / "in").fix(tmp_path / "out", images="copy")
    assert report.left["image_in_other_document"] == 1
    assert (tmp_path / "out" / "plot.jpg").read_bytes() == (tmp_path / "in" / "plot.jpg").read_bytes()


def test_what_may_become_of_images_is_checked(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="images is 'move', but must be one of: copy, link, none"):
        datasets.open(source).fix(tmp_path / "out", images="move")  # type: ignore[arg-type]


@pytest.mark.parametrize("overwrite", [True, False])
def test_documents_whose_cleaned_names_meet_are_all_written(tmp_path: Path, overwrite: bool) -> None:
    names = ["a:b.json", "a_b.json", "a?b.json", "c:d.json", "c_d.json/e.json", "E\u0301.json", "\u00e9.json"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(json.dumps(document(info={"name": name})), encoding="utf-8")
    report = fix(datasets.open(tmp_path / "in"), tmp_path / "out", overwrite=overwrite)
    files = [path for path in (tmp_path / "out").rglob("*.json") if path.is_file()]
    written = {path: json.loads(path.read_bytes())["info"]["name"] for path in files}
    assert sorted(written.values()) == sorted(names)
    assert written[tmp_path / "out/a_b.json"] == "a_b.json"
    assert len({name_key(str(path)) for path in written}) == len(names)
    assert sum("is written as" in warning for warning in report.warnings) == 5
