"""B1 to B10: documents that are cut, altered, bombs, slow, expired, another item's, or huge."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, DownloadSummary
from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import Event, ItemStored
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project
from cf_ai_platform_client.settings import Limits

from ..adapters.disks import files_of_at_most
from ..conftest import Clock
from .fronts import Choice, Edited, head_of, in_front_of, only, through, whole
from .projects import Watched, made, serve, sources_of
from .promise import KEY, OWN, Kept, check_tidy, client_of, is_whole, run, watched
from .witness import refused

Items = dict[str, int | None]
BATCHES = {1: "one"}
SMALL, SPOOLED, CHILD = 1000, (1 << 20) + 1000, (32 << 20) + 1000
"""Sizes of documents: one in memory, one in a file and read by a thread, one read by a process of its own."""

SIZES = pytest.mark.parametrize("size", [SMALL, SPOOLED, CHILD], ids=["small", "spooled", "child"])
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


@lru_cache(maxsize=4)
def document_of_size(size: int, text: str = "") -> bytes:
    """Make a document of many images and a long text; its beginning tells which one it is."""
    images = b", ".join(b'{"id": %d, "file_name": "%s"}' % (number, text.encode()) for number in range(10))
    begin = b'{"info": {"year": 2026}, "images": [' + images + b'], "annotations": [], "note": "'
    return begin + b"x" * (size - len(begin) - 2) + b'"}'


def with_asset_url(document: bytes, number: int = 0) -> bytes:
    """Return what a document of `document_of_size` becomes."""
    return document.replace(b'{"info": {', b'{"info": {"asset_url": "assets/%d.jpg", ' % number, 1)


def project_with(*documents: bytes) -> tuple[Project, dict[str, bytes]]:
    """Make a project of items a, b, c … with these documents."""
    sources = {chr(ord("a") + number): document for number, document in enumerate(documents)}
    return made(dict.fromkeys(sources, 1), BATCHES, documents=sources), sources


def one(
    destination: Path, document: bytes, *faults: Fault, expected: Mapping[str, bytes] | None = None, **more: Any
) -> tuple[Kept, int]:
    """Download a project of one item and tell how often its document was asked for."""
    project, sources = project_with(document)
    clock = Clock()
    with serve(project, faults=faults) as sandbox:
        client = client_of(sandbox, clock, **more)
        kept = run(client, destination, expected=sources if expected is None else expected)
        assert left_over(destination) == []
        return kept, sandbox.counts["storage"]


def left_over(destination: Path) -> list[str]:
    """Return what is below the destination that is neither a document nor the journal."""
    own = {f"{OWN}/journal.sqlite3{end}" for end in ("", "-wal", "-journal")}
    paths = [path for path in destination.rglob("*") if path.is_file()]
    names = [path.relative_to(destination).as_posix() for path in paths]
    return [name for name in names if name not in own and not (name.startswith("one/") and name.endswith(".json"))]


def check_failed(kept: Kept, code: str, items: int = 1) -> None:
    assert (kept.error, kept.codes, kept.files) == (None, {code}, {})
    assert kept.counts() == (0, 0, items, 0)


def chunked(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return head_of(Transfer_Encoding="chunked") + b"%x\r\n" % len(body) + body + b"\r\n" + end


# B1 and B2: cut


@SIZES
def test_b1_a_body_that_ends_too_early_once_is_fetched_again(size: int, destination: Path) -> None:
    document = document_of_size(size)
    kept, asked = one(destination, document, Fault("storage", "truncated", nth=1))
    assert (kept.counts(), asked) == ((1, 0, 0, 0), 2)
    assert kept.files == {"one/a.json": with_asset_url(document)}
    assert [retry.code for retry in kept.retries] == ["truncated"]


@SIZES
def test_b1_a_body_that_always_ends_too_early_is_truncated(size: int, destination: Path) -> None:
    kept, asked = one(destination, document_of_size(size), Fault("storage", "truncated"), attempts=3)
    check_failed(kept, "truncated")
    assert (asked, len(kept.retries)) == (3, 2)


@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
@pytest.mark.parametrize(
    "sent",
    [
        lambda body: chunked(body, b""),
        lambda body: chunked(body, b"5\r\nab"),
        lambda body: whole(gzip.compress(body)[:-9], Content_Encoding="gzip"),
        lambda body: head_of(Content_Encoding="gzip") + gzip.compress(body)[:-9],
        lambda body: whole(body[:-1] + b"\x00", Content_Encoding="gzip"),
        lambda body: head_of(len(body) + 1) + body,
    ],
    ids=["no last chunk", "cut chunk", "cut gzip", "cut gzip without a length", "no gzip", "one byte is missing"],
)
def test_b1_other_bodies_that_end_too_early(
    sent: Callable[[bytes], bytes], size: int, destination: Path, clock: Clock
) -> None:
    document = document_of_size(size)
    project, sources = project_with(document)
    with serve(project) as sandbox:
        with in_front_of(sandbox, only("storage", sent(document))) as front:
            kept = run(client_of(sandbox), destination, expected=sources, call=through(front, clock, attempts=2))
            check_failed(kept, "truncated")
        with in_front_of(sandbox, only("storage", sent(document), times=1)) as front:
            kept = run(client_of(sandbox), destination, expected=sources, call=through(front, clock, attempts=2))
            assert kept.files == {"one/a.json": with_asset_url(document)}
    assert left_over(destination) == []


@pytest.mark.parametrize("endpoint", ["work_items", "batches", "annotations", "signed_urls"])
def test_b1_an_answer_of_the_platform_that_ends_too_early(endpoint: Any, destination: Path) -> None:
    for attempts, nth in ((3, 1), (2, ())):
        faults = [Fault(endpoint, "truncated", nth=nth)]
        kept, _ = one(destination / str(attempts), document_of_size(SMALL), *faults, attempts=attempts)
        if nth:
            assert (kept.error, kept.counts()) == (None, (1, 0, 0, 0))
        else:
            assert {kept.code, *kept.codes} & {"truncated", "listing_failed"}
            assert kept.files == {}


@SIZES
@pytest.mark.parametrize("missing", [1, 400])
def test_b2_a_body_without_a_length_that_is_cut_is_no_document(missing: int, size: int, destination: Path) -> None:
    document = document_of_size(size + 500)
    project, sources = project_with(document)
    with serve(project) as sandbox:
        cut = head_of() + document[:-missing]
        with in_front_of(sandbox, only("storage", cut)) as front:
            kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
            check_failed(kept, "invalid_json")
            assert [retry.code for retry in kept.retries] == ["invalid_json"]  # once more, and no more
        assert left_over(destination) == []
        with in_front_of(sandbox, only("storage", cut, times=1)) as front:
            kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
        assert kept.files == {"one/a.json": with_asset_url(document)}


def test_b2_half_a_body_without_a_length(destination: Path) -> None:
    check_failed(one(destination, document_of_size(SMALL), Fault("storage", "close_delimited"))[0], "invalid_json")
    assert one(destination, document_of_size(SMALL), Fault("storage", "close_delimited", nth=1))[0].counts()[0] == 1


@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
@pytest.mark.parametrize("sent", [lambda body: head_of() + body, chunked], ids=["no length", "chunked"])
def test_b2_a_whole_body_without_a_length_is_well(sent: Callable[[bytes], bytes], size: int, destination: Path) -> None:
    document = document_of_size(size)
    project, sources = project_with(document)
    with serve(project) as sandbox, in_front_of(sandbox, only("storage", sent(document))) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
    assert (kept.files, kept.retries) == ({"one/a.json": with_asset_url(document)}, [])


def test_b2_a_cut_in_the_middle_of_a_run_costs_that_item_only(destination: Path) -> None:
    fault = Fault("storage", "close_delimited", match="coco_output/3.json")
    items: Items = {f"item-{number}": 1 for number in range(10)}
    with serve(made(items, BATCHES), faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, Clock()), destination, expected=sources_of(items))
    assert (kept.counts(), kept.codes) == ((9, 0, 1, 0), {"invalid_json"})


# B3: something else

OTHERS = {
    "html": "<!doctype html><html><body>Log in</body></html>",
    "nothing": "",
    "spaces": " \n\t ",
    "list": "[1]",
    "string": '"x"',
    "number": "17",
    "null": "null",
    "true": "true",
    "two documents": '{"images": []} {"images": []}',
    "two lines": '{"images": []}\n{"images": []}\n',
    "something follows": '{"images": []};',
    "a comma too many": '{"images": [],}',
    "single quotes": "{'images': []}",
    "no quotes": "{images: []}",
    "a comment": '{"images": []} // all',
    "nul": '{"images": []}\0',
    "an error as XML": "<?xml version='1.0'?><Error><Code>InternalError</Code></Error>",
    "two marks": "\ufeff\ufeff{}",
    "deeply nested": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deeply nested objects": '{"a": ' * 50_000 + "1" + "}" * 50_000,
    "a list of documents": '[{"images": []}]',
}


@pytest.mark.parametrize("size", [0, SPOOLED], ids=["small", "spooled"])
@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_b3_what_is_no_document_is_refused_after_one_more_fetch(content: str, size: int, destination: Path) -> None:
    body = content.encode()
    kept, asked = one(destination, b"{}", Fault("storage", "altered", body=(body + b" " * size).decode() or " "))
    check_failed(kept, "invalid_json")
    assert asked == 2
    assert kept.summary is not None
    (result,) = kept.summary.results
    assert "The storage sent" in str(result.error)
    assert "\n" not in str(result.error)
    assert len(str(result.error)) < 500


def test_b3_what_is_no_document_is_refused_by_the_process_too(destination: Path) -> None:
    body = b"<html>" + b" " * CHILD
    kept, asked = one(destination, body)
    check_failed(kept, "invalid_json")
    assert asked == 2


@pytest.mark.parametrize("sent", [whole(b""), head_of()], ids=["a length of 0", "no length"])
def test_b3_an_empty_body(sent: bytes, destination: Path) -> None:
    project, _ = project_with(document_of_size(SMALL))
    with serve(project) as sandbox, in_front_of(sandbox, only("storage", sent)) as front:
        check_failed(run(client_of(sandbox), destination, call=through(front)), "invalid_json")


@pytest.mark.parametrize("body", ["", '{"images": []}'], ids=["no body", "a body"])
@pytest.mark.parametrize(
    ("status", "code"), [(204, "invalid_json"), (206, "truncated"), (304, "rejected"), (302, "rejected"), (205, None)]
)
def test_b3_a_status_that_brings_no_document(status: int, code: str | None, body: str, destination: Path) -> None:
    if status in {204, 205, 304}:
        body = ""  # there is none in these
    headers = {"Location": "/other", "Content-Range": "bytes 0-13/14"}
    fault = refused("storage", status, body=body or " ", headers=headers)
    kept, _ = one(destination, document_of_size(SMALL), fault, attempts=3)
    check_failed(kept, code or "invalid_json")
    assert len(kept.retries) == {206: 2, 304: 0, 302: 0}.get(status, 1)


@pytest.mark.parametrize("status", [204, 206])
def test_b3_a_status_that_brings_no_document_once(status: int, destination: Path) -> None:
    document = document_of_size(SMALL)
    kept, _ = one(destination, document, refused("storage", status, nth=1, body=" "))
    assert kept.files == {"one/a.json": with_asset_url(document)}


@pytest.mark.parametrize("status", [204, 206, 304])
def test_b3_what_was_here_before_stays(status: int, destination: Path) -> None:
    document = document_of_size(SMALL)
    before, _ = one(destination, document)
    project, sources = project_with(document)
    with serve(project, faults=[refused("storage", status, body=" ")]) as sandbox:
        kept = run(client_of(sandbox, Clock(), attempts=2), destination, expected=sources, overwrite=True)
    assert (kept.files, kept.counts()) == (before.files, (0, 0, 1, 0))


# B4: digests


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


DIGESTS: dict[str, Callable[[bytes], dict[str, str]]] = {
    "Content-MD5": lambda body: {"Content-MD5": md5(body)},
    "x-goog-hash": lambda body: {"x-goog-hash": f"crc32c=AAAAAA==,md5={md5(body)}"},
    "x-goog-hash alone": lambda body: {"X-Goog-Hash": f"md5={md5(body)}"},
    "x-amz-checksum-crc32": lambda body: {"x-amz-checksum-crc32": crc32(body)},
    "x-amz-checksum-sha1": lambda body: {"x-amz-checksum-sha1": base64.b64encode(hashlib.sha1(body).digest()).decode()},
    "x-amz-checksum-sha256": lambda body: {
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()
    },
    "several": lambda body: {"Content-MD5": md5(body), "x-amz-checksum-crc32": crc32(body)},
}
EACH_DIGEST = pytest.mark.parametrize("digest", DIGESTS.values(), ids=DIGESTS)


@EACH_DIGEST
@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
def test_b4_a_digest_that_differs_once_costs_one_fetch(
    digest: Callable[[bytes], dict[str, str]], size: int, destination: Path
) -> None:
    document = document_of_size(size)
    faults = [Fault("storage", "headers", nth=1, headers=digest(b"other"))]
    faults += [Fault("storage", "headers", headers=digest(document))]
    kept, asked = one(destination, document, *faults)
    assert (kept.files, asked) == ({"one/a.json": with_asset_url(document)}, 2)
    assert [retry.code for retry in kept.retries] == ["checksum"]


@EACH_DIGEST
@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
def test_b4_a_digest_that_differs_twice_is_an_error(
    digest: Callable[[bytes], dict[str, str]], size: int, destination: Path
) -> None:
    kept, asked = one(destination, document_of_size(size), Fault("storage", "headers", headers=digest(b"other")))
    check_failed(kept, "checksum")
    assert asked == 2
    assert kept.summary is not None
    assert "altered on its way" in str(kept.summary.results[0].error)


def test_b4_one_digest_of_two_that_differs_is_an_error(destination: Path) -> None:
    document = document_of_size(SMALL)
    headers = {"Content-MD5": md5(document), "x-amz-checksum-crc32": crc32(b"other")}
    check_failed(one(destination, document, Fault("storage", "headers", headers=headers))[0], "checksum")


def test_b4_a_digest_that_differs_of_a_document_for_the_process(destination: Path) -> None:
    fault = Fault("storage", "headers", headers=DIGESTS["Content-MD5"](b"other"))
    check_failed(one(destination, document_of_size(CHILD), fault)[0], "checksum")


@pytest.mark.parametrize("place", [50, 500, 999])
def test_b4_a_byte_that_was_altered_on_its_way(place: int, destination: Path) -> None:
    document = document_of_size(SMALL)
    altered = bytearray(document)
    altered[place - 1] ^= 1
    project, sources = project_with(document)
    with serve(project) as sandbox:
        for times, codes in ((9, {"checksum"}), (1, set())):
            choice = only("storage", whole(bytes(altered), Content_MD5=md5(document)), times=times)
            with in_front_of(sandbox, choice) as front:
                kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
            assert kept.codes == codes
    assert kept.files == {"one/a.json": with_asset_url(document)}


NO_DIGESTS = {
    "composite crc32": {"x-amz-checksum-crc32": "AAAAAA==-3"},
    "composite sha256": {"x-amz-checksum-sha256": f"{base64.b64encode(bytes(32)).decode()}-2"},
    "an ETag that is another's MD5": {"ETag": '"0123456789abcdef0123456789abcdef"'},
    "crc32c": {"x-goog-hash": "crc32c=AAAAAA=="},
    "crc32c of amz": {"x-amz-checksum-crc32c": "AAAAAA=="},
    "no base64": {"Content-MD5": "???"},
    "nothing": {"Content-MD5": ""},
    "its own type": {"x-amz-checksum-type": "COMPOSITE"},
    "transcoded": {"x-goog-hash": f"md5={md5(b'other')}", "x-goog-stored-content-encoding": "gzip"},
}


@pytest.mark.parametrize("headers", NO_DIGESTS.values(), ids=NO_DIGESTS)
@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
def test_b4_what_is_no_digest_of_the_body_is_ignored(headers: dict[str, str], size: int, destination: Path) -> None:
    document = document_of_size(size)
    kept, asked = one(destination, document, Fault("storage", "headers", headers=headers))
    assert (kept.files, asked) == ({"one/a.json": with_asset_url(document)}, 1)


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "x-gzip": gzip.compress,
    "identity": bytes,
    "utf-8": bytes,
    "gzip,aws-chunked": gzip.compress,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
def test_b4_digests_are_of_the_bytes_as_they_were_sent(encoding: str, size: int, destination: Path) -> None:
    document = document_of_size(size)
    packed = ENCODINGS[encoding](document)
    headers = {"Content-Encoding": encoding, "Content-MD5": md5(packed)}
    expected = {"a": document}
    kept, asked = one(destination, packed, Fault("storage", "headers", headers=headers), expected=expected)
    assert (kept.files, asked) == ({"one/a.json": with_asset_url(document)}, 1)
    if packed != document:
        headers["Content-MD5"] = md5(document)
        fault = Fault("storage", "headers", headers=headers)
        check_failed(one(destination.parent / "other", packed, fault)[0], "checksum")


# B5: every byte kept

KEPT = {
    # what is between « and » is added, what is between ‹ and › is there before only
    "no info": '{«"info": {"asset_url": "@"}, »"images": []}',
    "spaces": ' \r\n\t{«"info": {"asset_url": "@"}, » "images" :\t[ ] \n} \n ',
    "info": '{"images": [], "info": {«"asset_url": "@", »"year": 2026}}',
    "info with spaces": '{"info" : {«"asset_url": "@", » "year" : 2026 } }',
    "empty info": '{"info": {«"asset_url": "@"»}, "images": []}',
    "empty": '{«"info": {"asset_url": "@"}»}',
    "an asset_url": '{"info": {"a": 1, "asset_url": ‹"old"›«"@"», "b": 2}, "images": []}',
    "an asset_url that is none": '{"info": {"asset_url": ‹{"x": [1]}›«"@"»}, "images": []}',
    "info is null": '{"info": ‹null›«{"asset_url": "@"}», "images": []}',
    "info is a text": '{"info": ‹"of {x}"›«{"asset_url": "@"}», "images": []}',
    "info within": '{«"info": {"asset_url": "@"}, »"a": {"info": {"asset_url": "x"}}, "images": [{"info": {}}]}',
    "two infos": '{"info": {"a": 1}, "images": [], "info": {«"asset_url": "@", »"b": 2}}',
    "two infos, the last a number": '{"info": {"a": 1}, "images": [], "info": ‹7›«{"asset_url": "@"}»}',
    "two asset_urls": '{"info": {"asset_url": "1", "asset_url": ‹"2"›«"@"»}, "images": []}',
    "an escaped info": '{"\\u0069nfo": {«"asset_url": "@", »"b": 2}, "images": []}',
    "numbers": '{«"info": {"asset_url": "@"}, »"images": [1e999, -1E-999, 12345678901234567890, 1.0, 1.10, 0.1e+2, -0,'
    " -0.0, 1E400, 3.141592653589793238462643383279502884197]}",
    "a long number": '{«"info": {"asset_url": "@"}, »"images": [' + "7" * 5000 + "." + "1" * 5000 + "]}",
    "duplicate keys": '{«"info": {"asset_url": "@"}, »"images": [1], "images": [2], "annotations": {"a": 1, "a": 2}}',
    "utf-8": '{«"info": {"asset_url": "@"}, »"images": ["é ü 漢字 🦜 \u2028 \u00a0 \x7f"], "ключ": "значение"}',
    "escapes": '{«"info": {"asset_url": "@"}, »"images": ["\\u00e9\\/\\\\\\"\\b\\f\\n\\r\\t\\ud83e\\udd9c"]}',
    "quotes in names": '{«"info": {"asset_url": "@"}, »"\\"info\\": {": "}", "images": ["{\\"info\\": {}}"]}',
    "a mark": '‹\ufeff›{«"info": {"asset_url": "@"}, »"images": []}',
    "a mark within": '{«"info": {"asset_url": "@"}, »"\ufeffinfo": {}, "images": ["\ufeff"]}',
    "nested": '{«"info": {"asset_url": "@"}, »"images": ' + "[" * 300 + "]" * 300 + "}",
    "order": '{«"info": {"asset_url": "@"}, »"z": 1, "categories": [], "b": 2, "annotations": [], "a": 3}',
    "NaN": '{«"info": {"asset_url": "@"}, »"images": [NaN, Infinity, -Infinity]}',
    "a lone surrogate": '{"images": ["\\ud800", "\\udfff\\ud800"], "info": {«"asset_url": "@", »"a": NaN}}',
    "a name with a lone surrogate": '{«"info": {"asset_url": "@"}, »"\\ud800": 1, "images": []}',
}
NOT_STRICT = {"NaN", "a lone surrogate", "a name with a lone surrogate"}


def before_and_after(marked: str, number: int, padding: int) -> tuple[bytes, bytes]:
    """Return the document that a marked text stands for, and what is to become of it."""
    before, after, inside = list[str](), list[str](), ""
    for character in marked:
        if character in "«»‹›":
            inside = character if character in "«‹" else ""
            continue
        if inside != "«":
            before.append(character)
        if inside != "‹":
            after.append(character)
    space = " " * padding
    return ("".join(before) + space).encode(), ("".join(after).replace("@", f"assets/{number}.jpg") + space).encode()


@pytest.mark.parametrize("padding", [0, SPOOLED], ids=["small", "spooled"])
def test_b5_every_byte_is_kept(padding: int, destination: Path) -> None:
    names = {f"item-{number}": name for number, name in enumerate(KEPT)}
    pairs = {item: before_and_after(KEPT[name], number, padding) for number, (item, name) in enumerate(names.items())}
    sources = {item: before for item, (before, _) in pairs.items()}
    with serve(made(dict.fromkeys(sources, 1), BATCHES, documents=sources)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources)
    assert kept.summary is not None
    for result in kept.summary.results:
        name = names[result.item_id]
        assert kept.files[f"one/{result.item_id}.json"] == pairs[result.item_id][1], name
        not_coco = ["not_coco"] if name in {"empty", "info with spaces"} else []
        assert result.warnings == [*not_coco, *(["not_strict_json"] if name in NOT_STRICT else [])], name
    assert len(kept.files) == len(KEPT)


@pytest.mark.parametrize(
    "name", ["info", "two infos", "numbers", "duplicate keys", "utf-8", "a mark", "a lone surrogate", "an escaped info"]
)
def test_b5_every_byte_is_kept_by_the_process(name: str, destination: Path) -> None:
    before, after = before_and_after(KEPT[name], 0, CHILD)
    kept, _ = one(destination, before)
    assert kept.files == {"one/a.json": after}
    assert kept.summary is not None
    assert kept.summary.results[0].warnings == (["not_strict_json"] if name in NOT_STRICT else [])


BROKEN = {
    "a lone surrogate in bytes": b'{"images": ["\xed\xa0\x80"]}',
    "latin-1": '{"images": ["é"]}'.encode("latin-1"),
    "an overlong form": b'{"images": ["\xc0\xaf"]}',
    "utf-16": '{"images": []}'.encode("utf-16"),
    "utf-16 without a mark": '{"images": []}'.encode("utf-16-le"),
    "cut within a character": '{"images": ["é"]}'.encode()[:14],
    "a control character": b'{"images": ["\x00"]}',
    "a line break in a text": b'{"images": ["\n"]}',
    "no escape": b'{"images": ["\\x"]}',
    "half a number": b'{"images": [1.]}',
    "a zero too many": b'{"images": [01]}',
}


@pytest.mark.parametrize("size", [0, SPOOLED], ids=["small", "spooled"])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_b5_what_no_reader_would_read_is_refused(body: bytes, size: int, destination: Path) -> None:
    check_failed(one(destination, body + b" " * size)[0], "invalid_json")


@pytest.mark.parametrize(
    "asset_url", ['a"b\\c.jpg', "é/漢.jpg", "a b.jpg", "https://assets.example/a.jpg", None, "\ud800"]
)
def test_b5_an_asset_url_of_any_kind_is_json(asset_url: str | None, destination: Path) -> None:
    document = document_of_size(SMALL)
    project = Project([{"id": "a", "assetUrl": asset_url}], documents={"coco_output/a.json": document})
    with serve(project) as sandbox:
        kept = run(client_of(sandbox), destination, expected={"a": document})
    (content,) = kept.files.values()
    added = json.loads(content)["info"].pop("asset_url")
    assert added == ("?" if asset_url == "\ud800" else asset_url or "")
    assert content.replace(b'"asset_url": ' + json.dumps(added).encode() + b", ", b"", 1) == document


@pytest.mark.parametrize("size", [0, SPOOLED, CHILD], ids=["small", "spooled", "child"])
def test_b5_an_object_that_is_no_coco_is_saved_with_a_warning(size: int, destination: Path) -> None:
    document = b'{"features": [], "other": {"images": []}}' + b" " * size
    kept, _ = one(destination, document)
    assert kept.summary is not None
    (result,) = kept.summary.results
    assert (result.success, result.warnings) == (True, ["not_coco"])
    assert kept.files == {"one/a.json": b'{"info": {"asset_url": "assets/0.jpg"}, ' + document[1:]}


def read_all(client: CFUserClient, **more: Any) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        found = client.iter_annotations("sample-project", "sample-space", **more)
        return {result.item.id: result async for result in found}

    return asyncio.run(asyncio.wait_for(read(), 60))


def test_b5_an_iteration_gives_documents_of_every_size_as_bytes() -> None:
    documents = [document_of_size(SMALL), document_of_size(SPOOLED), document_of_size(CHILD), b'{"x": NaN}', b"[1]"]
    project, _ = project_with(*documents)
    with serve(project) as sandbox:
        found = read_all(client_of(sandbox, Clock()))
    for number, item in enumerate("abc"):
        assert found[item].document == with_asset_url(documents[number], number)
        assert found[item].warnings == ()
    assert found["d"].warnings == ("not_coco", "not_strict_json")
    assert (found["e"].document, found["e"].error.code) == (None, "invalid_json")


# B6: bombs

GIB = 1 << 30


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """Return a gigabyte of zeros as a whole gzip of a megabyte."""
    piece = bytes(16 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(64):
        checksum = zlib.crc32(piece, checksum)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return first + again * 63 + end + checksum.to_bytes(4, "little") + (GIB & 0xFFFFFFFF).to_bytes(4, "little")


def test_b6_the_bomb_is_one() -> None:
    unpacker, size = zlib.decompressobj(31), 0
    rest = bomb()
    while rest:
        size += len(unpacker.decompress(rest, 16 << 20))
        rest = unpacker.unconsumed_tail
    assert (unpacker.eof, size) == (True, GIB)
    assert len(bomb()) < 2 << 20


def exploding(times: int = 1, **headers: str) -> bytes:
    """Answer with the bomb, packed again so often."""
    body, encoding = bomb(), "gzip"
    for _ in range(times - 1):
        body, encoding = gzip.compress(body), f"{encoding}, gzip"
    return whole(body, Content_Encoding=encoding, **headers)


def exploding_error(status: str) -> bytes:
    return exploding().replace(b"200 OK", status.encode(), 1)


def exploding_without_end() -> Any:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(Content_Encoding="gzip"))
        first = zlib.compressobj(9, zlib.DEFLATED, 31)
        writer.write(first.compress(bytes(1 << 20)) + first.flush(zlib.Z_FULL_FLUSH))
        more = first.compress(bytes(1 << 20)) + first.flush(zlib.Z_FULL_FLUSH)
        while not writer.transport.is_closing():
            writer.write(more)
            await writer.drain()

    return pour


def bombs() -> dict[str, tuple[str, Any, set[str | None]]]:
    """Return by name where each bomb is, what it is, and the codes that it may end in."""
    return {
        "document": ("storage", exploding(), {"too_large"}),
        "packed twice": ("storage", exploding(2), {"too_large"}),
        "packed three times": ("storage", exploding(3), {"too_large"}),
        "with a digest": ("storage", exploding(Content_MD5=md5(bomb())), {"too_large"}),
        "without end": ("storage", exploding_without_end(), {"too_large"}),
        "manifest": ("work_items", exploding(), {"listing_failed", "too_large"}),
        "batches": ("batches", exploding(2), {"listing_failed", "too_large"}),
        "annotation": ("annotations", exploding(), {"too_large"}),
        "annotation without end": ("annotations", exploding_without_end(), {"too_large"}),
        "signed URLs": ("signed_urls", exploding(), {"too_large"}),
        "an error": ("annotations", exploding_error("404 Not Found"), {"not_found"}),
        "an error of the storage": ("storage", exploding_error("404 Not Found"), {"not_found"}),
        "an error packed twice": ("signed_urls", exploding(2).replace(b"200 OK", b"422 No"), {"rejected"}),
        "a refused key": ("work_items", exploding_error("401 Unauthorized"), {"unauthorized"}),
    }


def test_b6_a_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    project, sources = project_with(document_of_size(SMALL))
    for name, (endpoint, answer, codes) in bombs().items():
        with serve(project) as sandbox, in_front_of(sandbox, only(endpoint, answer)) as front:
            kept = run(client_of(sandbox), tmp_path / name / "out", expected=sources, call=through(front, attempts=2))
        assert {kept.code} - {None} | kept.codes <= codes, name
        assert kept.files == {}, name
        assert kept.error or kept.codes, name
        assert left_over(tmp_path / name / "out") == [], name
        assert len(kept.retries) <= 1, name


def test_b6_a_bomb_costs_its_item_only(destination: Path) -> None:
    project, sources = project_with(*(document_of_size(SMALL, str(number)) for number in range(20)))
    choice = only("storage", exploding(), match="/7.json")
    with serve(project) as sandbox, in_front_of(sandbox, choice) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
    assert (kept.counts(), kept.codes) == ((19, 0, 1, 0), {"too_large"})


def test_b6_a_document_that_compresses_well_is_no_bomb(destination: Path) -> None:
    document = document_of_size(15 << 20)
    headers = {"Content-Encoding": "gzip"}
    packed = gzip.compress(document)
    assert len(document) > 200 * len(packed)
    kept, _ = one(destination, packed, Fault("storage", "headers", headers=headers), expected={"a": document})
    assert kept.files == {"one/a.json": with_asset_url(document)}


@pytest.mark.parametrize("announced", [True, False])
def test_b6_a_body_beyond_the_limit_ends_at_it(announced: bool, destination: Path) -> None:
    document = document_of_size(SPOOLED)
    project, sources = project_with(document)
    sent = (whole(document) if announced else head_of() + document, whole(document))
    for size, counts in ((len(document) - 1, (0, 0, 1, 0)), (len(document), (1, 0, 0, 0))):
        with serve(project) as sandbox, in_front_of(sandbox, only("storage", sent[0])) as front:
            call = through(front, limits=Limits(document_bytes=size), attempts=1)
            kept = run(client_of(sandbox), destination, expected=sources, call=call)
        assert kept.counts() == counts
        assert left_over(destination) == []


MEASURED = """
import asyncio, json, os, sys, time
from cf_ai_platform_client import CFUserClient, RetryPolicy
from cf_ai_platform_client.errors import CFError

