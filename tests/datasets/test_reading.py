from __future__ import annotations

import json
from typing import Any

import pytest

from cf_ai_platform_client.datasets.reading import Reading, read_document
from cf_ai_platform_client.datasets.records import Rle

from .hostile import BOX, CASES, HEIGHT, SQUARE, WIDTH, Case, category, document, drawing, image, rle, runs, thing

LATER = {
    "area_differs",
    "box_differs",
    "box_of_corners",
    "c_order_mask",
    "crowd_single_object",
    "exif_oriented_size",
    "exif_raw_size",
    "image_size_differs",
    "polygon_in_polygon",
}
"""What only a validation tells: reading is not for suspicions, and opens no image."""


def read(content: Any) -> Reading:
    return read_document(json.dumps(content).encode(), "North/plot.json", thorough=True)


def codes(found: Reading) -> set[str]:
    return {finding.code for finding in found.findings}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_each_case_is_told_and_counted(case: Case) -> None:
    found = read_document(case.content, case.document, thorough=True)
    assert codes(found) == case.codes - LATER
    assert (found.annotations_in, len(found.annotations)) == (case.came_in, case.out)
    assert (found.images_in, len(found.images)) == (case.images_in, case.images_out)
    assert found.annotations_left_out.total() == case.came_in - case.out
    assert found.images_left_out.total() == case.images_in - case.images_out
    assert {finding.document for finding in found.findings} <= {case.document}


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.clean], ids=lambda case: case.name)
def test_a_clean_case_has_good_boxes_and_categories_only(case: Case) -> None:
    found = read_document(case.content, case.document)
    assert found.annotations or case.name == "image without annotations"
    for annotation in found.annotations:
        assert annotation.bbox[2] > 0
        assert annotation.bbox[3] > 0
        assert annotation.area > 0
        assert annotation.category.name
        assert any(image.id == annotation.image_id for image in found.images)


def test_gaps_are_filled_from_the_mask_the_polygons_or_the_box() -> None:
    hole = rle(drawing(hole=True))
    found = read(
        document(
            thing(1, hole, area=..., bbox=...), thing(2, area=None, bbox=None), thing(3, ..., area=..., iscrowd=...)
        )
    )
    assert [annotation.area for annotation in found.annotations] == [84, 100, 100]
    assert [list(annotation.bbox) for annotation in found.annotations] == [BOX, BOX, BOX]
    assert found.changed == {"missing area": 3, "missing bbox": 2, "missing iscrowd": 1}


def test_masks_of_every_kind_become_string_counts() -> None:
    mask = rle(drawing(hole=True))
    listed, quoted = runs(drawing(hole=True)), str(mask["counts"].encode())
    found = read(
        document(*(thing(n, {**mask, "counts": each}) for n, each in enumerate([mask["counts"], listed, quoted], 1)))
    )
    assert [annotation.segmentation for annotation in found.annotations] == [Rle(HEIGHT, WIDTH, mask["counts"])] * 3


def test_text_that_only_looks_like_bytes_is_no_mask() -> None:
    found = read(document(thing(1, rle(counts="b'not a mask'"))))
    assert codes(found) == {"bad_rle"}
    assert found.annotations[0].segmentation is None


@pytest.mark.parametrize(
    ("segmentation", "kept"),
    [
        ([SQUARE, [1, 2, 3, 4]], (tuple(SQUARE),)),
        ([SQUARE, [1, 2, 3, 4, 5, 6, 7]], (tuple(SQUARE),)),
        ([SQUARE, [1, 2, 3, 4, 5, None]], (tuple(SQUARE),)),
        ([[6, 8, 16, 18]], None),
        (SQUARE, (tuple(SQUARE),)),
        ([[6, 8], [16, 8], [16, 18], [6, 18]], (tuple(SQUARE),)),
        ([[[6, 8], [16, 8], [16, 18], [6, 18]]], (tuple(SQUARE),)),
        ([], None),
        ([[]], None),
        ({}, None),
        (None, None),
        ("polygon", None),
        ([{"x": 1}], None),
        ({"counts": [1]}, None),
        ({"size": [HEIGHT, WIDTH]}, None),
        ({"size": [-HEIGHT, -WIDTH], "counts": [HEIGHT * WIDTH]}, None),
    ],
)
def test_what_cannot_be_used_of_a_segmentation_is_left_out_and_the_object_kept(segmentation: Any, kept: Any) -> None:
    found = read(document(thing(1) | {"segmentation": segmentation}))
    assert [annotation.segmentation for annotation in found.annotations] == [kept]
    assert found.findings


def test_two_images_of_one_id_keep_both_images_and_no_annotation() -> None:
    found = read(document(thing(), images=[image(), image(1, "other.jpg")]))
    assert [each.file_name for each in found.images] == ["plot.jpg", "other.jpg"]
    assert found.annotations == []
    assert found.annotations_left_out == {"ambiguous image id": 1}


def test_two_categories_of_one_id_are_both_kept() -> None:
    found = read(document(thing(), categories=[category(), category(1, "car")]))
    assert [each.name for each in found.categories.values()] == ["tree", "car"]
    assert found.annotations_left_out == {"ambiguous category id": 1}


