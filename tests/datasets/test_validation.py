from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.finding_codes import CODES
from cf_ai_platform_client.datasets.findings import Finding

from . import hostile
from .hostile import category, document, image, rle, thing

ALIKE = {"same_object_twice", "file_name_elsewhere"}
"""The cases share their one object and some names, which validation tells as well."""

NEEDS_PILLOW = {"EXIF, the raw size", "EXIF, the oriented size", "size is not the image's"}


def write(folder: Path, **documents: object) -> datasets.Dataset:
    for name, content in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return datasets.open(folder)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    folder = tmp_path_factory.mktemp("hostile")
    hostile.build(folder)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in datasets.open(folder).validate():
        found[finding.document].append(finding)
    return found


@pytest.mark.parametrize("case", hostile.CASES.values(), ids=list(hostile.CASES))
def test_each_case_has_its_findings(case: hostile.Case, findings: dict[str, list[Finding]]) -> None:
    if case.name in NEEDS_PILLOW:
        pytest.importorskip("PIL")
    assert {finding.code for finding in findings[case.document]} - ALIKE == case.codes


def test_each_finding_has_the_severity_of_its_code(findings: dict[str, list[Finding]]) -> None:
    for finding in (each for found in findings.values() for each in found):
        assert finding.severity == CODES[finding.code].severity
        assert finding.fix in (None, CODES[finding.code].fix)
        assert finding.path.startswith("$")
        assert finding.message[-1] in ".?"


def test_counts_are_those_of_a_pass(tmp_path: Path) -> None:
    hostile.build(tmp_path)
    validation = datasets.open(tmp_path).validate()
    listed = list(validation)
    assert validation.counts.total() == validation.severities.total() == len(listed)
    assert list(validation) == listed
    report = validation.report
    cases = hostile.CASES.values()
    assert report.documents.came_in == len(cases)
    assert report.annotations.came_in == sum(case.came_in for case in cases)
    assert report.annotations.went_out == sum(case.out for case in cases)
    assert all(tally.is_balanced for tally in (report.documents, report.images, report.annotations))


def test_clean_data_has_no_finding(tmp_path: Path) -> None:
    validation = write(tmp_path, plot=document(thing())).validate(images=False)
    assert list(validation) == []
    assert not validation.has_errors


def test_documents_of_one_work_item_are_told(tmp_path: Path) -> None:
    one = document(thing(), images=[image(1, "a.jpg", work_item_id="d9ac")])
    two = document(thing(), images=[image(1, "b.jpg", work_item_id="d9ac")])
    found = list(write(tmp_path, a=one, b=two).validate())
    assert [(each.code, each.document) for each in found] == [("duplicate_item_id", "b.json")]


def test_names_that_meet_in_other_documents_are_told(tmp_path: Path) -> None:
    one, two = document(images=[image(1, "Plot.jpg")]), document(images=[image(1, "plot.PNG")])
    found = list(write(tmp_path, a=one, b=two, c=one).validate())
    assert [(each.code, each.document) for each in found] == [
        ("file_name_elsewhere", name) for name in ("b.json", "c.json")
    ]
    assert [each.message for each in found] == [
        "An image of another document has a name that differs from 'plot.PNG' by case or extension alone.",
        "An image of another document is named 'Plot.jpg' too.",
    ]


def coco_folder(root: Path) -> datasets.Dataset:
    """Write the instances and the captions of two images, as COCO does."""
    pytest.importorskip("PIL")
    images = [image(1, "a.jpg"), image(2, "b.jpg")]
    for name in ("a.jpg", "b.jpg"):
        hostile.write_image(root / "val2017" / name, 64, 48)
    (root / "annotations").mkdir()
    caption = {"id": 1, "image_id": 1, "caption": "A tree."}
    for name, content in (
        ("instances", document(thing(), images=images)),
        ("captions", {"images": images, "annotations": [caption]}),
    ):
        (root / f"annotations/{name}_val2017.json").write_text(json.dumps(content), encoding="utf-8")
    return datasets.open(root)