def kib(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name))

async def beat(lags):
    while True:
        start = time.monotonic()
        await asyncio.sleep(0.005)
        lags.append(time.monotonic() - start - 0.005)

async def run(url, folder):
    client = CFUserClient({key!r}, url, retry=RetryPolicy(attempts=1))
    try:
        summary = await client.download_project("sample-project", "sample-space", folder, results="all")
        return [result.error_code for result in summary.results]
    except CFError as error:
        return [error.code]

async def main():
    lags, before, ends = [], 0, []
    beating = asyncio.ensure_future(beat(lags))
    for number, url in enumerate(sys.argv[2:]):
        ends.append(await run(url, os.path.join(sys.argv[1], str(number))))
        if not number:  # what the first one needs is not the others'
            before, lags[:] = kib("VmRSS"), []
    beating.cancel()
    print(json.dumps([ends, (kib("VmHWM") - before) / 1024, max(lags, default=0.0)]))

asyncio.run(main())
"""


def measured(destination: Path, *urls: str) -> tuple[list[list[str | None]], float, float]:
    """Download from each URL in a process of its own, the first for warming up.

    Returns how the items ended, the MiB that memory grew by at the most, and how late a beating task was at the most.
    """
    line = [sys.executable, "-c", MEASURED.replace("{key!r}", repr(KEY)), str(destination), *urls]
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=300)
    ends, growth, lag = json.loads(done.stdout)
    return ends, growth, lag


@LINUX
def test_b6_a_bomb_takes_little_memory(destination: Path) -> None:
    project, _ = project_with(document_of_size(SMALL))
    chosen: list[Choice] = [only("storage", exploding(), times=0)]
    chosen += [only(endpoint, answer) for endpoint, answer, _ in bombs().values()]
    with serve(project) as sandbox, all_in_front_of(sandbox, chosen) as urls:
        ends, growth, _ = measured(destination, *urls)
    assert ends[0] == [None]
    for (name, (*_, codes)), end in zip(bombs().items(), ends[1:], strict=True):
        assert set(end) <= codes, name
    assert growth <= 150, f"{growth:.0f} MiB"


@contextmanager
def all_in_front_of(sandbox: Sandbox, chosen: list[Choice]) -> Iterator[list[str]]:
    if not chosen:
        yield []
        return
    with in_front_of(sandbox, chosen[0]) as front, all_in_front_of(sandbox, chosen[1:]) as others:
        yield [front.url("/api/v1"), *others]


# B7: slow


def dribbling(clock: Clock, begin: bytes = b"", by: int = 1) -> Any:
    """Send a byte, or `by` of them, and let a second pass, as long as somebody listens."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of((1 << 20) * by) + begin)
        while not writer.transport.is_closing():
            writer.write(b" " * by)
            await writer.drain()
            clock.now += 1
            await asyncio.sleep(0)

    return answer


