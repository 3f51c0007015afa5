from __future__ import annotations

import json
import mmap
import tracemalloc
from pathlib import Path

import pytest

from cf_ai_platform_client.core.coco_bytes import NOT_COCO, NOT_STRICT_JSON, CocoDocument, Splice, add_asset_url, splice
from cf_ai_platform_client.errors import ResponseError

URL = '"asset_url": "a.jpg"'


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{}", "{" + f'"info": {{{URL}}}' + "}"),
        (' { "images" : [] } ', " {" + f'"info": {{{URL}}}, ' + ' "images" : [] } '),
        ('{"info": {}}', '{"info": {' + URL + "}}"),
        ('{"info": {"year": 1e999}}', '{"info": {' + URL + ', "year": 1e999}}'),
        ('{"info": null, "a": 1}', '{"info": {' + URL + '}, "a": 1}'),
        ('{"info": {"asset_url": [1, 2] , "b": 0}}', '{"info": {"asset_url": "a.jpg" , "b": 0}}'),
        ('{"in\\u0066o": {"x": 1}}', '{"in\\u0066o": {' + URL + ', "x": 1}}'),
        ('{"info": {"asset_url": 1, "asset_url": 2}}', '{"info": {"asset_url": 1, "asset_url": "a.jpg"}}'),
        ('{"info": {"a": 1}, "info": {}}', '{"info": {"a": 1}, "info": {' + URL + "}}"),
        ('{"info": {"a": {"asset_url": 1}}}', '{"info": {' + URL + ', "a": {"asset_url": 1}}}'),
        ('{"n": 12345678901234567890123}', "{" + f'"info": {{{URL}}}, ' + '"n": 12345678901234567890123}'),
        ('{"info" :{ "b":1}, "info2": 2}', '{"info" :{' + URL + ", " + ' "b":1}, "info2": 2}'),
        ('{"info": "text", "info": [1]}', '{"info": "text", "info": {' + URL + "}}"),
        ('{"info": {"asset\\u005furl": {}}}', '{"info": {"asset\\u005furl": "a.jpg"}}'),
        ('{"a\\"}b": "{", "info": {"}": 1}}', '{"a\\"}b": "{", "info": {' + URL + ', "}": 1}}'),
        ('{"é\\"": "ü"}', "{" + f'"info": {{{URL}}}, ' + '"é\\"": "ü"}'),
    ],
)
def test_one_member_is_added_and_every_other_byte_stays(source: str, result: str) -> None:
    assert add_asset_url(source.encode(), "a.jpg").content.decode() == result


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ('{"a": NaN}', "{" + f'"info": {{{URL}}}, ' + '"a": NaN}'),
        ('{"a": "\\ud800", "info" : {"x":-Infinity} }', '{"a": "\\ud800", "info" : {' + URL + ', "x":-Infinity} }'),
        ('{"info": {"\\ud800": {}, "asset_url" : null}}', '{"info": {"\\ud800": {}, "asset_url" : "a.jpg"}}'),
        ('{"info": [NaN]}', '{"info": {' + URL + "}}"),
        ('{"b": NaN, "n": ' + "1" * 5000 + "}", "{" + f'"info": {{{URL}}}, ' + '"b": NaN, "n": ' + "1" * 5000 + "}"),
        ('{"info": {"asset_url": NaN, "asset_url" : NaN }}', '{"info": {"asset_url": NaN, "asset_url" : "a.jpg" }}'),
        ('{"info": {}, "x": NaN}', '{"info": {' + URL + '}, "x": NaN}'),
    ],
    ids=range(7),
)
def test_what_only_python_reads_is_kept_with_a_warning(source: str, result: str) -> None:
    document = add_asset_url(source.encode(), "a.jpg")
    assert document.content.decode() == result
    assert NOT_STRICT_JSON in document.warnings


@pytest.mark.parametrize("value", ["1", "NaN"])
def test_a_byte_order_mark_is_dropped(value: str) -> None:
    source = '{"images": [' + value + "]}"
    assert add_asset_url(b"\xef\xbb\xbf" + source.encode(), "a") == add_asset_url(source.encode(), "a")
    assert not add_asset_url(b"\xef\xbb\xbf{}", "a").content.startswith(b"\xef")


def test_an_asset_url_of_any_kind_is_written_in_ascii() -> None:
    content = add_asset_url(b"{}", 'é"\\\ud800').content
    assert content.isascii()
    assert json.loads(content)["info"]["asset_url"] == 'é"\\\ud800'


