"""Assets under the faults that documents are tried with: each fails alone, and none is taken for whole that is not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import AssetSummary, Destination, Limits
from cf_ai_platform_client.adapters.journal import Journal
from cf_ai_platform_client.adapters.journal_queries import AssetFile, asset_files, written_files
from cf_ai_platform_client.events import AssetFailed, AssetStored, ItemPruned, ItemStored
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project

from ..adapters.disks import files_of_at_most, mounted
from ..conftest import Clock, files_below
from .fronts import head_of, in_front_of, only, through, whole
from .pictures import (
    FOLDERS,
    FOUR,
    PAGE,
    PICTURES,
    assets_in,
    counts_of,
    expected,
    failures_of,
    guarded,
    jpeg,
    pictured,
    with_urls,
    zipped,
)
from .projects import Asked, Watched, asked, command, download_line, process, rows, serve
from .promise import Kept, check_tidy, client_of, run, watched

ASSETS = "/assets/"
"""What narrows a fault of the storage to assets."""

BIG = 5 << 20
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def download(sandbox: Sandbox, destination: Path, clock: Clock | None = None, **options: Any) -> tuple[Kept, Asked]:
    """Run once, with assets unless told otherwise, and tell what the sandbox was asked."""
    policy = {name: options.pop(name) for name in ("attempts", "limits") if name in options}
    with asked(sandbox) as seen:
        kept = run(client_of(sandbox, clock, **policy), destination, **{"assets": True, **options})
    return kept, seen


def broken(fault: Fault, destination: Path, clock: Clock, pictures: dict[str, bytes] = PICTURES) -> tuple[Kept, Asked]:
    """Download with a fault at the asset of the item b; whatever happens to it, all else is here."""
    with serve(pictured(pictures), faults=[fault]) as sandbox:
        kept, seen = download(sandbox, destination, clock)
    assert kept.counts() == (4, 0, 0, 0)
    return kept, seen


def check_only_b_failed(kept: Kept, destination: Path, code: str, pictures: dict[str, bytes] = PICTURES) -> None:
    assert failures_of(kept) == {"b": code}
    assert counts_of(kept) == (3, 0, 1, 0)
    assert assets_in(destination) == expected({item: each for item, each in pictures.items() if item != "b"})
    assert kept.summary is not None
    results = {result.item_id: result for result in kept.summary.results}
    assert results["b"].success
    assert (results["b"].asset_path, results["b"].asset_error_code) == (None, code)
    assert results["a"].asset_path == str(destination / "one" / "a.jpg")
    (status,) = Destination(destination).status()
    assert (status.assets, status.assets_failed) == (3, 1)
    assert status.first_asset_failures[0].code == code


# What a download does


def test_each_asset_lands_beside_its_document_and_a_rerun_asks_for_none(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        kept, seen = download(sandbox, destination)
        assert assets_in(destination) == expected()
        assert (kept.counts(), counts_of(kept)) == ((4, 0, 0, 0), (4, 0, 0, 0))
        assert seen.storage == 8
        again, seen = download(sandbox, destination)
    assert (again.counts(), counts_of(again)) == ((0, 4, 0, 0), (0, 4, 0, 0))
    assert set(seen.counts) == {"work_items", "batches"}
    assert Destination(destination).verify() == []


def test_where_the_documents_are_here_only_the_assets_are_fetched(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination, assets=False)
        assert assets_in(destination) == {}
        kept, seen = download(sandbox, destination)
    assert (kept.counts(), counts_of(kept)) == ((0, 4, 0, 0), (4, 0, 0, 0))
    assert (seen.storage, seen.counts["annotations"], seen.counts["signed_urls"]) == (4, 0, 1)
    assert assets_in(destination) == expected()


def test_without_assets_those_that_are_here_are_left_alone(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
        kept, seen = download(sandbox, destination, assets=False, overwrite=True)
    assert seen.storage == 4
    assert kept.summary is not None
    assert kept.summary.assets is None
    assert assets_in(destination) == expected()
    with serve(pictured()) as sandbox:
        assert download(sandbox, destination)[1].storage == 0


def test_the_document_is_as_it_is_without_assets(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
        plain = destination.with_name("plain")
        download(sandbox, plain, assets=False)
    documents = {name: content for name, content in files_below(destination).items() if name.endswith(".json")}
    assert documents == files_below(plain)


def test_an_item_that_names_no_asset_is_counted_and_is_no_failure(destination: Path) -> None:
    pictures = {"a": PICTURES["a"]}
    with serve(pictured(pictures)) as sandbox:
        kept, _ = download(sandbox, destination)
        assert kept.summary is not None
        assert kept.summary.assets == AssetSummary(successful=1, missing=3, bytes=len(PICTURES["a"]))
        assert kept.summary.raise_for_failures() is kept.summary
        assert command(*download_line(destination, "--assets"), sandbox=sandbox) == 0
    assert assets_in(destination) == expected(pictures)


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "altered"])
def test_what_is_missing_or_altered_is_told_and_fetched_again(missing: bool, destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
        path = destination / "one" / "a.jpg"
        if missing:
            path.unlink()
        else:
            path.write_bytes(jpeg("of x"))
        (found,) = Destination(destination).verify()
        assert (found.item_id, found.path, found.is_asset) == ("a", str(path), True)
        assert found.kind == ("missing" if missing else "altered")
        kept, seen = download(sandbox, destination)
    assert (seen.storage, counts_of(kept)) == (1, (1, 3, 0, 0))
    assert assets_in(destination) == expected()


def test_what_was_only_touched_or_copied_costs_no_request(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
        os.utime(destination / "one" / "a.jpg", ns=(1, 1))
        assert download(sandbox, destination)[1].storage == 0
        assert rows(destination, "SELECT mtime_ns FROM assets WHERE item = 'a'") == [(1,)]


def test_verify_hashes_and_recheck_asks_and_overwrite_fetches(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
        path = destination / "one" / "a.jpg"
        found = path.stat()
        path.write_bytes(PICTURES["a"].replace(b"of a", b"of x"))
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert download(sandbox, destination)[1].storage == 0, "size and time are those that were written"
        assert download(sandbox, destination, verify=True)[1].storage == 1
        kept, seen = download(sandbox, destination, recheck=True)
        assert (seen.answers, counts_of(kept)) == (Counter({304: 8}), (0, 4, 0, 0))
        kept, seen = download(sandbox, destination, overwrite=True)
        assert (seen.answers, counts_of(kept)) == (Counter({200: 8}), (4, 0, 0, 0))
    assert assets_in(destination) == expected()


def test_an_update_of_the_item_is_a_question_and_another_asset_is_fetched(destination: Path) -> None:
    later = dict.fromkeys(FOUR, "2026-03-01T00:00:00Z")
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
    changed = {**PICTURES, "c": jpeg("another of c")}
    with serve(pictured(changed, updated=later)) as sandbox:
        kept, seen = download(sandbox, destination)
    assert counts_of(kept) == (1, 3, 0, 0)
    assert seen.answers[200] == 1 + 0
    assert assets_in(destination) == expected(changed)


def test_another_url_is_another_asset_though_the_item_was_not_updated(destination: Path) -> None:
    other = jpeg("elsewhere")
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
    moved = with_urls(pictured(), {"a": "assets/elsewhere.jpg"}, **{"assets/elsewhere.jpg": other})
    with serve(moved) as sandbox:
        kept, seen = download(sandbox, destination)
    assert seen.storage >= 1
    assert counts_of(kept) == (1, 3, 0, 0)
    assert assets_in(destination) == expected({**PICTURES, "a": other})


def test_the_journal_tells_the_dataset_layer_which_assets_are_here(destination: Path) -> None:
    with serve(pictured({"a": PICTURES["a"], "d": PICTURES["d"]})) as sandbox:
        download(sandbox, destination)
    journal = Journal.open(str(destination))
    try:
        assert sorted(asset_files(journal), key=lambda file: file.item_id) == [
            AssetFile("sample-project", "a", "one/a.jpg"),
            AssetFile("sample-project", "d", "Default/d.jpg"),
        ]
        assert sorted((file.item_id, file.project_id, file.batch_id) for file in written_files(journal)) == [
            ("a", "sample-project", 1),
            ("b", "sample-project", 1),
            ("c", "sample-project", 2),
            ("d", "sample-project", None),
        ]
    finally:
        journal.close()


# Names


@pytest.mark.parametrize(
    ("url", "content", "name"),
    [
        ("photos/Field%207.JPEG?v=1", jpeg(), "a.jpeg"),
        ("photos/scan", jpeg(), "a.jpg"),
        ("photos/scan.exe", b"\x89PNG\r\n\x1a\n" + b"IEND\xaeB`\x82", "a.png"),
        ("clouds/room.pcd", b"# .PCD v0.7", "a.pcd"),
        ("texts/note.json", b'{"text": "an asset"}', "a.bin"),
        ("texts/note.txt", b"", "a.txt"),
    ],
)
def test_the_extension_is_a_known_one_of_the_path_or_told_by_the_bytes(
    url: str, content: bytes, name: str, destination: Path
) -> None:
    project = pictured({}, {"a": 1})
    items = [{**project.items[0], "assetUrl": url, "assetType": None}]
    with serve(Project(items, project.batch_objects, {**project.documents, url: content}, project.annotations)) as box:
        download(box, destination)
        assert assets_in(destination) == {f"one/{name}": content}
        assert {path.name for path in destination.rglob("*.json")} == {"a.json"}
        assert download(box, destination)[1].storage == 0


def as_pictures(project: Project) -> Project:
    """Let the documents, which stay JSON, be called as pictures are."""
    annotations = json.loads(json.dumps(project.annotations).replace(".json", ".jpg"))
    documents = {name.replace(".json", ".jpg"): content for name, content in project.documents.items()}
    return Project(project.items, project.batch_objects, documents, annotations)


def test_a_document_that_is_called_as_its_asset_keeps_its_name(destination: Path) -> None:
    with serve(as_pictures(pictured())) as sandbox:
        kept, _ = download(sandbox, destination)
        assert set(files_below(destination)) == {
            f"{folder}/{item}{end}" for item, folder in FOLDERS.items() for end in (".jpg", ".asset.jpg")
        }
        assert (destination / "one" / "a.asset.jpg").read_bytes() == PICTURES["a"]
        assert download(sandbox, destination)[1].storage == 0
    assert kept.counts() == (4, 0, 0, 0)


@pytest.mark.parametrize("assets", [True, False])
def test_a_document_that_gets_the_name_of_its_asset_does_not_overwrite_it(assets: bool, destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
    later = dict.fromkeys(FOUR, "2026-03-01T00:00:00Z")
    with serve(as_pictures(pictured(updated=later))) as sandbox:
        kept, _ = download_again(sandbox, destination, assets=assets)
        assert (destination / "one" / "a.asset.jpg").read_bytes() == PICTURES["a"]
        assert b"of 'a'" in (destination / "one" / "a.jpg").read_bytes()
        assert Destination(destination).verify() == []
        again, seen = download_again(sandbox, destination)
    assert (seen.answers[200], counts_of(again)) == (0, (0, 4, 0, 0))
    assert kept.error is None


def download_again(sandbox: Sandbox, destination: Path, **options: Any) -> tuple[Kept, Asked]:
    """Download where files get other names, which `run` does not expect."""
    with asked(sandbox) as seen:
        kept = watched(client_of(sandbox), destination, **{"assets": True, **options})
    return kept, seen


# Faults


def test_a_cut_body_is_fetched_again(destination: Path, clock: Clock) -> None:
    kept, seen = broken(Fault("storage", "truncated", match=f"{ASSETS}1.", times=1), destination, clock)
    assert (failures_of(kept), seen.storage) == ({}, 9)
    assert assets_in(destination) == expected()


def test_a_body_that_is_always_cut_fails_its_asset_alone(destination: Path, clock: Clock) -> None:
    kept, _ = broken(Fault("storage", "truncated", match=f"{ASSETS}1."), destination, clock)
    check_only_b_failed(kept, destination, kept.events and failures_of(kept)["b"])
    assert failures_of(kept)["b"] in {"truncated", "network"}


def test_a_big_body_goes_on_where_it_broke_off(destination: Path, clock: Clock) -> None:
    pictures = {**PICTURES, "b": jpeg("big", BIG)}
    fault = Fault("storage", "truncated", match=f"{ASSETS}1.", times=1)
    with serve(pictured(pictures), faults=[fault]) as sandbox:
        kept, seen = download(sandbox, destination, clock)
        ranges = [each.headers for each in sandbox.requests if "/assets/1." in each.path]
    assert failures_of(kept) == {}
    assert assets_in(destination) == expected(pictures)
    assert seen.answers[206] == 1
    assert "Range" not in ranges[0]
    start = int(ranges[1]["Range"].removeprefix("bytes=").rstrip("-"))
    assert 1 << 20 <= start <= BIG // 2 + 100
    assert ranges[1]["If-Range"].startswith('"')


def test_a_big_body_that_comes_on_may_break_off_more_often_than_others(destination: Path, clock: Clock) -> None:
    pictures = {**PICTURES, "b": jpeg("big", BIG)}
    with serve(pictured(pictures), faults=[Fault("storage", "truncated", match=f"{ASSETS}1.", times=3)]) as sandbox:
        kept, seen = download(sandbox, destination, clock, attempts=2)
    assert (failures_of(kept), seen.answers[206]) == ({}, 3)
    assert assets_in(destination) == expected(pictures)


def test_what_came_of_an_asset_that_failed_is_removed_at_once(destination: Path, clock: Clock) -> None:
    parts: list[list[Path]] = []

    def look(event: object) -> None:
        if isinstance(event, AssetFailed):
            parts.append(list(destination.rglob("*.part")))

    with serve(pictured({"b": jpeg("big", BIG)}), faults=[Fault("storage", "truncated", match=ASSETS)]) as sandbox:
        kept, _ = download(sandbox, destination, clock, attempts=1, on_event=look)
    assert list(failures_of(kept)) == ["b"]
    assert parts == [[]]


def test_a_big_body_that_changed_meanwhile_is_never_spliced(destination: Path, clock: Clock) -> None:
    old, new = jpeg("old", BIG), jpeg("new", BIG)
    with serve(pictured({**PICTURES, "b": new})) as sandbox:
        half = head_of(len(old), ETag='"old"') + old[: BIG // 2]
        with in_front_of(sandbox, only("storage", half, times=1, match=f"{ASSETS}1.")) as server:
            kept = run(client_of(sandbox), destination, call=through(server, clock), assets=True)
    assert failures_of(kept) == {}
    assert (destination / "one" / "b.jpg").read_bytes() == new


def test_a_body_without_a_length_that_breaks_off_is_told_by_the_images_end(destination: Path, clock: Clock) -> None:
    kept, seen = broken(Fault("storage", "close_delimited", match=f"{ASSETS}1."), destination, clock)
    check_only_b_failed(kept, destination, "truncated")
    assert seen.storage == 9, "what comes whole and is wrong is asked for once more"


@pytest.mark.parametrize("header", ["Content-MD5", "x-amz-checksum-sha256"])
def test_a_wrong_digest(header: str, destination: Path, clock: Clock) -> None:
    wrong = base64.b64encode(hashlib.md5(b"x").digest() if "MD5" in header else hashlib.sha256(b"x").digest())
    fault = Fault("storage", "headers", match=f"{ASSETS}1.", headers={header: wrong.decode()})
    kept, seen = broken(fault, destination, clock)
    check_only_b_failed(kept, destination, "checksum")
    assert seen.storage == 9


@pytest.mark.parametrize("size", [0, BIG])
def test_a_right_digest(size: int, destination: Path, clock: Clock) -> None:
    pictures = {**PICTURES, "b": jpeg("of b", size)}
    right = base64.b64encode(hashlib.sha256(pictures["b"]).digest()).decode()
    faults = [
        Fault("storage", "headers", match=f"{ASSETS}1.", nth=2, headers={"x-amz-checksum-sha256": right}),
        Fault("storage", "truncated", match=f"{ASSETS}1.", nth=1),
    ]
    with serve(pictured(pictures), faults=faults) as sandbox:
        kept, _ = download(sandbox, destination, clock)
    assert failures_of(kept) == {}
    assert (destination / "one" / "b.jpg").read_bytes() == pictures["b"]


def test_an_expired_url_is_signed_again(destination: Path, clock: Clock) -> None:
    fault = Fault("storage", "status", match=ASSETS, status=403, body=EXPIRED, once_per_path=True)
    kept, seen = broken(fault, destination, clock)
    assert (failures_of(kept), seen.answers) == ({}, Counter({200: 8, 403: 4}))
    assert assets_in(destination) == expected()


def test_a_url_that_expires_amid_a_big_asset_goes_on_with_the_next(destination: Path, clock: Clock) -> None:
    pictures = {**PICTURES, "b": jpeg("big", BIG)}
    faults = [
        Fault("storage", "truncated", match=f"{ASSETS}1.", nth=1),
        Fault("storage", "status", match=f"{ASSETS}1.", nth=2, status=403, body=EXPIRED),
    ]
    with serve(pictured(pictures), faults=faults) as sandbox:
        kept, seen = download(sandbox, destination, clock)
    assert failures_of(kept) == {}
    assert (seen.answers[403], seen.answers[206]) == (1, 1)
    assert assets_in(destination) == expected(pictures)


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "forbidden"), (401, "rejected")])
def test_a_refusal_fails_its_asset_alone(status: int, code: str, destination: Path, clock: Clock) -> None:
    kept, _ = broken(Fault("storage", "status", match=f"{ASSETS}1.", status=status), destination, clock)
    check_only_b_failed(kept, destination, code)
    error = next(result.asset_error for result in kept.summary.results if result.asset_error) if kept.summary else None
    assert error is not None
    assert "document" not in error
    assert status == 403 or f"{status} for the asset of b" in error


def test_a_busy_storage_is_waited_for(destination: Path, clock: Clock) -> None:
    fault = Fault("storage", "status", match=ASSETS, status=503, headers={"Retry-After": "7"}, times=3)
    kept, _ = broken(fault, destination, clock)
    assert failures_of(kept) == {}
    assert clock.now >= 1007
    assert assets_in(destination) == expected()


@pytest.mark.parametrize(
    "body", [PAGE, b"", b'{"error": "gone"}', b"<?xml version='1.0'?><Error><Code>x</Code></Error>"]
)
def test_a_page_or_nothing_instead_of_an_image(body: bytes, destination: Path, clock: Clock) -> None:
    code = "mismatch" if body else "truncated"
    with serve(pictured({**PICTURES, "b": body})) as sandbox:
        kept, _ = download(sandbox, destination, clock)
    check_only_b_failed(kept, destination, code)


def test_what_failed_is_retried_alone_and_then_here(destination: Path, clock: Clock) -> None:
    with serve(pictured(), faults=[Fault("storage", "status", match=f"{ASSETS}1.", status=404, times=1)]) as sandbox:
        download(sandbox, destination, clock)
        with asked(sandbox) as seen:
            kept = run(client_of(sandbox), destination, call=retry)
        assert (seen.storage, seen.counts["annotations"]) == (1, 0)
        assert counts_of(kept) == (1, 0, 0, 0)
        assert assets_in(destination) == expected()
        assert Destination(destination).status()[0].assets_failed == 0
        assert command("retry", destination, sandbox=sandbox) == 0


async def retry(client: Any, destination: Path, **options: Any) -> Any:
    return await client.retry_failed(destination, **options)


def test_a_document_that_failed_says_nothing_of_its_asset(destination: Path, clock: Clock) -> None:
    fault = Fault("storage", "status", match="coco_output/1.json", status=404, times=1)
    with serve(pictured(), faults=[fault]) as sandbox:
        kept, _ = download(sandbox, destination, clock)
        assert (kept.counts(), counts_of(kept)) == ((3, 0, 1, 0), (4, 0, 0, 0))
        assert assets_in(destination) == expected()
        with asked(sandbox) as seen:
            again = run(client_of(sandbox), destination, call=retry)
    assert (again.counts(), counts_of(again), seen.storage) == ((1, 0, 0, 0), (0, 0, 0, 0), 1)


def test_a_body_that_is_compressed_on_its_way_is_kept_plain(destination: Path, clock: Clock) -> None:
    for number, content in enumerate([PICTURES["b"], jpeg("big", BIG)]):
        place = destination / str(number)
        with serve(pictured({**PICTURES, "b": content})) as sandbox:
            body = whole(zipped(content), Content_Encoding="gzip")
            with in_front_of(sandbox, only("storage", body, match=f"{ASSETS}1.")) as server:
                kept = run(client_of(sandbox), place, call=through(server, clock), assets=True)
        assert failures_of(kept) == {}
        assert (place / "one" / "b.jpg").read_bytes() == content


def test_an_asset_beyond_the_limit(destination: Path, clock: Clock) -> None:
    with serve(pictured({**PICTURES, "b": jpeg("big", 9000)})) as sandbox:
        kept, _ = download(sandbox, destination, clock, limits=Limits(asset_bytes=8000))
    check_only_b_failed(kept, destination, "too_large")


# Whose URLs


def test_an_absolute_url_is_fetched_as_it_is_without_the_key(destination: Path, clock: Clock) -> None:
    with serve(pictured()) as elsewhere, serve(pictured(), port=0) as sandbox:
        body = whole(PICTURES["a"], ETag='"1"')
        with in_front_of(elsewhere, lambda head: body if "/pictures/" in head else None) as server:
            url = server.url("/pictures/a%20b.jpg?X-Amz-Signature=canary-signature")
            sandbox_project = with_urls(pictured(), {"a": url})
            with serve(sandbox_project, port=0) as sandbox:
                kept, seen = download(sandbox, destination, clock)
                assert download(sandbox, destination, clock)[1].storage == 0
            heads = list(server.heads)
    assert failures_of(kept) == {}
    assert assets_in(destination) == expected()
    (head,) = heads
    assert head.startswith("GET /pictures/a%20b.jpg?X-Amz-Signature=canary-signature HTTP/1.1")
    assert "x-api-key" not in head.lower()
    assert seen.storage == 7


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/b.jpg",
        "https://169.254.169.254/latest/meta-data",
        "http://images.example/b.jpg",
        "https://user:secret@images.example/b.jpg",
        "https://localhost/b.jpg",
    ],
)
def test_a_host_that_is_not_allowed_is_not_called(url: str, destination: Path, clock: Clock) -> None:
    with serve(with_urls(pictured(), {"b": url}), port=0) as sandbox:
        kept = run(guarded(sandbox, clock.runtime), destination, assets=True)
    check_only_b_failed(kept, destination, "unsafe_url")


@pytest.mark.parametrize(("url", "code"), [("gs://b/b.jpg", "invalid_item"), ("s3://b/spaces/x/b.jpg", "invalid_item")])
def test_a_url_that_no_storage_here_has(url: str, code: str, destination: Path, clock: Clock) -> None:
    with serve(with_urls(pictured(), {"b": url})) as sandbox:
        kept, _ = download(sandbox, destination, clock)
    check_only_b_failed(kept, destination, code)


def test_a_path_of_the_bucket_is_signed_as_a_result_is(destination: Path, clock: Clock) -> None:
    with serve(with_urls(pictured(), {"b": "s3://bucket/spaces/sample-space/assets/1.jpg"})) as sandbox:
        kept, _ = download(sandbox, destination, clock)
    assert failures_of(kept) == {}
    assert assets_in(destination) == expected()


def test_a_host_that_is_down_costs_no_document_its_retries(destination: Path, clock: Clock) -> None:
    gone = dict.fromkeys(("a", "b", "c"), "http://127.0.0.1:9/x.jpg")
    late = Fault("storage", "status", match="coco_output/3.", status=503, delay=0.2, times=3)
    with serve(with_urls(pictured(), gone), port=0, faults=[late]) as sandbox:
        kept = run(client_of(sandbox, clock, budget=3, refill=0.0), destination, assets=True)
    assert kept.counts() == (4, 0, 0, 0)
    assert failures_of(kept) == dict.fromkeys(gone, "network")


# Ends of a run


def test_a_refused_key_ends_the_run_and_what_was_not_begun_is_said(destination: Path, clock: Clock) -> None:
    items: dict[str, int | None] = {f"item-{number:03}": 1 for number in range(120)}
    pictures = {item: jpeg(item) for item in items}
    with serve(pictured(pictures, items), faults=[Fault("signed_urls", "status", status=401)]) as sandbox:
        kept, _ = download(sandbox, destination, clock)
        assert kept.code == "unauthorized"
        assert kept.summary is not None
        assert kept.summary.assets == AssetSummary(not_attempted=120)
    with serve(pictured(pictures, items)) as sandbox:
        again, _ = download(sandbox, destination, clock)
    assert (again.counts(), counts_of(again)) == ((120, 0, 0, 0), (120, 0, 0, 0))


def test_a_disk_that_is_full_ends_the_run_and_the_rerun_goes_on(tmp_path: Path, clock: Clock) -> None:
    items: dict[str, int | None] = {f"item-{number:02}": 1 for number in range(12)}
    pictures = {item: jpeg(item, 1 << number + 12) for number, item in enumerate(items)}  # up to 8 MiB
    place = tmp_path / "small"
    with mounted(place, "size=4m") as remount, serve(pictured(pictures, items)) as sandbox:
        destination = place / "out"
        kept, _ = download(sandbox, destination, clock)
        assert kept.code == "disk_full"
        assert not kept.retries
        remount("size=64m")
        again, _ = download(sandbox, destination, clock)
        assert (again.error, len(assets_in(destination))) == (None, 12)
        assert Destination(destination).verify() == []


DRIVER = """
import asyncio, sys
from cf_ai_platform_client import CFUserClient
key, url, destination = sys.argv[1:]
client = CFUserClient(key, url)
asyncio.run(client.download_project("sample-project", "sample-space", destination, assets=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
@pytest.mark.parametrize("moment", [1, 30, 75, 119, 130])
def test_a_kill_leaves_nothing_that_is_taken_for_whole(moment: int, destination: Path) -> None:
    items: dict[str, int | None] = {f"item-{number:03}": 1 + number % 2 for number in range(60)}
    pictures = {item: jpeg(item, (3 << 20) * (number % 20 == 3)) for number, item in enumerate(items)}
    victims: list[subprocess.Popen[str]] = []

    def tell(name: str, count: int) -> None:
        if name == "storage" and count == moment and victims:
            victims[0].send_signal(signal.SIGKILL)

    project: Any = Watched(pictured(pictures, items), tell)
    with ExitStack() as stack:
        sandbox = stack.enter_context(serve(project))
        line = ("-c", DRIVER, sandbox.api_key, sandbox.base_url, destination)
        victims.append(stack.enter_context(process(*line, sandbox=sandbox)))
        victims[0].communicate()
    here = assets_in(destination) if destination.exists() else {}
    whole_ones = {name: content for name, content in here.items() if not name.endswith(".part")}
    assert all(content == pictures[Path(name).stem] for name, content in whole_ones.items())
    with serve(pictured(pictures, items)) as sandbox:
        kept, seen = download(sandbox, destination)
    fetched, skipped, *_ = counts_of(kept)
    assert (fetched, skipped) == (60 - len(whole_ones), len(whole_ones))
    assert seen.storage == fetched + kept.counts()[0]
    assert {Path(name).stem: content for name, content in assets_in(destination).items()} == pictures
    assert Destination(destination).verify() == []


MEMORY = f"""
import resource
{DRIVER.replace("asyncio.run(", "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; asyncio.run(")}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB there")
def test_memory_does_not_grow_with_the_size_of_an_asset(destination: Path) -> None:
    grown: list[int] = []
    for number, size in enumerate([1 << 20, 120 << 20]):
        with serve(pictured({"a": jpeg("a", size)}, {"a": 1}), port=0) as sandbox:
            line = ("-c", MEMORY, sandbox.api_key, sandbox.base_url, destination / str(number))
            with process(*line, sandbox=sandbox) as started:
                out, err = started.communicate()
        assert not err
        grown.append(int(out))
    assert grown[1] - grown[0] < 20_000, "KiB"


# Items that leave


def test_prune_deletes_the_assets_of_items_that_left_and_keeps_what_somebody_altered(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
    (destination / "one" / "b.jpg").write_bytes(jpeg("drawn upon"))
    left: dict[str, int | None] = {"c": 2, "d": None}
    with serve(pictured({"c": PICTURES["c"], "d": PICTURES["d"]}, left)) as sandbox:
        kept, _ = download(sandbox, destination, assets=False)
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.pruned) == (4, 0)
        assert Destination(destination).status()[0].assets == 2
        kept, _ = download(sandbox, destination, assets=False, prune=True)
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.pruned) == (4, 3)
        assert sum(isinstance(event, ItemPruned) for event in kept.events) == 3
        assert set(files_below(destination)) == {
            "one/b.jpg",
            "two/c.json",
            "two/c.jpg",
            "Default/d.json",
            "Default/d.jpg",
        }
        kept, _ = download(sandbox, destination, prune=True)
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.pruned) == (1, 0)
        (destination / "one" / "b.jpg").unlink()
        kept, _ = download(sandbox, destination, prune=True)
        assert kept.summary is not None
        assert kept.summary.stale == 0
    assert rows(destination, "SELECT item FROM assets ORDER BY item") == [("c",), ("d",)]


def test_an_asset_whose_item_moved_is_left_behind_and_pruned(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination)
    with serve(pictured(items={**FOUR, "a": 2})) as sandbox:
        kept, _ = download(sandbox, destination)
        assert counts_of(kept) == (1, 3, 0, 0)
        assert (destination / "two" / "a.jpg").read_bytes() == PICTURES["a"]
        assert (destination / "one" / "a.jpg").exists()
        kept, _ = download(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert kept.summary.pruned == 2
    assert set(assets_in(destination)) == {"one/b.jpg", "two/a.jpg", "two/c.jpg", "Default/d.jpg"}


def test_since_last_goes_on_only_from_a_run_that_fetched_assets(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        download(sandbox, destination, assets=False)
        kept, _ = download(sandbox, destination, since="last")
        assert counts_of(kept) == (4, 0, 0, 0)
        kept, _ = download(sandbox, destination, since="last")
        query = [each.query for each in sandbox.requests if each.endpoint == "work_items"][-1]
    assert "updatedAtFrom" in query
    assert counts_of(kept)[0] == 0


def test_since_last_tries_the_assets_again_that_failed(destination: Path, clock: Clock) -> None:
    fault = Fault("storage", "status", match=f"{ASSETS}1.", status=404, times=1)
    later = Clock(now=4_000_000_000.0)  # nothing was updated since
    with serve(pictured(), faults=[fault]) as sandbox:
        kept, _ = download(sandbox, destination, later)
        assert failures_of(kept) == {"b": "not_found"}
        kept, seen = download(sandbox, destination, later, since="last")
    assert (counts_of(kept)[:3], seen.storage) == ((1, 3, 0), 1)
    assert assets_in(destination) == expected()


def test_a_failure_is_forgotten_when_its_item_names_no_asset_any_more(destination: Path, clock: Clock) -> None:
    with serve(pictured(), faults=[Fault("storage", "status", match=ASSETS, status=404)]) as sandbox:
        assert counts_of(download(sandbox, destination, clock)[0]) == (0, 0, 4, 0)
    with serve(pictured({})) as sandbox:
        kept = run(client_of(sandbox, clock), destination, call=retry)
    assert kept.summary is not None
    assert kept.summary.assets == AssetSummary(missing=4)
    assert Destination(destination).status()[0].assets_failed == 0


def test_a_failure_is_forgotten_when_its_item_left(destination: Path, clock: Clock) -> None:
    with serve(pictured(), faults=[Fault("storage", "status", match=ASSETS, status=404)]) as sandbox:
        download(sandbox, destination, clock)
    with serve(pictured({"a": PICTURES["a"]}, {"a": 1})) as sandbox:
        kept = run(client_of(sandbox, clock), destination, call=retry)
        assert counts_of(kept) == (1, 0, 0, 0)
        assert Destination(destination).status()[0].assets_failed == 0
        with asked(sandbox) as seen:
            run(client_of(sandbox, clock), destination, call=retry)
    assert seen.counts["work_items"] == 0


def test_events_tell_each_asset_after_its_document(destination: Path) -> None:
    with serve(pictured()) as sandbox:
        kept, _ = download(sandbox, destination)
    for item in FOUR:
        kinds = [type(event) for event in kept.events if getattr(event, "item_id", None) == item]
        assert kinds == [ItemStored, AssetStored]


def size_of(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:  # it has its name by now
        return 0


@pytest.mark.parametrize("action", ["truncated", "slow"], ids=["between attempts", "while it comes"])
def test_a_run_that_is_ended_leaves_no_part_of_an_asset(action: Any, destination: Path) -> None:
    pictures = {**PICTURES, "b": jpeg("big", BIG)}
    fault = Fault("storage", action, match=f"{ASSETS}1.", bytes_per_second=8 << 20 if action == "slow" else None)

    async def cancelled(client: Any, folder: Path, **options: Any) -> Any:
        running = asyncio.ensure_future(client.download_project("sample-project", "sample-space", folder, **options))
        while not any(size_of(part) > 1 << 20 for part in folder.rglob("*.part")):
            await asyncio.sleep(0)
            assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        raise OSError("as one who catches the interrupt would")

    with serve(pictured(pictures), faults=[fault]) as sandbox:
        kept = watched(client_of(sandbox, base=60.0), destination, call=cancelled, assets=True)
        check_tidy(destination)
    assert isinstance(kept.error, OSError)
    with serve(pictured(pictures)) as sandbox:
        kept, _ = download(sandbox, destination)
    assert assets_in(destination) == expected(pictures)
    assert kept.error is None


@pytest.mark.skipif(sys.platform == "win32", reason="There are no limits of files.")
@pytest.mark.parametrize("path", ["assets/1.jpg", "assets/1"])
def test_a_file_size_limit_names_the_file_that_was_to_be(path: str, destination: Path) -> None:
    project = pictured({"b": jpeg(size=BIG)})
    with serve(with_urls(project, {"b": path}, **{path: jpeg(size=BIG)})) as sandbox:
        with files_of_at_most(2 << 20):
            kept, _ = download(sandbox, destination)
        assert kept.error is not None
        assert str(kept.error).startswith(f"{destination / 'one' / 'b.jpg'} cannot be written: a file-size limit")
        assert download(sandbox, destination)[0].error is None
    assert set(assets_in(destination)) == {"one/b.jpg"}