@pytest.mark.parametrize("begin", [b"", b'{"images": ['], ids=["from the start", "after a while"])
def test_b7_a_body_at_a_byte_a_second_is_fetched_again(begin: bytes, destination: Path, clock: Clock) -> None:
    document = document_of_size(SMALL)
    project, sources = project_with(document)
    with serve(project) as sandbox, in_front_of(sandbox, only("storage", dribbling(clock, begin), times=1)) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front, clock, total=1e9))
    assert kept.files == {"one/a.json": with_asset_url(document)}
    assert [retry.code for retry in kept.retries] == ["too_slow"]


def test_b7_a_body_that_is_always_slow_is_given_up(destination: Path, clock: Clock) -> None:
    project, _ = project_with(document_of_size(SMALL))
    with serve(project) as sandbox, in_front_of(sandbox, only("storage", dribbling(clock))) as front:
        kept = run(client_of(sandbox), destination, call=through(front, clock, attempts=3, total=1e9))
    check_failed(kept, "too_slow")
    assert len(kept.retries) == 2
    assert kept.summary is not None
    assert "bytes came in" in str(kept.summary.results[0].error)


@pytest.mark.parametrize("endpoint", ["work_items", "batches", "annotations", "signed_urls"])
def test_b7_a_slow_answer_of_the_platform_is_asked_for_again(endpoint: str, destination: Path, clock: Clock) -> None:
    project, sources = project_with(document_of_size(SMALL))
    with serve(project) as sandbox, in_front_of(sandbox, only(endpoint, dribbling(clock), times=1)) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front, clock, total=1e9))
    assert (kept.counts(), [retry.code for retry in kept.retries]) == ((1, 0, 0, 0), ["too_slow"])