@pytest.mark.parametrize(
    ("source", "warnings"),
    [
        (b'{"images": []}', ()),
        (b'{"x": 1, "annotations": null}', ()),
        (b'{"categories": 1}', ()),
        (b'{"x": 1}', (NOT_COCO,)),
        (b"{}", (NOT_COCO,)),
        (b'{"x": {"images": []}}', (NOT_COCO,)),
        (b'{"images": [NaN]}', (NOT_STRICT_JSON,)),
        (b'{"x": NaN}', (NOT_COCO, NOT_STRICT_JSON)),
    ],
)
def test_what_is_no_coco_is_told(source: bytes, warnings: tuple[str, ...]) -> None:
    assert add_asset_url(source, "a").warnings == warnings


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"  ",
        b"[1]",
        b"null",
        b"<html>",
        b'{"a": 1',
        b'{"a": 1} x',
        b'{"a": 1}{"b": 2}',
        b'{"a": NaN} x',
        b'{"a": NaN,}',
        b'{,"a": NaN}',
        b'{"a": NaN "b": 1}',
        b'{"a": "\xff"}',
        b'{"a": NaN, "b": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "tab\t"}',
        b'{"a": "\\q"}',
        b'{"a": 01}',
        b'{"info": {"b": [1,]}}',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b'"{}"',
        b'\xff\xfe{\x00"\x00',
        b'{"a":' * 100_000,
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"info": ' + b'{"info":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"a": ' + b"[" * 100_000 + b"NaN" + b"]" * 100_000 + b"}",
        b"NaN",
    ],
    ids=range(27),
)
def test_what_is_not_one_whole_object_is_refused(source: bytes) -> None:
    with pytest.raises(ResponseError, match="The storage sent") as caught:
        add_asset_url(source, "a")
    assert caught.value.code == "invalid_json"
    assert len(str(caught.value)) < 400


def test_the_message_says_what_came() -> None:
    for source, said in [(b" \n", "an empty document"), (b"{", "1 bytes"), (b"[" * 100_000, "nested too deeply")]:
        with pytest.raises(ResponseError, match=said):
            add_asset_url(source, "a")


def test_large_documents_in_other_letters_are_checked_in_pieces() -> None:
    source = b'{"images": ["' + "é".encode() * (1 << 20) + b'"]}'
    assert json.loads(add_asset_url(source, "a").content)["images"] == ["é" * (1 << 20)]
    with pytest.raises(ResponseError):
        add_asset_url(source[:-4] + b'"]}', "a")


def whole(spliced: Splice) -> CocoDocument:
    return CocoDocument(b"".join(spliced.parts), spliced.warnings)


@pytest.mark.parametrize(
    "source",
    [
        b'{"info": {"year": 1, "asset_url": 2}, "images": []}',
        b'\xef\xbb\xbf {"images": []}',
        b'{"info": [NaN]}',
        '{"é": ["ü"], "info": {"é": 1}}'.encode(),
        b'{"images": ["' + "é".encode() * (1 << 20) + b'"]}',
        b'{"images": ["' + b"x" * (1 << 20) + "é".encode() + b'", 1]}',
    ],
)
def test_any_buffer_is_spliced_alike(source: bytes) -> None:
    assert whole(splice(memoryview(source), "a")) == add_asset_url(source, "a")
    assert whole(splice(bytearray(source), "a")) == add_asset_url(source, "a")


@pytest.mark.parametrize("source", [b"", b" \n ", b"[1]", b'{"a": "\xff"}', b'{"a": 1', b'{"a": NaN} x'])
def test_any_buffer_is_refused_alike(source: bytes) -> None:
    said: list[str] = []
    for buffer in (source, memoryview(source)):
        with pytest.raises(ResponseError) as caught:
            splice(buffer, "a")
        said.append(str(caught.value))
    with pytest.raises(ResponseError) as caught:
        add_asset_url(source, "a")
    assert said == [str(caught.value)] * 2


def test_a_mapped_file_is_not_copied(tmp_path: Path) -> None:
    source = b'{"info": {"year": 1}, "images": ["' + "é".encode() * (8 << 20) + b'"]}'
    (tmp_path / "big.json").write_bytes(source)
    with (tmp_path / "big.json").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        tracemalloc.start()
        try:
            spliced = splice(mapped, "a")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 << 20
        assert whole(spliced) == add_asset_url(source, "a")


def test_a_character_cut_at_the_end_of_a_chunk_is_no_character() -> None:
    start = b'{"a": "' + b"x" * ((1 << 20) - 8)
    for middle, right in (("é".encode(), True), (b"\xc3x", False), (b"\xc3", False)):
        source = start + middle + b"y" * 9 + b'"}'
        if right:
            assert splice(memoryview(source), "a")
        else:
            with pytest.raises(ResponseError, match="utf-8"):
                splice(memoryview(source), "a")
    with pytest.raises(ResponseError, match="unexpected end of data"):
        splice(memoryview(start + b"x" * (1 << 20) + b'"}\xc3'), "a")


def test_a_big_document_must_be_strict_json() -> None:
    source = b'{"images": [NaN]}'
    assert splice(source, "a", lenient_bytes=len(source)).warnings == (NOT_STRICT_JSON,)
    with pytest.raises(ResponseError, match="malformed.*; over 0 MiB only strict JSON is read") as caught:
        splice(source, "a", lenient_bytes=len(source) - 1)
    assert caught.value.code == "invalid_json"
    assert splice(b'{"images": []}', "a", lenient_bytes=1).warnings == ()
