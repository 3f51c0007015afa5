from __future__ import annotations

import copy
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_ai_platform_client.datasets.clean_annotations import CleanReader
from cf_ai_platform_client.datasets.reading import Reading, read_document
from cf_ai_platform_client.datasets.repairing import apply, encode

from ..datasets.hostile import CASES, SQUARE, category, document, drawing, image, rle, runs, thing

MASK = rle(drawing(hole=True))
NUMBERS = st.sampled_from(
    [0, 1, -1, 7, 10.5, 64, 65.0, 66, 1e-9, 1e300, 10**25, True, None, "7", "x", math.nan, math.inf]
)
ODD = st.one_of(NUMBERS, st.just([]), st.just({}), st.lists(NUMBERS, max_size=8), st.text(max_size=3))
POLYGONS = st.lists(st.one_of(st.just(SQUARE), st.lists(st.integers(-2, 70), max_size=9), ODD), max_size=3)
MASKS = st.builds(
    lambda size, counts: {"size": size, "counts": counts},
    st.sampled_from([[48, 64], [64, 48], [48], None, [48.0, "64"]]),
    st.sampled_from(
        [MASK["counts"], runs(drawing()), str(MASK["counts"].encode()), "", "0", [3072], [0, 3072], None, 5]
    ),
)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.one_of(st.integers(0, 4), ODD),
    "image_id": st.one_of(st.integers(1, 2), ODD),
    "category_id": st.one_of(st.integers(1, 2), ODD),
    "bbox": st.one_of(st.lists(st.integers(-2, 70), min_size=4, max_size=4), st.lists(NUMBERS, max_size=5), ODD),
    "area": ODD,
    "iscrowd": st.sampled_from([0, 1, 2, True, None, "1", 0.0]),
    "segmentation": st.one_of(POLYGONS, MASKS, ODD),
    "keypoints": st.one_of(st.just([1, 2, 2, 0, 0, 0]), st.lists(st.integers(0, 3), max_size=9), ODD),
    "num_keypoints": st.one_of(st.integers(0, 2), ODD),
    "note": ODD,
}


@st.composite
def annotations(draw: st.DrawFn) -> Any:
    entry = thing(draw(st.integers(1, 6)))
    for name in draw(st.lists(st.sampled_from(sorted(MEMBERS)), max_size=2, unique=True)):
        entry[name] = draw(MEMBERS[name])
        if draw(st.integers(0, 4)) == 0:
            del entry[name]
    return entry


IMAGES = st.sampled_from(
    [
        [image()],
        [image(1), image(2, "other.jpg")],
        [image(1), image(1)],
        [image(1), image("1", "other.jpg")],
        [image(width=None)],
        [image("a")],
        [image("1"), image("1", "other.jpg"), image(1, "third.jpg")],
        [image("a"), image("a", "other.jpg"), image("2", "third.jpg")],
    ]
)
CATEGORIES = st.sampled_from(
    [
        [category()],
        [category(1, keypoints=["nose", "tail"]), category(2, "car")],
        [category(), category(2)],
        [category("1"), category(2, "car")],
        [category(), category(1, "car")],
        [category("1"), category("1", "car"), category("x", "house")],
        [category("1"), category(2), category(2, "car")],
    ]
)
DOCUMENTS = st.builds(
    lambda things, images, categories: json.dumps(document(*things, images=images, categories=categories)).encode(),
    st.lists(annotations(), max_size=4),
    IMAGES,
    CATEGORIES,
)


def carefully(content: bytes) -> Reading:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CleanReader, "read", lambda self, at, entry, found: None)
        return read_document(content, "a.json", thorough=True)


@settings(max_examples=400)
@given(DOCUMENTS)
def test_the_fast_way_and_the_careful_one_agree(content: bytes) -> None:
    fast, careful = read_document(content, "a.json", thorough=True), carefully(content)
    assert fast.annotations == careful.annotations
    assert fast.findings == careful.findings
    assert fast.repairs == careful.repairs
    assert fast.annotations_left_out == careful.annotations_left_out
    counting = read_document(content, "a.json")
    assert counting.annotations == careful.annotations
    assert counting.changed == careful.changed


@settings(max_examples=400)
@given(DOCUMENTS)
def test_nothing_is_dropped_in_silence_and_what_is_kept_can_be_written(content: bytes) -> None:
    found = read_document(content, "a.json", thorough=True)
    assert len(found.annotations) + found.annotations_left_out.total() == found.annotations_in
    assert len(found.images) + found.images_left_out.total() == found.images_in
    assert all(math.isfinite(number) for each in found.annotations for number in (*each.bbox, each.area))
    msgspec.json.encode(found.annotations)


def images_of(found: Reading) -> list[str]:
    names = {each.id: each.file_name for each in found.images}
    return [names[each.image_id] for each in found.annotations]


def fixed(content: bytes) -> bytes:
    found = read_document(content, "a.json", thorough=True)
    assert found.data is not None
    data = copy.deepcopy(found.data)
    changes = apply(data, found.repairs, "a.json")
    assert bool(changes) >= any(finding.fix and finding.path != "$" for finding in found.findings)
    return encode(data)


@settings(max_examples=400)
@given(DOCUMENTS)
def test_what_was_fixed_has_nothing_left_to_fix_and_reads_the_same(content: bytes) -> None:
    before, once = read_document(content, "a.json"), fixed(content)
    after = read_document(once, "a.json", thorough=True)
    assert [finding for finding in after.findings if finding.fix] == []
    assert fixed(once) == once
    assert len(after.annotations) == len(before.annotations)
    assert [each.bbox for each in after.annotations] == [each.bbox for each in before.annotations]
    assert [each.segmentation for each in after.annotations] == [each.segmentation for each in before.annotations]
    assert images_of(after) == images_of(before)
    assert [each.category.name for each in after.annotations] == [each.category.name for each in before.annotations]


JSON = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["images", "annotations", "categories", "info", *MEMBERS]), inner, max_size=5),
    ),
    max_leaves=30,
)


@settings(max_examples=300)
@given(JSON)
def test_any_json_is_read(value: Any) -> None:
    found = read_document(json.dumps(value).encode(), "a.json", thorough=True)
    assert len(found.annotations) + found.annotations_left_out.total() == found.annotations_in


@settings(max_examples=300)
@given(st.sampled_from(sorted(CASES)), st.integers(0, 10_000), st.binary(max_size=3))
def test_any_bytes_are_read(name: str, at: int, piece: bytes) -> None:
    content = CASES[name].content[:20_000]
    at %= len(content) + 1
    read_document(content[:at] + piece + content[at + len(piece) :], "a.json", thorough=True)
