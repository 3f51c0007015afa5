"""Whatever a zip file holds: all of it is extracted below the destination, or nothing; reading never crashes."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import ExtractLimits, extract_export, read_export
from cf_ai_platform_client.core.csv_rows import csv_rows
from cf_ai_platform_client.core.export_records import records_of
from cf_ai_platform_client.core.json_values import json_values
from cf_ai_platform_client.core.text_pieces import UnreadableError
from cf_ai_platform_client.errors import ArchiveError

from ..conftest import files_below
from ..zips import Made, zip_of

TRICKY = ["..", ".", "a", "A", "b", "e\u0301", "\u00e9", "/", "\\", ":", " ", "\0", "con", "x.json", ".cf-ai", "\u202e"]
NAMES = (
    st.lists(st.sampled_from(TRICKY) | st.text(max_size=3), max_size=6)
    .map("".join)
    .filter(lambda name: name.isprintable() or not any(0xD800 <= ord(mark) < 0xE000 for mark in name))
)
RAW_NAMES = NAMES.map(lambda name: name.encode("utf-8", "replace")) | st.binary(max_size=12)
MODES = st.sampled_from([0, 0, 0, 0o100644, 0o040755, 0o120777])
MEMBERS = st.builds(Made, RAW_NAMES, st.binary(max_size=40), method=st.sampled_from([0, 8]), mode=MODES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=6)
MADE = (Made("a/b.json", b'[{"id": 1}]'), Made("c.csv", b"id\n1\n", method=0), Made("d.json", b"{}"))
SOUND = zip_of(*MADE, comment=b"c")
CONTENTS = Counter(made.content for made in MADE)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e]")


def extracted(content: bytes, **options: Any) -> dict[str, bytes] | None:
    """Return what was extracted, None where it was refused; nothing else may have been written."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "export.zip"), Path(folder, "around", "out")
        path.write_bytes(content)
        try:
            done = extract_export(path, out, **options)
        except ArchiveError:
            assert [each.name for each in Path(folder).iterdir()] == ["export.zip"]
            return None
        files = files_below(out)
        assert sorted(map(Path, done.paths)) == sorted(out / name for name in files)
        assert set(files_below(Path(folder))) == {"export.zip", *(f"around/out/{name}" for name in files)}
        return files


def is_folder(made: Made) -> bool:
    return made.raw_name.endswith(b"/")


@given(st.lists(MEMBERS, max_size=5))
def test_all_members_are_below_the_destination_or_none_is_written(members: list[Made]) -> None:
    files = extracted(zip_of(*members))
    if files is not None:
        assert Counter(files.values()) == Counter(made.content for made in members if not is_folder(made))


@given(st.data())
def test_a_zip_file_with_altered_bytes_is_refused_or_holds_the_same(data: st.DataObject) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    files = extracted(bytes(content))
    if files is not None:
        assert Counter(files.values()) == CONTENTS


@given(st.data())
def test_reading_what_was_altered_ends_in_records_and_reasons(data: st.DataObject) -> None:
    content = bytearray(zip_of(*data.draw(st.lists(MEMBERS, max_size=4))) if data.draw(st.booleans()) else SOUND)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.zip")
        path.write_bytes(content)
        try:
            reader = read_export(path, limits=ExtractLimits(max_record_bytes=1000))
        except ArchiveError:
            return
        with reader as records:
            for record in records:
                assert isinstance(record.data, dict)
            assert not [each for each in records.unread if CONTROL.search(each.reason)]


@given(st.lists(JSON), st.integers(1, 20), st.sampled_from([None, 1]))
def test_a_list_is_read_as_the_standard_library_reads_it(values: list[Any], size: int, indent: int | None) -> None:
    text = json.dumps(values, indent=indent)
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert list(json_values(cut, 1 << 20)) == values


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2)), st.integers(1, 20), st.sampled_from(["\n", "\r\n"]))
def test_rows_are_read_as_the_standard_library_writes_them(rows: list[list[str]], size: int, end: str) -> None:
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator=end).writerows([["a", "b"], *rows])
    text = made.getvalue()
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert [[*row.values()] for row in csv_rows(cut, 1 << 20)] == rows


@given(st.binary(max_size=60) | st.text('[]{}":,\n 1e.').map(str.encode), st.sampled_from(["json", "jsonl", "csv"]))
def test_any_bytes_are_records_or_a_reason(content: bytes, extension: str) -> None:
    with suppress(UnreadableError):
        assert all(isinstance(record.data, dict) for record in records_of(f"a.{extension}", [content], 40))
