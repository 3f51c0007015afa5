from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.core.export_records import ExportRecord, records_of
from cf_ai_platform_client.core.text_pieces import UnreadableError


@pytest.mark.parametrize(
    ("member", "content", "kind", "data"),
    [
        ("a/1.json", b'{"images": []}', "coco", [{"images": []}]),
        ("1.JSON", b'{"categories": 1, "x": 2}', "coco", [{"categories": 1, "x": 2}]),
        ("1.json", b'\xef\xbb\xbf{"id": 1}', "json", [{"id": 1}]),
        ("1.json", b'{"items": [{"id": 1}]}', "json", [{"items": [{"id": 1}]}]),
        ("annotations.json", b'[{"id": 1}, {"id": 2}]', "json", [{"id": 1}, {"id": 2}]),
        ("1.geojson", b'{"type": "FeatureCollection"}', "json", [{"type": "FeatureCollection"}]),
        ("1.jsonl", b'{"id": 1}\n{"annotations": []}\n', None, [{"id": 1}, {"annotations": []}]),
        ("1.ndjson", b'{"id": 1}', "json", [{"id": 1}]),
        ("x.csv", b"images,id\n1,2\n", "csv", [{"images": "1", "id": "2"}]),
        ("empty.json", b"[]", "json", []),
    ],
)
def test_a_member_gives_its_records(member: str, content: bytes, kind: Any, data: list[Any]) -> None:
    found = list(records_of(member, [content], 1000))
    kinds = [kind] * len(data) if kind else ["json", "coco"]
    assert found == [ExportRecord(member, each, value) for each, value in zip(kinds, data, strict=True)]


@pytest.mark.parametrize("member", ["a.txt", "json", "a.json/b", "a.", "a.json.exe", "b.csv/", ".gitignore"])
def test_another_kind_of_file_is_not_read(member: str) -> None:
    with pytest.raises(UnreadableError, match=r"^only \.json, \.geojson, \.jsonl, \.ndjson, \.csv are read$"):
        list(records_of(member, [b"{}"], 1000))


@pytest.mark.parametrize(("member", "content"), [("a.json", b"[{}, 1]"), ("a.json", b'"x"'), ("a.jsonl", b"{}\n[]")])
def test_a_record_is_an_object(member: str, content: bytes) -> None:
    with pytest.raises(UnreadableError, match="a record in it is no JSON object"):
        list(records_of(member, [content], 1000))