def test_b7_how_slow_is_too_slow_is_a_limit(destination: Path, clock: Clock) -> None:
    document = document_of_size(SMALL)
    project, sources = project_with(document)

    async def hours(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(len(document)))
        for place in range(len(document)):
            writer.write(document[place : place + 1])
            await writer.drain()
            clock.now += 3600

    for name, answer, rate in (("patient", hours, 0.0), ("not", dribbling(clock, b"{", by=2_000), 1e9)):
        with serve(project) as sandbox, in_front_of(sandbox, only("storage", answer)) as front:
            call = through(front, clock, limits=Limits(slow_rate=rate), attempts=1, total=1e9)
            kept = run(client_of(sandbox), destination / name, expected=sources, call=call)
        assert kept.codes == ({"too_slow"} if rate else set())


@pytest.mark.parametrize("begin", [b"", b"x" * (2 << 20)], ids=["at once", "after 2 MiB"])
def test_b7_a_body_that_stands_still_is_a_timeout(begin: bytes, destination: Path, clock: Clock) -> None:
    document = document_of_size(SMALL)
    project, sources = project_with(document)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(1 << 24) + begin)
        await reader.read()

    with serve(project) as sandbox, in_front_of(sandbox, only("storage", stall, times=1)) as front:
        call = through(front, clock, limits=Limits(read_timeout=0.2))
        kept = run(client_of(sandbox), destination, expected=sources, call=call)
    assert kept.files == {"one/a.json": with_asset_url(document)}
    assert [retry.code for retry in kept.retries] == ["timeout"]
    assert left_over(destination) == []


