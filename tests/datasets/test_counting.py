"""What is counted fast is what the whole reading finds, whatever is in a document."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.datasets.categories import CategoryTable
from cf_ai_platform_client.datasets.counting import DocumentCounter, DocumentCounts
from cf_ai_platform_client.datasets.documents import Document
from cf_ai_platform_client.datasets.records import Category

from .hostile import CASES, Case, category, document, image, thing

PLAIN = Document("North/plot.json", "North")
Counted = tuple["DocumentCounts | None", tuple[Category, ...]]


def fast(content: bytes) -> Counted:
    table = CategoryTable()
    return DocumentCounter(table)._count_fast(PLAIN, content), table.all()


def whole(content: bytes) -> Counted:
    table = CategoryTable()
    return DocumentCounter(table)._count_whole(PLAIN, content), table.all()


def counted(content: Any) -> DocumentCounts | None:
    return DocumentCounter(CategoryTable()).count(PLAIN, json.dumps(content).encode())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_hostile_cases_are_counted_alike(case: Case) -> None:
    found = DocumentCounter(CategoryTable()).count(PLAIN, case.content)
    assert found == whole(case.content)[0]
    assert (found.images, found.annotations) == (case.images_out, case.out) if found else case.out == 0


_ODD = {
    "bytes that are no UTF-8, where nothing is counted": json.dumps(document(thing()))
    .encode()
    .replace(b"assets.example", b"assets.ex\xe4mple"),
    "the same image twice": json.dumps(document(thing(), images=[image(), image()])).encode(),
    "two images of one id": json.dumps(document(thing(), images=[image(), image(1, "b.jpg")])).encode(),
    "a box without width": json.dumps(document(thing(1, ..., bbox=[6, 8, 0, 10]), thing(2))).encode(),
    "a box of three numbers": json.dumps(document(thing(1, ..., bbox=[6, 8, 10]), thing(2))).encode(),
    "two categories of one id": json.dumps(
        document(thing(), categories=[category(), category(1, "car", "vehicle"), category(2, "house")])
    ).encode(),
    "an unknown image": json.dumps(document(thing(), thing(2, image_id=2))).encode(),
    "an unknown image of several": json.dumps(
        document(thing(2, image_id=3), images=[image(), image(2, "b.jpg")])
    ).encode(),
    "an unknown category": json.dumps(document(thing(), thing(2, category_id=2))).encode(),
    "no JSON after the end": json.dumps(document(thing())).encode() + b"]",
}


@pytest.mark.parametrize("content", _ODD.values(), ids=_ODD)
def test_what_is_odd_is_read_whole(content: bytes) -> None:
    assert fast(content)[0] is None
    assert DocumentCounter(CategoryTable()).count(PLAIN, content) == whole(content)[0]


def test_most_documents_are_counted_fast() -> None:
    assert sum(fast(case.content)[0] is not None for case in CASES.values()) > len(CASES) / 2


_COUNTED_FAST = [case.content for case in CASES.values() if fast(case.content)[0] is not None]
_VALUES = re.compile(rb'-?\d+(?:\.\d+)?|"[^"]*"|null|true|false|[\[\]{},:]')
_OTHERS = [
    *(
        b"null",
        b"true",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"-0",
        b"0",
        b"-1",
        b"1.0",
        b"1.2.3",
        b"01",
        b"+1",
        b".5",
        b"1e",
    ),
    *(b'"1"', b'""', b"[]", b"{}", b"[[]]", b",", b"", b'"', b"\xff", b"\xed\xa0\x80", b'"\\ud800"', b'"\\x"', b"\x00"),
    *(b"99999999999999999999", b'1, "id": 2', b'1, "image_id": 7', b'1, "bbox": [1, 2, 3]', b"/**/1", b"tru", b"'a'"),
]


@given(st.sampled_from(_COUNTED_FAST), st.data())
def test_what_is_broken_is_counted_alike(content: bytes, data: st.DataObject) -> None:
    places = [match.span() for match in _VALUES.finditer(content)]
    start, end = data.draw(st.sampled_from(places))
    broken = content[:start] + data.draw(st.sampled_from(_OTHERS)) + content[end:]
    found = fast(broken)
    assert found[0] is None or found == whole(broken)


def test_annotations_and_images_are_counted_by_category() -> None:
    two = document(
        thing(1),
        thing(2),
        thing(3, category_id=5),
        thing(4, image_id=8, category_id=5),
        images=[image(1), image(8, "b.jpg"), image(9, "c.jpg")],
        categories=[category(5, "car"), category(1, "tree"), category(3, "unused")],
    )
    found = counted(two)
    assert found is not None
    assert (found.images, found.annotations, found.annotated_images) == (3, 4, 2)
    assert found.annotations_by_category == {2: 2, 1: 2}
    assert found.images_by_category == {2: 1, 1: 2}


def test_two_ids_of_one_category_are_counted_as_one() -> None:
    found = counted(document(thing(1), thing(2, category_id=5), categories=[category(), category(5)]))
    assert found is not None
    assert (found.annotations_by_category, found.images_by_category) == ({1: 2}, {1: 1})


def many(first: int) -> list[dict[str, Any]]:
    return [category(first * 1000 + at, f"class {at} {'x' * 50}") for at in range(200)]


def test_lists_of_categories_that_were_seen_are_remembered_but_not_all_of_them() -> None:
    counter = DocumentCounter(CategoryTable())
    for number in range(300):
        counter.count(PLAIN, json.dumps(document(categories=many(number))).encode())
        assert sum(map(len, counter._numbers)) <= 4 << 20
    assert len(counter._numbers) > 1


def test_items_are_those_that_images_name() -> None:
    images = [image(1, work_item_id="x", batch="B"), image(2, "b.jpg", work_item_id="y"), image(3, "c.jpg", batch=7)]
    found = counted(document(images=images))
    assert found is not None
    assert found.owners == (("x", "B"), ("y", "North"), ("plot", "North"))


def test_a_document_without_images_is_one_item() -> None:
    found = counted(document(images=[]))
    assert found is not None
    assert (found.images, found.owners) == (0, (("plot", "North"),))
