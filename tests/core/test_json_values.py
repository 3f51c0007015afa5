from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cf_ai_platform_client.core.json_values import json_lines, json_values
from cf_ai_platform_client.core.text_pieces import UnreadableError

MOST = 10_000
DEEP = "[" * 200_000


def cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' \n{"a": [1, {"b": null}], "c": "]"} \n',
        "12345",
        "-1.5e3",
        '"text"',
        "true",
        "NaN",
        '{"a": 1, "a": 2}',
    ],
)
def test_a_document_that_is_no_list_is_one_value(text: str, size: int) -> None:
    (value,) = json_values(cut(text, size), MOST)
    assert repr(value) == repr(json.loads(text))


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "values",
    [[], [{}], [{"a": [1, 2]}, {"b": '],\\"é'}], [12, 3.5, "x", None, True, [[]], -1e5], [{"n": "x" * 300}] * 9],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_gives_its_elements(values: list[Any], size: int, indent: int | None) -> None:
    assert list(json_values(cut(json.dumps(values, indent=indent), size), MOST)) == values


def test_elements_come_before_the_rest_was_read() -> None:
    taken = list[int]()

    def texts() -> Iterator[str]:
        yield "["
        for number in range(1000):
            taken.append(number)
            yield f'{{"n": {number}}},'

    values = json_values(texts(), MOST)
    assert [next(values), next(values)] == [{"n": 0}, {"n": 1}]
    assert len(taken) < 5


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[1 2]",
        "[,1]",
        "[1]]",
        "[1] x",
        "{} {}",
        "nothing",
        '{"a": tru}',
        '["a',
        '{"a": "b',
        '{"a" "b"}',
        "{'a': 1}",
        '["\n"]',
        '["\\x"]',
    ],
)
def test_what_is_no_json(text: str, size: int) -> None:
    with pytest.raises(UnreadableError, match="it is no JSON|something follows"):
        list(json_values(cut(text, size), MOST))


def test_a_broken_value_is_seen_before_the_rest_is_read() -> None:
    taken = list[int]()

    def texts() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield '[{"a": tru, "b": 1}, ' + "1, " * 100

    with pytest.raises(UnreadableError, match="it is no JSON"):
        list(json_values(texts(), MOST))
    assert len(taken) < 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DEEP, "nested too deeply"),
        (f'[{{"a": {DEEP}', "nested too deeply"),
        ('{"a": "' + "x" * 100 + '"}', "larger than 50 bytes"),
        ('[1, "' + "x" * 50 + '"]', "larger than 50 bytes"),
        ('["' + "x" * 1000 + '"]', "larger than 50 bytes"),
    ],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_a_value_that_cannot_be_held(text: str, why: str, size: int) -> None:
    with pytest.raises(UnreadableError, match=why):
        list(json_values(cut(text, size), 1 << 20 if text.endswith(DEEP) else 50))


def test_a_number_that_goes_on_as_none_is_seen_at_once() -> None:
    with pytest.raises(UnreadableError, match="no JSON, or cut short"):
        list(json_values(cut("[1x" + " " * 1000, 7), 100))


def test_a_value_as_large_as_allowed() -> None:
    text = '"' + "x" * 48 + '"'
    assert list(json_values(cut(f"[{text}, {text}]", 7), 50)) == [json.loads(text)] * 2


@pytest.mark.parametrize("reader", [json_values, json_lines])
def test_a_number_that_is_too_long(reader: Any) -> None:
    with pytest.raises(UnreadableError, match="a number in it is too long"):
        list(reader(["9" * 5000], MOST))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_line_is_a_value(size: int) -> None:
    assert list(json_lines(cut('{"a": 1}\r\n\n \t\n [2]\n"x\u2028y"', size), MOST)) == [{"a": 1}, [2], "x\u2028y"]


@pytest.mark.parametrize("text", ['{"a": 1', "1 2", "x"])
def test_a_line_that_is_no_json(text: str) -> None:
    values = json_lines([f"1\n{text}\n2"], MOST)
    assert next(values) == 1
    with pytest.raises(UnreadableError, match="it is no JSON"):
        next(values)


def test_a_line_that_is_nested_too_deeply() -> None:
    with pytest.raises(UnreadableError, match="nested too deeply"):
        list(json_lines([DEEP], 1 << 20))