# B8: signed URLs that expired

TOKEN = (
    "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
)


class Hands:
    """A clock for the sandbox that is moved by hand, or by being read."""

    def __init__(self, by: float = 0.0) -> None:
        self.now = 1_700_000_000.0
        self._by = by

    def __call__(self) -> float:
        self.now += self._by
        return self.now


@pytest.mark.parametrize("count", [1, 30])
def test_b8_urls_that_expire_before_they_are_used_are_signed_again_once(count: int, destination: Path) -> None:
    items: Items = {f"item-{number}": 1 for number in range(count)}
    hands, late = Hands(), list[str]()

    def be_late(head: str) -> None:
        if " /storage/" in head and not late:
            late.append(head)
            hands.now += 100.5

    with serve(made(items, BATCHES), url_lifetime=100.0, clock=hands) as sandbox:
        with in_front_of(sandbox, be_late) as front:
            kept = run(client_of(sandbox), destination, expected=sources_of(items), call=through(front))
        asked = Counter(each.path for each in sandbox.requests if each.endpoint == "storage")
        refusals = sum(each.status == 403 for each in sandbox.requests)
    assert (kept.counts(), kept.retries) == ((count, 0, 0, 0), [])
    assert 1 <= refusals == asked.total() - count
    assert max(asked.values()) == 2