def test_two_ids_of_one_name_are_one_category() -> None:
    found = read(document(thing(), thing(2, category_id=9), categories=[category(), category(9)]))
    assert [annotation.category.id for annotation in found.annotations] == [1, 1]
    assert list(found.categories) == [1, 9]


def test_references_find_ids_of_another_type() -> None:
    found = read(document(thing(1, image_id="1"), thing(2, image_id=1.0), images=[image(1)]))
    assert [annotation.image_id for annotation in found.annotations] == [1, 1]
    other = read(document(thing(1, image_id=1), images=[image("1")]))
    assert [annotation.image_id for annotation in other.annotations] == ["1"]


def test_true_is_no_id() -> None:
    found = read(document(thing(1, image_id=True)))
    assert found.annotations_left_out == {"unknown image id": 1}


def test_unknown_fields_are_kept() -> None:
    found = read(document(thing(attributes={"dbh": 3}), images=[image(license=2)], categories=[category(color="#0f0")]))
    assert found.annotations[0].extra == {"attributes": {"dbh": 3}}
    assert found.images[0].extra == {"license": 2}
    assert found.categories[1].extra == {"color": "#0f0"}
    assert found.info["description"] == "hostile"


def test_findings_say_where() -> None:
    found = read(document(thing(), thing(2, rle(counts=[5]))))
    assert [finding.path for finding in found.findings] == ["$.annotations[1].segmentation.counts"]


def test_a_size_that_is_missing_hides_nothing() -> None:
    found = read(document(thing(1, rle()), thing(2, bbox=[999, 0, 5, 5]), images=[image(width=None, height="x")]))
    assert (found.images[0].width, found.images[0].height) == (None, None)
    assert len(found.annotations) == 2
    assert codes(found) == {"missing_size", "bad_size"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe" + json.dumps(document(thing())).encode("utf-16-le"),
        json.dumps(document(thing())).encode("utf-32"),
    ],
)
def test_other_encodings_are_read(content: bytes) -> None:
    found = read_document(content, "a.json")
    assert (len(found.annotations), codes(found)) == (1, {"other_encoding"})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"  \n", "it is empty"),
        (b'{"images": [', "it is cut short after 12 characters"),
        (b'{"images": [{"file_name": "a', "it is cut short after 28 characters"),
        (b'{"images": 1 2}', "expecting ',' delimiter in line 1, column 14"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"images": ' + b"9" * 5000 + b"}", "a number in it is too long"),
    ],
)
def test_what_is_no_json_is_said(content: bytes, why: str) -> None:
    found = read_document(content, "a.json", thorough=True)
    assert [finding.code for finding in found.findings] == ["not_json"]
    assert why in found.findings[0].message


@pytest.mark.parametrize("opening", [b"[", b'{"a": '])
@pytest.mark.parametrize("strict", [True, False])
def test_200_levels_are_read_however_they_are_read(opening: bytes, strict: bool) -> None:
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> Reading:
        value = opening * levels + (b"1" if strict else b"NaN") + closing * levels
        return read_document(
            b'{"note": "[[ \\"", "info": {"a": ' + value + b'}, "images": []}', "a.json", thorough=True
        )

    assert nested(198).data is not None
    (finding,) = nested(199).findings
    assert finding.message == "It is no JSON: it is nested too deeply, in more than 200 levels."


@pytest.mark.parametrize("text", ["[" * 300, "[]" * 300, "]" * 300, '\\"' + "[" * 300, "}{" * 300])
def test_brackets_in_text_nest_nothing(text: str) -> None:
    assert read(document(thing(), note=text)).data is not None


def test_a_category_that_is_one_of_two_of_its_id_is_not_joined_to_another() -> None:
    found = read(document(thing(1, category_id=2), categories=[category(1, "a"), category(2, "a"), category(2, "b")]))
    assert found.annotations_left_out == {"ambiguous category id": 1}
    assert found.repairs == []


def test_num_keypoints_without_keypoints_is_counted_again_where_it_is_no_number() -> None:
    found = read(document(thing(1, num_keypoints=10**300), thing(2, num_keypoints="x"), thing(3, num_keypoints=None)))
    assert [each.num_keypoints for each in found.annotations] == [0, 0, None]
    assert found.changed == {"num keypoints": 2}


def test_many_categories_of_one_id_have_ids_of_their_own() -> None:
    found = read(document(categories=[category(1, f"class {number}") for number in range(5)]))
    assert list(found.categories) == [1, "1#2", "1#3", "1#4", "1#5"]


def test_an_area_that_is_computed_is_finite() -> None:
    far = 2**53
    found = read(document(thing(1, ..., bbox=[0, 0, far, far], area=...), images=[image(width=None)]))
    assert found.annotations[0].area == far**2


def test_a_box_that_is_computed_can_be_read_again() -> None:
    far = 2**53
    found = read(document(thing(1, [[-far, 0, far, 0, far, 9]], bbox=...)))
    assert found.annotations_left_out == {"no geometry": 1}