def test_images_of_several_documents_are_told_once_a_document(tmp_path: Path) -> None:
    found = [each for each in coco_folder(tmp_path).validate() if each.code == "image_in_other_document"]
    assert [(each.document, each.path, each.message) for each in found] == [
        (
            "annotations/instances_val2017.json",
            "$.images",
            "2 of its images are files that annotations/captions_val2017.json lists too: they count once for each "
            "document.",
        )
    ]


def test_images_of_several_documents_are_told_in_every_report(tmp_path: Path) -> None:
    told = (
        "2 images are of files that another document lists too, such as those of annotations/captions_val2017.json and "
        "annotations/instances_val2017.json: they count once for each. Open one of these files in place of the folder."
    )
    dataset = coco_folder(tmp_path / "in")
    reports = [
        dataset.stats().report,
        dataset.merge(tmp_path / "merged"),
        dataset.split(0.5, 0.5, 0).convert("csv", tmp_path / "out"),
    ]
    assert [report.warnings.count(told) for report in reports] == [1, 1, 1]
    alone = datasets.open(tmp_path / "in/annotations/instances_val2017.json").stats()
    assert (alone.images, alone.images_on_disk) == (2, 2)


def test_categories_that_contradict_are_told(tmp_path: Path) -> None:
    one = document(images=[], categories=[category(1, keypoints=["nose"]), category(2, "car")])
    two = document(images=[], categories=[category(8, keypoints=["tail"]), category(9, "car", "vehicle")])
    found = list(write(tmp_path, a=one, b=two).validate())
    assert [(each.code, each.path) for each in found] == [
        ("category_conflict", "$.categories[0]"),
        ("same_name_other_supercategory", "$.categories[1]"),
    ]