def test_b8_urls_that_expired_once_are_signed_again(destination: Path) -> None:
    items: Items = {f"item-{number}": 1 for number in range(150)}
    project, hands = made(items, BATCHES), Hands()

    def tell(name: str, number: int) -> None:
        if (name, number) == ("storage", 20):
            hands.now += 1000

    with serve(Watched(project, tell), url_lifetime=100.0, clock=hands) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items), max_workers=5)
        refusals = sum(each.status == 403 for each in sandbox.requests if each.endpoint == "storage")
        assert sandbox.counts["storage"] == 150 + refusals
        assert sandbox.counts["signed_urls"] > 2
    assert (kept.counts(), kept.retries) == ((150, 0, 0, 0), [])
    assert refusals > 0


def test_b8_urls_that_are_always_expired_are_signed_again_once(destination: Path) -> None:
    items: Items = {f"item-{number}": 1 for number in range(10)}
    with serve(made(items, BATCHES), url_lifetime=100.0, clock=Hands(by=1000.0)) as sandbox:
        kept = run(client_of(sandbox), destination, expected={})
        assert sandbox.counts["storage"] == 20
    assert (kept.counts(), kept.codes, kept.retries) == ((0, 0, 10, 0), {"forbidden"}, [])
    assert kept.summary is not None
    assert "signed again and refused again" in str(kept.summary.results[0].error)


@pytest.mark.parametrize(("status", "body"), [(403, ""), (403, TOKEN), (400, TOKEN)], ids=["403", "403 token", "400"])
@pytest.mark.parametrize("size", [SMALL, SPOOLED], ids=["small", "spooled"])
def test_b8_credentials_that_expired_are_renewed_once(status: int, body: str, size: int, destination: Path) -> None:
    document = document_of_size(size)
    once = refused("storage", status, body=body, once_per_path=True)
    kept, asked = one(destination, document, once)
    assert (kept.files, asked, kept.retries) == ({"one/a.json": with_asset_url(document)}, 2, [])
    kept, asked = one(destination.parent / "always" / "out", document, refused("storage", status, body=body))
    assert (asked, kept.retries) == (2, [])
    check_failed(kept, "forbidden")


def test_b8_any_other_400_is_not_signed_again(destination: Path) -> None:
    kept, asked = one(destination, document_of_size(SMALL), refused("storage", 400, body="<Error>no</Error>"))
    assert (asked, kept.codes) == (1, {"rejected"})


def test_b8_many_that_expired_share_their_calls(destination: Path) -> None:
    items: Items = {f"item-{number}": 1 for number in range(100)}
    fault = refused("storage", 400, body=TOKEN, once_per_path=True)
    with serve(made(items, BATCHES), faults=[fault]) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert sandbox.counts["storage"] == 200
        assert sandbox.counts["signed_urls"] < 60, "they do not leave one by one"
    assert (kept.counts(), kept.retries) == ((100, 0, 0, 0), [])


def test_b8_a_url_that_expired_after_a_503(destination: Path) -> None:
    document = document_of_size(SMALL)
    faults = [refused("storage", 503, nth=(1, 3)), refused("storage", 403, nth=2)]
    kept, asked = one(destination, document, *faults)
    assert (kept.files, asked) == ({"one/a.json": with_asset_url(document)}, 4)


# B9: another item's

A, B, C = (f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in "abc")
SPACE = "sample-space"


def named(*ids: str, **annotations: dict[str, Any]) -> tuple[Project, dict[str, bytes]]:
    """Make a project whose results are named after its items."""
    sources = {item: document_of_size(SMALL, item) for item in ids}
    documents = {f"coco_output/{item}.json": source for item, source in sources.items()}
    items = [{"id": item, "batchId": 1, "assetUrl": "assets/0.jpg"} for item in ids]
    return Project(items, [{"id": 1, "name": "one"}], documents, annotations), sources


def about(item: str, result: str) -> dict[str, Any]:
    return {"id": "x", "workItemID": item, "metadata": {"coco_results_url": result}}


