"""D6 and what reruns cost: requests are counted by the server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.events import Event, ItemStored
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project

from ..conftest import files_below
from .projects import command, document, made, serve, sources_of
from .promise import KEY, check_tidy, client_of, documents_of, run, watched
from .reruns import (
    APRIL,
    BATCHES,
    FEBRUARY,
    MARCH,
    TEN,
    Items,
    alter,
    clock_at,
    less,
    listing_body,
    queries_of,
    rerun,
    since_last,
    status_of,
    ten,
)


def test_d6_a_rerun_with_nothing_changed_asks_the_storage_nothing(destination: Path) -> None:
    with Sandbox(items=150, api_key=KEY) as sandbox:
        sources = documents_of(sandbox)
        assert run(client_of(sandbox), destination, expected=sources).counts() == (150, 0, 0, 0)
        before = sandbox.counts
        again = run(client_of(sandbox), destination, expected=sources)
        assert again.counts() == (0, 150, 0, 0)
        assert sandbox.counts - before == {"work_items": 2, "batches": 1}
    assert [result.skipped for result in again.summary.results] == [True] * 150  # type: ignore[union-attr]


def zero(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"")
    os.truncate(path, size)


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("aside"))
    path.symlink_to("aside")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARM: dict[str, tuple[Callable[[Path], object], int]] = {
    "one byte altered": (alter, 1),
    "deleted": (Path.unlink, 1),
    "emptied": (lambda path: path.write_bytes(b""), 1),
    "cut": (lambda path: os.truncate(path, 20), 1),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\n"), 1),
    "zeros of the same size": (zero, 1),
    "made a link to itself": (replace_by_link, 1),
    "touched": (lambda path: os.utime(path, ns=(1, 1)), 0),
    "written again as it was": (lambda path: path.write_bytes(path.read_bytes()), 0),
    "mode changed": (lambda path: path.chmod(0o600), 0),
}


@pytest.mark.parametrize(("harm", "gets"), HARM.values(), ids=HARM)
def test_d6_what_somebody_did_to_one_file_costs_that_file_only(
    harm: Callable[[Path], object], gets: int, destination: Path
) -> None:
    with serve(ten()) as sandbox:
        whole = rerun(sandbox, destination)[0].files
        harm(destination / "two" / "item-3.json")
        kept, seen = rerun(sandbox, destination)
        assert kept.counts() == (gets, 10 - gets, 0, 0)
        assert (seen.storage, seen.counts["annotations"]) == (gets, gets)
        assert all(kept.files[name] == whole[name] for name in whole)
        assert rerun(sandbox, destination)[1].storage == 0


def test_d6_several_harms_at_once(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        paths = sorted(destination.rglob("*.json"))
        for path, (harm, _) in zip(paths, HARM.values(), strict=True):
            harm(path)
        kept, seen = rerun(sandbox, destination)
        assert seen.storage == sum(gets for _, gets in HARM.values())
        assert kept.counts() == (seen.storage, 10 - seen.storage, 0, 0)


def test_d6_a_folder_in_the_place_of_a_file_is_that_items_failure(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        replace_by_folder(destination / "two" / "item-3.json")
        kept, _ = rerun(sandbox, destination)
        assert (kept.counts(), kept.codes) == ((0, 9, 1, 0), {"disk_error"})
        (destination / "two" / "item-3.json").rmdir()
        assert rerun(sandbox, destination)[0].counts() == (1, 9, 0, 0)


def test_d6_a_whole_batch_that_was_deleted(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        for path in (destination / "one").iterdir():
            path.unlink()
        (destination / "one").rmdir()
        kept, seen = rerun(sandbox, destination)
        assert (kept.counts(), seen.storage) == ((5, 5, 0, 0), 5)


def test_d6_what_keeps_size_and_time_is_seen_by_verify_only(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        path = destination / "one" / "item-0.json"
        before = path.stat()
        alter(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert rerun(sandbox, destination)[1].storage == 0
        kept, seen = rerun(sandbox, destination, verify=True)
        assert (kept.counts(), seen.storage) == ((1, 9, 0, 0), 1)
        assert rerun(sandbox, destination, verify=True)[1].storage == 0


def test_d6_an_update_that_left_the_document_alone_costs_no_body(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(ten(updated="2026-03-01T00:00:00Z")) as sandbox:
        kept, seen = rerun(sandbox, destination)
        assert (kept.counts(), seen.answers) == ((0, 10, 0, 0), {304: 10})
        assert rerun(sandbox, destination)[1].storage == 0


@pytest.mark.parametrize("updated", [None, "", "x" * 2000, "\x00"], ids=["none", "empty", "too long", "unprintable"])
def test_d6_without_updated_at_each_item_is_one_conditional_get_without_a_body(
    updated: str | None, destination: Path
) -> None:
    with serve(ten(updated=updated)) as sandbox:
        rerun(sandbox, destination)
        for _ in range(2):
            kept, seen = rerun(sandbox, destination)
            assert kept.counts() == (0, 10, 0, 0)
            assert seen.counts == {"work_items": 1, "batches": 1, "annotations": 10, "signed_urls": 1, "storage": 10}
            assert seen.answers == {304: 10}
        sent = [each.headers.get("If-None-Match") for each in sandbox.requests if each.endpoint == "storage"]
    assert sent[:10] == [None] * 10
    assert all(sent[10:])


def test_d6_without_updated_at_a_new_document_is_fetched(destination: Path) -> None:
    with serve(ten(updated=None)) as sandbox:
        rerun(sandbox, destination)
    new = {"item-4": document("new")}
    with serve(ten(updated=None, documents=new)) as sandbox:
        kept, seen = rerun(sandbox, destination, expected=sources_of(TEN, new))
    assert (kept.counts(), seen.answers) == ((1, 9, 0, 0), {304: 9, 200: 1})


def test_d6_without_updated_at_an_altered_file_is_fetched_unconditionally(destination: Path) -> None:
    with serve(ten(updated=None)) as sandbox:
        rerun(sandbox, destination)
        alter(destination / "one" / "item-0.json")
        kept, seen = rerun(sandbox, destination)
    assert (kept.counts(), seen.answers) == ((1, 9, 0, 0), {304: 9, 200: 1})


def test_d6_another_asset_url_makes_another_file(destination: Path) -> None:
    with serve(ten(updated=None)) as sandbox:
        rerun(sandbox, destination)
    project = ten(updated=None)
    items = [{**item, "assetUrl": "assets/new.jpg"} if item["id"] == "item-4" else item for item in project.items]
    with serve(Project(items, project.batch_objects, project.documents, project.annotations)) as sandbox:
        kept, _ = rerun(sandbox, destination)
    assert kept.counts() == (1, 9, 0, 0)
    assert json.loads(kept.files["one/item-4.json"])["info"]["asset_url"] == "assets/new.jpg"


@pytest.mark.parametrize(
    ("option", "counts", "answers"),
    [
        ("overwrite", (10, 0, 0, 0), {200: 10}),
        ("recheck", (0, 10, 0, 0), {304: 10}),
        ("verify", (0, 10, 0, 0), {}),
    ],
)
def test_d6_what_a_rerun_is_asked_to_do(
    option: str, counts: tuple[int, ...], answers: dict[int, int], destination: Path
) -> None:
    with serve(ten()) as sandbox:
        first, _ = rerun(sandbox, destination)
        kept, seen = rerun(sandbox, destination, **{option: True})
    assert (kept.counts(), seen.answers, kept.files) == (counts, answers, first.files)


def test_d6_only_what_failed_is_fetched_by_the_next_run(destination: Path) -> None:
    with serve(ten(), faults=[Fault("storage", nth=(2, 5), action="status", status=404)]) as sandbox:
        first, _ = rerun(sandbox, destination)
        assert first.counts() == (8, 0, 2, 0)
        kept, seen = rerun(sandbox, destination)
        assert (kept.counts(), seen.storage) == ((2, 8, 0, 0), 2)


def test_d6_results_of_every_kind(destination: Path) -> None:
    with serve(ten(), faults=[Fault("annotations", nth=(1,), action="status", status=404)]) as sandbox:
        for results, length in (("failed", 1), ("none", 0), ("all", 10)):
            kept = watched(client_of(sandbox), destination, results=results)
            assert kept.summary is not None
            assert len(kept.summary.results) == length
    assert kept.counts() == (0, 10, 0, 0)


def test_d6_since_last_lists_only_what_was_updated_since(destination: Path) -> None:
    moments: dict[str, str | None] = dict.fromkeys(TEN, "2026-01-10T00:00:00Z")
    with serve(ten(updated=moments)) as sandbox:
        kept, _ = since_last(sandbox, destination, FEBRUARY)
        assert kept.counts() == (10, 0, 0, 0), "without an earlier run all are listed"
        assert "updatedAtFrom" not in queries_of(sandbox)[-1]
    new = {item: document("new") for item in ("item-2", "item-7")}
    with serve(ten(updated={**moments, **dict.fromkeys(new, "2026-02-10T00:00:00Z")}, documents=new)) as sandbox:
        kept, _ = since_last(sandbox, destination, MARCH, expected=sources_of(TEN, new))
        assert kept.counts() == (2, 8, 0, 0)
        assert "updatedAtFrom=2026-01-09T23%3A00%3A00Z" in queries_of(sandbox)[-1]
        kept, seen = since_last(sandbox, destination, APRIL, expected=sources_of(TEN, new))
        assert (kept.counts(), seen.storage) == ((0, 2, 0, 0), 0)
        assert "updatedAtFrom=2026-02-09T23%3A00%3A00Z" in queries_of(sandbox)[-1]
        assert kept.summary is not None
        assert kept.summary.stale == 0, "what is not listed is not stale"
    assert len(kept.files) == 10


def test_d6_since_last_goes_on_from_the_last_complete_run_and_takes_what_failed(destination: Path) -> None:
    moments: dict[str, str | None] = dict.fromkeys(TEN, "2026-01-10T00:00:00Z")
    moments["item-9"] = "2026-01-20T00:00:00Z"
    with serve(ten(updated=moments), faults=[Fault("annotations", match="item-3", action="status", status=404)]) as box:
        assert run(client_of(box, runtime=clock_at(FEBRUARY)), destination).counts() == (9, 0, 1, 0)
    with serve(ten(updated=moments)) as sandbox:
        kept, seen = since_last(sandbox, destination, MARCH, expected=sources_of(TEN))
        assert kept.counts() == (1, 1, 0, 0)
        assert (seen.counts["work_items"], seen.storage) == (2, 1)
        assert "workItemIDs=item-3" in queries_of(sandbox)[-1]
        again, seen = since_last(sandbox, destination, APRIL, expected=sources_of(TEN))
        assert (again.counts(), seen.counts["work_items"]) == ((0, 1, 0, 0), 1)


def test_d6_a_run_that_broke_off_is_none_to_go_on_from(destination: Path) -> None:
    items: Items = {f"i{number:03}": 1 for number in range(150)}
    broken = Fault("work_items", nth=2, action="status", status=404)
    with serve(made(items, BATCHES), faults=[broken]) as sandbox:
        first = run(client_of(sandbox), destination)
        assert (first.code, first.counts()) == ("not_found", (100, 0, 0, 0))
        kept, _ = since_last(sandbox, destination, MARCH)
        assert kept.counts() == (50, 100, 0, 0)


@pytest.mark.parametrize(
    "narrow", [{"batch_ids": [1]}, {"work_item_ids": ["item-1"]}, {"updated_at_from": "2026-01-01"}]
)
def test_d6_a_run_with_filters_is_none_to_go_on_from(narrow: dict[str, Any], destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination, **narrow)
        kept, _ = since_last(sandbox, destination, MARCH)
    assert kept.counts()[0] + kept.counts()[1] == 10


def test_d6_a_run_that_was_listed_an_item_without_an_id_is_none_to_go_on_from(destination: Path) -> None:
    moments: dict[str, str | None] = dict.fromkeys(TEN, "2026-01-10T00:00:00Z")
    body = listing_body({**less("item-1"), "": 2}, total=10)
    with serve(ten(updated=moments), faults=[Fault("work_items", "altered", body=body)]) as sandbox:
        assert run(client_of(sandbox, runtime=clock_at(FEBRUARY)), destination).counts() == (9, 0, 1, 0)
    with serve(ten(updated=moments)) as sandbox:
        kept, _ = since_last(sandbox, destination, MARCH, expected=sources_of(TEN))
        assert "updatedAtFrom" not in queries_of(sandbox)[0]
        assert len(kept.files) == 10
        since_last(sandbox, destination, APRIL, expected=sources_of(TEN))
        assert "updatedAtFrom" in queries_of(sandbox)[-1]


def test_verify_does_not_miss_a_file_of_an_item_that_left_the_project(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(made(less("item-1", "item-3"), BATCHES)) as sandbox:
        rerun(sandbox, destination)
        assert status_of(destination) == (8, 0, 2)
        assert Destination(destination).verify() == []
        alter(destination / "two" / "item-1.json")
        (destination / "two" / "item-3.json").unlink()
        (destination / "two" / "item-5.json").unlink()
        assert [(each.item_id, each.kind) for each in Destination(destination).verify()] == [
            ("item-1", "altered"),
            ("item-5", "missing"),
        ]
        rerun(sandbox, destination)
    assert status_of(destination) == (8, 0, 1), "what has no file any more is forgotten"


@pytest.mark.parametrize(("status", "code"), [(401, "not_attempted"), (500, "server_error")])
def test_results_of_a_run_that_went_wrong_tell_of_every_item(status: int, code: str, destination: Path) -> None:
    fault = Fault("annotations", nth=range(5, 99), action="status", status=status)
    with serve(ten(), faults=[fault]) as sandbox:
        kept, _ = rerun(sandbox, destination, max_workers=1)
        assert kept.summary is not None
        results = {result.item_id: result for result in kept.summary.results}
        assert set(results) == set(TEN)
        stored = [event for event in kept.events if isinstance(event, ItemStored)]
        assert {event.item_id for event in stored} == {item for item, result in results.items() if result.success}
        assert all(Path(results[event.item_id].file_path or "").is_file() for event in stored)
        assert all(result.error_code for result in results.values() if not result.success)
        assert {result.error_code for result in results.values()} - {None} == {code}
    with serve(ten()) as sandbox:
        again, seen = rerun(sandbox, destination)
    assert again.counts() == (10 - len(stored), len(stored), 0, 0)
    assert seen.storage == 10 - len(stored)


def test_what_a_handler_raises_ends_the_run_and_the_rerun_goes_on(destination: Path) -> None:
    count = 0

    def stop(event: Event) -> None:
        nonlocal count
        count += isinstance(event, ItemStored)
        if count == 3:
            raise ValueError("enough")

    with serve(ten()) as sandbox:
        kept = watched(client_of(sandbox), destination, on_event=stop, max_workers=1)
        assert str(kept.error) == "enough"
        check_tidy(destination)
        here = len(files_below(destination))
        (status,) = Destination(destination).status()
        assert status.outcome == "failed"
        again, seen = rerun(sandbox, destination)
    assert again.counts() == (10 - here, here, 0, 0)
    assert seen.storage == 10 - here


def test_cf_ai_verify_lists_what_differs_and_ends_with_1(destination: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    assert command("verify", destination) == 0
    assert capfd.readouterr().out == "All 10 files are as they were written.\n"
    alter(destination / "one" / "item-0.json")
    os.utime(destination / "one" / "item-2.json", ns=(1, 1))
    zero(destination / "one" / "item-4.json")
    (destination / "two" / "item-1.json").unlink()
    assert command("verify", destination) == 1
    assert sorted(capfd.readouterr().out.splitlines()) == [
        "3 of 10 files differ; a download with --verify fetches them again.",
        f"altered: {destination}/one/item-0.json",
        f"altered: {destination}/one/item-4.json",
        f"missing: {destination}/two/item-1.json",
    ]
    assert command("verify", destination, "--json") == 1
    body = json.loads(capfd.readouterr().out)
    assert (body["checked"], len(body["differences"])) == (10, 3)
    with serve(ten()) as sandbox:
        assert rerun(sandbox, destination)[1].storage == 3
    assert command("verify", destination) == 0


def test_cf_ai_verify_where_nothing_was_downloaded(destination: Path) -> None:
    assert command("verify", destination) == 2
    assert not destination.exists()
