from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.coco_bytes import add_asset_url
from cf_ai_platform_client.errors import ResponseError

SPACE = st.text(" \t\n\r", max_size=2)
NAMES = st.sampled_from(["info", "images", "asset_url"]) | st.text(max_size=6)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=8)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
INFOS = st.dictionaries(NAMES, VALUES, max_size=3) | SCALARS


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Write an object with spaces anywhere, names more than once and every kind of value."""
    names = draw(st.lists(NAMES, max_size=5))
    ascii_only = draw(st.booleans())
    members: list[str] = []
    for name in names:
        value = draw(INFOS if name == "info" else VALUES)
        text = json.dumps(value)
        label = json.dumps(name, ensure_ascii=ascii_only)
        members.append(f"{draw(SPACE)}{label}{draw(SPACE)}:{draw(SPACE)}{text}{draw(SPACE)}")
    return f"{draw(SPACE)}{{{','.join(members) or draw(SPACE)}}}{draw(SPACE)}"


def without_url(document: Any) -> Any:
    info = document.get("info")
    rest = {name: value for name, value in info.items() if name != "asset_url"} if isinstance(info, dict) else {}
    return json.dumps({**document, "info": rest}, sort_keys=True)


@given(documents(), st.text(st.characters(exclude_categories=()), max_size=12))
def test_only_the_asset_url_differs(source: str, url: str) -> None:
    result = json.loads(add_asset_url(source.encode(), url).content)
    before = json.loads(source)
    assert result["info"]["asset_url"] == url
    assert without_url(result) == without_url(before)


def as_written(document: bytes) -> list[tuple[str, Any]]:
    """Parse with every member in its place, duplicates too, and every number as it is spelled."""
    return json.loads(document, object_pairs_hook=list, parse_float=str, parse_int=str, parse_constant=str)


@given(documents())
def test_order_duplicates_and_spelling_of_all_else_are_kept(source: str) -> None:
    before, after = as_written(source.encode()), as_written(add_asset_url(source.encode(), "mark").content)
    if len(after) > len(before):
        assert after[0] == ("info", [("asset_url", "mark")])
        assert after[1:] == before
        return
    changed = [number for number, pair in enumerate(before) if after[number] != pair]
    assert len(changed) <= 1
    assert all(before[number][0] == "info" for number in changed)


@given(documents())
def test_what_is_added_is_one_piece(source: str) -> None:
    before, after = source.encode(), add_asset_url(source.encode(), "mark").content
    start, end = _common(before, after), _common(before[::-1], after[::-1])
    assert start + end >= len(before) or b"asset_url" in before or b"info" in before


def _common(one: bytes, other: bytes) -> int:
    return next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


@given(documents(), st.data())
def test_a_document_that_was_cut_is_refused(source: str, data: st.DataObject) -> None:
    whole = source.rstrip().encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ResponseError):
        add_asset_url(whole[:cut], "a")


@given(documents(), st.sampled_from(["x", "{}", ",", "]", "\0"]))
def test_a_document_with_something_after_it_is_refused(source: str, rest: str) -> None:
    with pytest.raises(ResponseError):
        add_asset_url((source + rest).encode(), "a")