@pytest.mark.parametrize("other", [B, "", " ", A.replace("a", "b", 1), A[:-1], 17, f"{A}/", "null"])
def test_b9_the_annotation_of_another_item_is_a_mismatch(other: Any, destination: Path) -> None:
    project, sources = named(A, C)
    annotations = {A: about(other, f"s3://b/spaces/{SPACE}/coco_output/{C}.json")}
    project = Project(project.items, project.batch_objects, project.documents, annotations)
    with serve(project) as sandbox:
        kept = run(client_of(sandbox, Clock()), destination, expected=sources)
        assert sum("annotations" in each.path for each in sandbox.requests) == 2
    assert (kept.counts(), kept.codes, list(kept.files)) == ((1, 0, 1, 0), {"mismatch"}, [f"one/{C}.json"])
    assert kept.retries == []


@pytest.mark.parametrize("spelled", [A, A.upper(), f" {A} "])
def test_b9_other_spellings_of_the_id_are_accepted(spelled: str, destination: Path) -> None:
    project, sources = named(A)
    annotations = {A: about(spelled, f"s3://b/spaces/{SPACE}/coco_output/{A}.json")}
    with serve(Project(project.items, project.batch_objects, project.documents, annotations)) as sandbox:
        assert run(client_of(sandbox), destination, expected=sources).counts() == (1, 0, 0, 0)


def answered(edit: Callable[[dict[str, str]], dict[str, str]]) -> Edited:
    """Let each signed URL's entry be another."""
    return Edited(lambda body: {"items": [edit(dict(entry)) for entry in body["items"]]})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "a slash before": lambda path: f"/{path}",
    "slashes around": lambda path: f"//{path}/",
    "its space": lambda path: f"spaces/{SPACE}/{path}",
    "its space and a slash": lambda path: f"/spaces/{SPACE}/{path}",
    "quoted": lambda path: path.replace("/", "%2F"),
    "quoted with its space": lambda path: f"spaces%2F{SPACE}%2F{path.replace('/', '%2f')}",
    "a URL": lambda path: f"s3://bucket/spaces/{SPACE}/{path}",
    "another bucket": lambda path: f"gs://other/tenant/spaces/{SPACE}/{path}",
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("ids", [(A,), (A, B, C)], ids=["alone", "together"])
def test_b9_other_spellings_of_the_path_are_accepted(
    spell: Callable[[str], str], ids: tuple[str, ...], destination: Path
) -> None:
    project, sources = named(*ids)
    choice = only("signed_urls", answered(lambda entry: {**entry, "path": spell(entry["path"])}))
    with serve(project) as sandbox, in_front_of(sandbox, choice) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
        assert sandbox.counts["signed_urls"] == 1
    assert (kept.counts(), len(kept.files)) == ((len(ids), 0, 0, 0), len(ids))


def test_b9_answers_in_any_order_with_more_than_was_asked_for(destination: Path) -> None:
    project, sources = named(A, B, C)

    def shuffle(body: Any) -> Any:
        strange = {"path": "coco_output/strange.json", "signedUrl": body["items"][0]["signedUrl"]}
        return {
            "items": [strange, None, *reversed(body["items"]), {**body["items"][0], "signedUrl": strange["signedUrl"]}]
        }

    with serve(project) as sandbox, in_front_of(sandbox, only("signed_urls", Edited(shuffle))) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
    assert kept.counts() == (3, 0, 0, 0)


@pytest.mark.parametrize(
    "other", [f"coco_output/{B}.json", f"/spaces/{SPACE}/coco_output/{B}.json", f"elsewhere/{B}", "coco_output/x.json"]
)
@pytest.mark.parametrize("ids", [(A,), (A, C)], ids=["alone", "together"])
def test_b9_a_url_of_another_item_is_a_mismatch(other: str, ids: tuple[str, ...], destination: Path) -> None:
    project, sources = named(*ids)

    def swap(entry: dict[str, str]) -> dict[str, str]:
        return {**entry, "path": other} if A in entry["path"] else entry

    with serve(project) as sandbox, in_front_of(sandbox, only("signed_urls", answered(swap))) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front, attempts=3))
    assert (kept.counts(), kept.codes) == ((len(ids) - 1, 0, 1, 0), {"mismatch"})
    assert f"one/{A}.json" not in kept.files


def test_b9_a_path_that_names_nobody_is_accepted_where_it_answers_one(destination: Path) -> None:
    project, sources = named(A, B)
    choice = only("signed_urls", answered(lambda entry: {**entry, "path": "signed"}))
    with serve(project) as sandbox, in_front_of(sandbox, choice) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
        assert sandbox.counts["signed_urls"] == 3  # both at once, then one by one
    assert kept.counts() == (2, 0, 0, 0)


@pytest.mark.parametrize("body", [{"items": []}, {"items": [{}]}, {"items": [{"path": "x"}]}, {"items": None}, {}])
def test_b9_a_path_without_an_answer_is_a_mismatch(body: Any, destination: Path) -> None:
    project, _ = named(A, B)
    with serve(project) as sandbox, in_front_of(sandbox, only("signed_urls", Edited(lambda _: body))) as front:
        kept = run(client_of(sandbox), destination, call=through(front, attempts=3))
    check_failed(kept, "mismatch", items=2)


def test_b9_one_path_of_three_without_an_answer_is_asked_for_alone(destination: Path) -> None:
    project, sources = named(A, B, C)

    def forget(body: Any) -> Any:
        return {"items": [each for each in body["items"] if B not in each["path"] or len(body["items"]) == 1]}

    with serve(project) as sandbox, in_front_of(sandbox, only("signed_urls", Edited(forget))) as front:
        kept = run(client_of(sandbox), destination, expected=sources, call=through(front))
        assert sandbox.counts["signed_urls"] == 2
    assert kept.counts() == (3, 0, 0, 0)


# B10: huge documents


def test_b10_a_document_of_48_mib(destination: Path) -> None:
    document = document_of_size(48 << 20)
    kept, asked = one(destination, document)
    assert (kept.counts(), asked) == ((1, 0, 0, 0), 1)
    assert kept.files == {"one/a.json": with_asset_url(document)}
    assert kept.summary is not None
    assert kept.summary.bytes == len(kept.files["one/a.json"])


def test_b10_a_document_of_33_mib_that_came_compressed(destination: Path) -> None:
    document = document_of_size(SMALL)[:-2] + os.urandom(17 << 20).hex().encode() + b'"}'
    packed = gzip.compress(document, 1)
    assert len(document) > CHILD
    fault = Fault("storage", "headers", headers={"Content-Encoding": "gzip", "Content-MD5": md5(packed)})
    kept, _ = one(destination, packed, fault, expected={"a": document})
    assert kept.files == {"one/a.json": with_asset_url(document)}


def test_b10_huge_documents_among_small_ones(destination: Path) -> None:
    documents = [document_of_size(size, str(size)) for size in (SMALL, SPOOLED, CHILD) for _ in range(3)]
    project, sources = project_with(*documents)
    with serve(project) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources)
        assert kept.counts() == (9, 0, 0, 0)
        for number, item in enumerate(sources):
            assert kept.files[f"one/{item}.json"] == with_asset_url(documents[number], number)
        before = sandbox.counts
        assert run(client_of(sandbox), destination, expected=sources, verify=True).counts() == (0, 9, 0, 0)
        assert sandbox.counts - before == {"work_items": 1, "batches": 1}


PIECE = b'{"id": 1, "bbox": [10.5, 20.25, 30.125, 40.0], "segmentation": [[1, 2, 3, 4, 5, 6]], "area": 12.5}, ' * 10_000
FIRST, LAST = b'{"images": [], "annotations": [', b'{}], "categories": [], "info": {"year": 2026}}'


