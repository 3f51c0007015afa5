from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from cf_ai_platform_client.core.csv_rows import csv_rows
from cf_ai_platform_client.core.text_pieces import UnreadableError

LONG = "x" * 200_000


def cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("a,b\n", []),
        ("a,b\n1,2", [{"a": "1", "b": "2"}]),
        ("a,b\r\n1,2\r\n\r\n\n3,\r\n", [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]),
        ('a,b\n"1\r\n2","x ""y"", z"\n', [{"a": "1\r\n2", "b": 'x "y", z'}]),
        ('"a,1",""\n"",\n', [{"a,1": "", "": ""}]),
        ("id,n\n007,1.50\n", [{"id": "007", "n": "1.50"}]),
        ("a\n 1 \n", [{"a": " 1 "}]),
        ('a,b\n"",""""\n', [{"a": "", "b": '"'}]),
    ],
)
def test_rows_are_text_by_their_header(text: str, rows: list[dict[str, str]], size: int) -> None:
    assert list(csv_rows(cut(text, size), 1000)) == rows


def test_it_reads_what_the_standard_library_writes() -> None:
    rows = [["id", "text"], ["1", 'a "b"\n,c'], ["2", ""], ["3", "é€"]]
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    assert [list(row.values()) for row in csv_rows([made.getvalue()], 1000)] == rows[1:]


def test_a_field_of_any_length() -> None:
    assert list(csv_rows([f'a,b\n{LONG},"{LONG}"\n'], 1 << 20)) == [{"a": LONG, "b": LONG}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1\n", "a row has 1 fields where the header has 2"),
        ("a,b\n1,2,3\n", "a row has 3 fields where the header has 2"),
        ("a,b,a\n", "its header has the column 'a' twice"),
        (",\n", "its header has the column '' twice"),
        ('a\n"1\n', "it ends within quotes"),
        ('a\n1"2"\n', "a quote stands where none belongs"),
        ('a\n"1"2\n', "a quote stands where none belongs"),
        ('a\n"1"2""\n', "a quote stands where none belongs"),
        ('a\n"' + "x\n" * 1000 + '"', "a record is larger than 1000 bytes"),
        ("a\n" + "x" * 1001, "a record is larger than 1000 bytes"),
    ],
)
@pytest.mark.parametrize("size", [3, 10_000])
def test_what_is_no_csv(text: str, why: str, size: int) -> None:
    with pytest.raises(UnreadableError, match=why):
        list(csv_rows(cut(text, size), 1000))


def test_rows_come_before_what_is_no_csv() -> None:
    rows = csv_rows(["a,b\n1,2\n3\n"], 1000)
    assert next(rows) == {"a": "1", "b": "2"}
    with pytest.raises(UnreadableError):
        next(rows)
