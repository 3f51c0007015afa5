from __future__ import annotations

import gc
import io
import json
import logging
from pathlib import Path

import pytest

from cf_ai_platform_client import ExportRecord, ExtractLimits, UnreadMember, read_export
from cf_ai_platform_client.errors import ArchiveError, DiskError

from .zips import Made, zip_of

COCO = {"images": [{"id": 1}], "annotations": [], "categories": []}
LOGGER = "cf_ai_platform_client.exports"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def test_every_kind_of_member_is_read(path: Path) -> None:
    path.write_bytes(
        zip_of(
            Made("plots/", mode=0o40755),
            Made("plots/a.json", json.dumps(COCO).encode()),
            Made("annotations.json", b'[{"id": 1}, {"id": 2}]'),
            Made("annotations.csv", '\ufeffid,text\r\n1,"a\r\nb"\r\n'.encode()),
            Made("lines.jsonl", b'{"n": 1}\n{"n": 2}\n'),
        )
    )
    with read_export(path) as records:
        assert list(records) == [
            ExportRecord("plots/a.json", "coco", COCO),
            ExportRecord("annotations.json", "json", {"id": 1}),
            ExportRecord("annotations.json", "json", {"id": 2}),
            ExportRecord("annotations.csv", "csv", {"id": "1", "text": "a\r\nb"}),
            ExportRecord("lines.jsonl", "json", {"n": 1}),
            ExportRecord("lines.jsonl", "json", {"n": 2}),
        ]
        assert records.unread == []
        assert list(records) == []


def test_what_cannot_be_read_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(
        zip_of(
            Made("a.txt", b"hello"),
            Made("b.json", b'[{"id": 1}, {"id"'),
            Made("c.csv", b"id\n1\n2,3\n"),
            Made("d.json", b"{}", flags=1),
            Made("e.json", b"{}"),
            Made("f.json", b'{"x": "\xff"}'),
            Made("../g.json", b"{}"),
            Made("h.csv", b"id\n1\n", listed={"crc": 1}, local={"crc": 1}),
        )
    )
    with caplog.at_level(logging.WARNING, LOGGER), read_export(path) as records:
        assert [(record.member, record.data) for record in records] == [
            ("b.json", {"id": 1}),
            ("c.csv", {"id": "1"}),
            ("e.json", {}),
            ("h.csv", {"id": "1"}),
        ]
    assert [(each.member, each.records) for each in records.unread] == [
        ("a.txt", 0),
        ("b.json", 1),
        ("c.csv", 1),
        ("d.json", 0),
        ("f.json", 0),
        ("../g.json", 0),
        ("h.csv", 1),
    ]
    reasons = {each.member: each.reason for each in records.unread}
    assert reasons["a.txt"].startswith("The member a.txt cannot be read: only .json, .geojson")
    assert reasons["c.csv"] == "The member c.csv cannot be read: a row has 2 fields where the header has 1."
    assert reasons["d.json"] == "The member d.json is encrypted."
    assert reasons["h.csv"] == "The member h.csv was altered: its checksum (CRC) differs."
    (warning,) = caplog.messages
    assert warning.startswith(f"{path}: members not read: 7. The member a.txt cannot be read: ")
    assert "c.csv" in warning
    assert "d.json" not in warning


def test_no_warning_where_all_was_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(zip_of(Made("a.json", b"{}")))
    with caplog.at_level(logging.DEBUG, LOGGER):
        assert len([*read_export(path)]) == 1
    assert caplog.messages == []


def test_a_record_larger_than_allowed_is_not_held(path: Path) -> None:
    path.write_bytes(zip_of(Made("a.json", b'[{"id": 1}, {"id": "' + b"x" * 200 + b'"}]'), Made("b.json", b"{}")))
    records = read_export(path, limits=ExtractLimits(max_record_bytes=100))
    assert [record.data for record in records] == [{"id": 1}, {}]
    (unread,) = records.unread
    assert "a record is larger than 100 bytes (max_record_bytes of ExtractLimits)" in unread.reason


def test_limits_hold_member_by_member(path: Path) -> None:
    path.write_bytes(zip_of(Made("a.json", b"{}"), Made("b.json", b'{"id": 1}'), Made("c.json", b"{}")))
    records = read_export(path, limits=ExtractLimits(max_member_bytes=5))
    assert [record.member for record in records] == ["a.json", "c.json"]
    assert records.unread == [UnreadMember("b.json", "The member b.json has 9 bytes, more than allowed.")]


def test_it_may_be_left_early(path: Path) -> None:
    path.write_bytes(zip_of(*(Made(f"{number}.json", b'[{"id": 1}, {"id": 2}]') for number in range(9))))
    with read_export(path) as records:
        next(records)
    assert list(records) == []
    records.close()
    next(iter(read_export(path)))  # the file of one that is dropped is closed too: else a ResourceWarning, which fails
    read_export(path)


def test_at_its_end_the_file_is_closed(path: Path) -> None:
    path.write_bytes(zip_of(Made("a.json", b"{}")))
    records = read_export(path)
    assert open_files(path) == 1
    assert len([*records]) == 1
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    files = (each for each in gc.get_objects() if type(each) is io.BufferedReader)
    return sum(file.name == str(path) and not file.closed for file in files)


@pytest.mark.parametrize("content", [b"", b"<html>", zip_of(Made("a.json", b"{}"))[:-9]])
def test_what_is_no_whole_zip_file_is_said_at_once(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"export\.zip: It is no whole zip file") as caught:
        read_export(path)
    assert isinstance(caught.value, ValueError)
    assert caught.value.code == "truncated"


def test_what_is_not_there_is_said_at_once(path: Path) -> None:
    with pytest.raises(DiskError, match=r"export\.zip cannot be read: no such file"):
        read_export(path)
    with pytest.raises(ValueError, match="^path is ''"):
        read_export("")