def pieces(size: int) -> Iterator[bytes]:
    """Yield a document of about that many bytes."""
    yield FIRST
    yield from (PIECE for _ in range(size // len(PIECE)))
    yield LAST


def pouring(size: int) -> Any:
    """Stream such a document."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(sum(map(len, pieces(size)))))
        for piece in pieces(size):
            writer.write(piece)
            await writer.drain()

    return answer


@LINUX
@pytest.mark.slow
def test_b10_a_document_of_a_gigabyte_takes_little_memory(
    destination: Path, record_property: Callable[[str, object], None]
) -> None:
    project, _ = project_with(document_of_size(SMALL))
    warming, huge = only("storage", b"", times=0), only("storage", pouring(GIB))
    with serve(project) as sandbox, all_in_front_of(sandbox, [warming, huge]) as urls:
        ends, growth, lag = measured(destination, *urls)
    assert ends == [[None], [None]]
    record_property("growth in MiB", round(growth))
    record_property("lag in ms", round(lag * 1000))
    print(f"growth {growth:.0f} MiB, lag {lag * 1000:.0f} ms")
    expected, found, size = hashlib.sha256(), hashlib.sha256(), 0
    for piece in pieces(GIB):
        piece = piece if piece is not LAST else LAST.replace(b'"year"', b'"asset_url": "assets/0.jpg", "year"')
        size += len(piece)
        expected.update(piece)
    path = destination / "1" / "one" / "a.json"
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    assert (path.stat().st_size, found.hexdigest()) == (size, expected.hexdigest())
    path.unlink()
    assert left_over(destination / "1") == []
    assert growth <= 200, f"{growth:.0f} MiB"
    assert lag <= 1.0, "a watchdog; the aim is 0.1 s"


# What ends a huge document on its way


def child_of_this_process() -> int | None:
    """Return the id of the process that checks a document."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"big_document_child" in path.read_bytes():
                status = path.with_name("status").read_text()
                if f"PPid:\t{os.getpid()}\n" in status:
                    return int(path.parent.name)
        except OSError:
            continue
    return None


async def seen_child(running: asyncio.Future[Any]) -> int:
    while not running.done():
        if pid := child_of_this_process():
            return pid
        await asyncio.sleep(0)
    raise AssertionError(f"no process was seen: {running}")


@LINUX
def test_b10_a_process_that_is_killed_costs_its_item_only(destination: Path) -> None:
    documents = [document_of_size(SMALL, str(number)) for number in range(5)] + [document_of_size(CHILD)]
    project, sources = project_with(*documents)

    async def call(client: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        whole_run = client.download_project("sample-project", "sample-space", folder, results="all", **more)
        running = asyncio.ensure_future(whole_run)
        os.kill(await seen_child(running), signal.SIGKILL)
        return await running

    with serve(project) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources, call=call)
    assert (kept.error, kept.counts(), kept.codes, kept.retries) == (None, (5, 0, 1, 0), {"too_large"}, [])
    assert kept.summary is not None
    said = str(kept.summary.results[5].error)
    assert "The process that checks a document of" in said
    assert "was ended (signal 9). Most likely memory ran out" in said
    assert left_over(destination) == []


async def cancelled_when(
    client: CFUserClient, folder: Path, when: Callable[[asyncio.Future[Any]], Any], **more: Any
) -> DownloadSummary:
    running = asyncio.ensure_future(
        client.download_project("sample-project", "sample-space", folder, results="all", **more)
    )
    await when(running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    raise CFError("Cancelled by the test.", code="cancelled")


@LINUX
def test_b10_cancelled_while_the_process_scans(destination: Path) -> None:
    project, sources = project_with(document_of_size(CHILD))

    async def call(client: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        return await cancelled_when(client, folder, seen_child, **more)

    with serve(project) as sandbox:
        assert run(client_of(sandbox), destination, expected=sources, call=call).code == "cancelled"
        assert child_of_this_process() is None
        assert (left_over(destination), list(destination.rglob("*.json"))) == ([], [])
        assert run(client_of(sandbox), destination, expected=sources).counts() == (1, 0, 0, 0)


@pytest.mark.parametrize("begin", [500, SPOOLED, 3 << 20], ids=["in memory", "spooled", "beyond"])
def test_b10_cancelled_while_it_arrives(begin: int, destination: Path) -> None:
    document = document_of_size(4 << 20)
    project, _ = project_with(document)
    loops, came = list[asyncio.AbstractEventLoop](), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head_of(len(document)) + document[:begin])
        await writer.drain()
        loops[0].call_soon_threadsafe(came.set)
        await reader.read()

    with serve(project) as sandbox, in_front_of(sandbox, only("storage", stall)) as front:

        async def call(client: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
            loops.append(asyncio.get_running_loop())
            there = CFUserClient(client.api_key, front.url("/api/v1"))
            return await cancelled_when(there, folder, lambda _: came.wait(), **more)

        assert run(client_of(sandbox), destination, call=call).code == "cancelled"
    assert (left_over(destination), list(destination.rglob("*.json"))) == ([], [])


@pytest.mark.parametrize("size", [SPOOLED, CHILD], ids=["spooled", "child"])
def test_b10_cancelled_while_others_wait_for_their_names(size: int, destination: Path) -> None:
    documents = [document_of_size(size, str(number)) for number in range(4)]
    project, sources = project_with(*documents)

    def stop(event: Event) -> None:
        if isinstance(event, ItemStored):
            raise CFError("Enough.", code="cancelled")

    with serve(project) as sandbox:
        kept = watched(client_of(sandbox), destination, on_event=stop, max_workers=4)
        assert kept.code == "cancelled"
        assert left_over(destination) == []
        check_tidy(destination)
        for name, content in kept.files.items():  # of some nobody was told any more
            assert is_whole(content, sources[Path(name).stem]), name
        assert run(client_of(sandbox), destination, expected=sources).error is None


@POSIX
@pytest.mark.parametrize("size", [SPOOLED, CHILD], ids=["spooled", "child"])
@pytest.mark.parametrize("most", [600_000, "all but the last byte"], ids=["while it arrives", "while it is written"])
def test_b10_a_disk_that_fills_ends_the_run_without_a_retry(most: Any, size: int, destination: Path) -> None:
    document = document_of_size(size)
    project, sources = project_with(document)
    limit = most if isinstance(most, int) else len(with_asset_url(document)) - 1
    with serve(project) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources, within=files_of_at_most(limit))
        assert (kept.code, kept.retries) == ("disk_full", [])
        assert exit_code_of(kept.error or ValueError()) == 4
        assert sandbox.counts["storage"] == 1
        assert left_over(destination) == []
        assert run(client_of(sandbox), destination, expected=sources).counts() == (1, 0, 0, 0)


@POSIX
def test_b10_a_disk_that_fills_keeps_what_was_here(destination: Path) -> None:
    before, _ = one(destination, document_of_size(SPOOLED, "old"))
    project, sources = project_with(document_of_size(SPOOLED, "new"))
    with serve(project) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources, overwrite=True, within=files_of_at_most(600_000))
    assert (kept.code, kept.files) == ("disk_full", before.files)