def test_without_images_nothing_is_said_of_them(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    hostile.build(tmp_path, NEEDS_PILLOW)
    validation = datasets.open(tmp_path).validate(images=False)
    assert set(validation.counts) <= ALIKE
    assert validation.report.warnings == []


def test_boxes_are_judged_by_the_image_where_the_document_has_no_size(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    sizeless = document(thing(1, ..., bbox=[60, 40, 10, 10]), images=[image(width=None, height=None)])
    hostile.write_image(tmp_path / "plot.jpg", 64, 48)
    found = list(write(tmp_path, a=sizeless).validate())
    assert [(each.code, each.fix is not None) for each in found] == [
        ("missing_size", True),
        ("missing_size", True),
        ("box_partly_outside", False),
    ]


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_an_image_that_is_broken_is_told(tmp_path: Path, damage: bytes | None) -> None:
    pytest.importorskip("PIL")
    hostile.write_image(tmp_path / "plot.jpg", 64, 48)
    whole = (tmp_path / "plot.jpg").read_bytes()
    (tmp_path / "plot.jpg").write_bytes(whole[:-20] if damage is None else damage)
    found = list(write(tmp_path, a=document(thing())).validate())
    assert [each.code for each in found] == ["image_unreadable"]
    assert "cut short" in found[0].message or "no image" in found[0].message


def test_images_that_are_not_there_are_counted(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    validation = write(tmp_path, a=document(thing())).validate()
    assert validation.report.warnings == ["1 image is not on the disk: sizes were not compared."]


@pytest.mark.parametrize(
    ("orientation", "size", "code"),
    [
        (1, (64, 48), None),
        (3, (64, 48), "exif_turned"),
        (6, (64, 48), "exif_raw_size"),
        (8, (48, 64), "exif_oriented_size"),
        (1, (48, 64), "image_size_differs"),
        (6, (32, 32), "image_size_differs"),
    ],
)
def test_a_size_is_said_to_be_raw_or_oriented(
    tmp_path: Path, orientation: int, size: tuple[int, int], code: str | None
) -> None:
    pytest.importorskip("PIL")
    hostile.write_image(tmp_path / "plot.jpg", *size, orientation)
    found = [each.code for each in write(tmp_path, a=document(thing())).validate()]
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (document(info=[1]), "bad_info"),
        (document(licenses=[1]), "bad_info"),
        (document(images=[image(width=0)]), "bad_size"),
        (document(images=[image(height=48.5)]), "bad_size"),
        (document(categories=[category(supercategory=5)]), "bad_category"),
        (document(categories=[category(keypoints=["nose", 1])]), "bad_category"),
        (document(categories=[category(skeleton=[[1]])]), "bad_category"),
        (document(categories=[category(0)]), "zero_category_id"),
        (document(thing(1, rle(counts=[64 * 48]))), "empty_mask"),
        (document(thing(keypoints=[1, 2, 2], num_keypoints=1)), "keypoints_without_names"),
        (document(thing(1, [[6, 8, 16, 18, 6, 8]])), "polygon_without_area"),
        (document(thing(1, [[6, 8, 80, 8, 16, 18]])), "polygon_outside"),
        (document(thing(), thing(2)), "same_object_twice"),
        (document(thing(), categories=[category(), category(1, "car")]), "ambiguous_category_id"),
    ],
)
def test_what_the_collection_has_not(tmp_path: Path, content: object, code: str) -> None:
    assert code in write(tmp_path, plot=content).validate(images=False).counts


def test_two_objects_that_are_alike_only_are_not_told(tmp_path: Path) -> None:
    two = document(thing(), thing(2, rle()), thing(3, attributes={"dbh": 3}))
    assert list(write(tmp_path, plot=two).validate(images=False)) == []


def test_a_file_that_goes_away_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    dataset = write(folder, a=document(thing(0)), b=document())
    found = iter(dataset.validate(images=False))
    first = next(found)
    (folder / "b.json").unlink()
    assert [first.code, *(each.code for each in found)] == ["zero_annotation_id", "unreadable_file"]


def test_without_pillow_a_sentence_says_that_images_were_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write(tmp_path, plot=document(thing()))
    for module in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, module, None)
    assert dataset.validate().report.warnings == [
        "Images were not looked at, since Pillow is not installed: pip install 'cf-ai-platform-client[images]'."
    ]
    with pytest.raises(datasets.MissingExtra, match=r"pip install 'cf-ai-platform-client\[images\]'"):
        dataset.validate(images=True)


def test_a_filtered_view_is_refused(tmp_path: Path) -> None:
    view = write(tmp_path, plot=document(thing())).filter(min_area=5)
    with pytest.raises(ValueError, match="use the dataset itself"):
        view.validate()


def test_a_mask_of_any_size_is_judged_by_its_runs(tmp_path: Path) -> None:
    huge = {"size": [10**9, 10**9], "counts": [0, 10**18]}
    wide = {"size": [1, 30_000_000], "counts": [0, 30_000_000]}
    dataset = write(tmp_path, a=document(thing(1, huge, iscrowd=1), thing(2, wide, iscrowd=1)))
    assert dataset.validate(images=False).counts["crowd_single_object"] == 2


def test_sizes_of_several_images_are_filled_each_by_its_own(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for number in (1, 2, 3):
        hostile.write_image(tmp_path / f"{number}.jpg", 10 * number, 20)
    images = [image(number, f"{number}.jpg", width=None) for number in (1, 2, 3)]
    things = [thing(number, ..., image_id=number, bbox=[0, 0, 20, 20]) for number in (1, 2, 3)]
    found = list(write(tmp_path, a=document(*things, images=images)).validate())
    assert [each.path for each in found if each.code == "box_partly_outside"] == ["$.annotations[0].bbox"]
    assert [each.path for each in found if each.code == "missing_size" and each.fix] == [
        f"$.images[{at}].width" for at in range(3)
    ]
