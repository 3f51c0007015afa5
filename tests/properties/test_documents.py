from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from cf_ai_platform_client.core.coco_bytes import add_asset_url, splice
from cf_ai_platform_client.errors import ResponseError

MARK = "\x00mark\x00"  # no generated text holds it
WRITTEN_MARK = json.dumps(MARK)
ADDED = f'"asset_url": {WRITTEN_MARK}'
ANY_CHARACTER = st.characters(exclude_categories=(), exclude_characters="\0")
SPACE = st.text(" \t\n\r", max_size=2)
NAMES = st.sampled_from(["info", "images", "asset_url"]) | st.text(ANY_CHARACTER, max_size=6)
NUMBERS = st.sampled_from(["1e999", "-0.0", "12345678901234567890123", "0.10", "1E+2", "NaN", "-Infinity"])
ESCAPED = st.sampled_from(['"\\u0069nfo"', '"\\/\\b"', '"\\"}{"', '"\\\\"'])


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    """Write any value, its spaces and numbers as nobody would."""
    kinds = [st.sampled_from(["null", "true", "false"]), NUMBERS, ESCAPED, strings()]
    if depth:
        kinds += [objects(depth - 1), arrays(depth - 1)]
    return draw(st.one_of(kinds))


@st.composite
def strings(draw: st.DrawFn, text: st.SearchStrategy[str] = NAMES) -> str:
    value = draw(text)
    readable = value.encode("utf-8", "ignore").decode() == value
    return json.dumps(value, ensure_ascii=not readable or draw(st.booleans()))


@st.composite
def arrays(draw: st.DrawFn, depth: int) -> str:
    return f"[{','.join(draw(st.lists(values(depth), max_size=2)))}{draw(SPACE)}]"


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    """Write an object with spaces anywhere and names more than once."""
    members = [
        f"{draw(SPACE)}{draw(strings() | ESCAPED)}{draw(SPACE)}:{draw(SPACE)}{draw(values(depth))}{draw(SPACE)}"
        for _ in range(draw(st.integers(0, 3)))
    ]
    return f"{{{','.join(members) or draw(SPACE)}}}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    return f"{draw(SPACE)}{draw(objects(3))}{draw(SPACE)}"


def as_written(document: str) -> Any:
    """Parse with every member in its place, duplicates too, and every number as it is spelled."""
    return json.loads(document, object_pairs_hook=tuple, parse_float=str, parse_int=str, parse_constant=str)


def added(source: str, url: str = MARK) -> str:
    return add_asset_url(source.encode(), url).content.decode()


@given(documents(), st.text(ANY_CHARACTER, max_size=12))
def test_only_the_asset_url_differs(source: str, url: str) -> None:
    before, after = json.loads(source), json.loads(added(source, url))
    info = before.get("info")
    before["info"] = {**(info if isinstance(info, dict) else {}), "asset_url": url}
    assert json.dumps(after, sort_keys=True) == json.dumps(before, sort_keys=True)


@given(documents())
def test_every_byte_but_for_one_piece_is_kept(source: str) -> None:
    """What stands before and after the piece is the source's, and what it replaced was one whole value or nothing."""
    result = added(source)
    before, _, after = result.partition(WRITTEN_MARK)
    pieces = [f'"info": {{{ADDED}}}, ', f'"info": {{{ADDED}}}', f"{ADDED}, ", ADDED]
    if any(result.replace(piece, "", 1) == source for piece in pieces if piece in result):
        return
    for opening, closing in (("", ""), ('{"asset_url": ', "}")):
        head, tail = before.removesuffix(opening), after.removeprefix(closing)
        if source.startswith(head) and source.endswith(tail) and head + opening == before and closing + tail == after:
            json.loads(source[len(head) : len(source) - len(tail)])
            return
    raise AssertionError(result)


@given(documents())
def test_order_duplicates_and_spelling_of_all_else_are_kept(source: str) -> None:
    before, after = as_written(source), as_written(added(source))
    if len(after) > len(before):
        assert after[0] == ("info", (("asset_url", MARK),))
        assert after[1:] == before
        return
    (changed,) = [number for number, pair in enumerate(before) if after[number] != pair]
    assert changed == max(number for number, (name, _) in enumerate(before) if name == "info")


@given(documents())
def test_adding_twice_changes_nothing_more(source: str) -> None:
    assert added(added(source)) == added(source)


@given(documents(), st.data())
def test_a_document_that_was_cut_is_refused(source: str, data: st.DataObject) -> None:
    whole = source.rstrip().encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ResponseError):
        add_asset_url(whole[:cut], "a")


@given(documents(), st.sampled_from(["x", "{}", ",", "]", "}", "\0", "\ufeff", "\u00a0", '"']))
def test_a_document_with_something_after_it_is_refused(source: str, rest: str) -> None:
    with pytest.raises(ResponseError):
        add_asset_url((source + rest).encode(), "a")


@given(documents(), st.data())
def test_a_damaged_document_is_taken_only_where_python_reads_it(source: str, data: st.DataObject) -> None:
    content = bytearray(source.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        taken = add_asset_url(bytes(content), "a").content
    except ResponseError:
        assert not is_object(bytes(content))
    else:
        assert is_object(bytes(content))
        assert json.loads(taken)["info"]["asset_url"] == "a"


@given(documents() | st.text(ANY_CHARACTER, max_size=20), st.text(ANY_CHARACTER, max_size=5))
def test_a_view_is_spliced_as_bytes_are(source: str, url: str) -> None:
    content = source.encode("utf-8", "surrogatepass")
    results: list[tuple[bytes, tuple[str, ...]] | str] = []
    for buffer in (content, memoryview(content)):
        try:
            spliced = splice(buffer, url)
            results.append((b"".join(spliced.parts), spliced.warnings))
        except ResponseError as error:
            results.append(str(error))
    assert results[0] == results[1]
    try:
        assert results[0] == astuple(add_asset_url(content, url))
    except ResponseError:
        assert isinstance(results[0], str)


def is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content.decode()), dict)
    except ValueError:
        return False
