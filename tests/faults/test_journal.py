"""D6, D7 and what reruns cost: requests are counted by the server."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, Destination, DownloadSummary
from cf_ai_platform_client.adapters.journal import Journal
from cf_ai_platform_client.adapters.journal_file import JournalBusy
from cf_ai_platform_client.adapters.journal_reader import JournalReader
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.errors import CFError, DiskError
from cf_ai_platform_client.events import Event, ItemPruned, ItemStored
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project

from ..adapters.disks import mounted
from ..conftest import Clock, files_below
from .projects import Asked, asked, command, document, journal_of, made, rows, serve, sources_of
from .promise import KEY, Kept, check_tidy, client_of, documents_of, run, watched

Items = dict[str, int | None]
TEN: Items = {f"item-{number}": 1 + number % 2 for number in range(10)}
BATCHES = {1: "one", 2: "two"}


def ten(**more: Any) -> Project:
    return made(TEN, BATCHES, **more)


def rerun(sandbox: Sandbox, destination: Path, **options: Any) -> tuple[Kept, Asked]:
    """Run once and tell what the sandbox was asked."""
    with asked(sandbox) as seen:
        kept = run(client_of(sandbox, attempts=1), destination, **{"expected": sources_of(TEN), **options})
    return kept, seen


def warnings_of(kept: Kept) -> list[str]:
    assert kept.summary is not None
    return kept.summary.warnings


def test_d6_a_rerun_with_nothing_changed_asks_the_storage_nothing(destination: Path) -> None:
    with Sandbox(items=150, api_key=KEY) as sandbox:
        sources = documents_of(sandbox)
        assert run(client_of(sandbox), destination, expected=sources).counts() == (150, 0, 0, 0)
        before = sandbox.counts
        again = run(client_of(sandbox), destination, expected=sources)
        assert again.counts() == (0, 150, 0, 0)
        assert sandbox.counts - before == {"work_items": 2, "batches": 1}
    assert [result.skipped for result in again.summary.results] == [True] * 150  # type: ignore[union-attr]


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b" ")


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


def test_d6_what_changed_on_the_platform_is_fetched_and_nothing_else(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    moments: dict[str, str | None] = {**dict.fromkeys(TEN, "2026-02-01T00:00:00Z"), "item-4": "2026-03-01T00:00:00Z"}
    new = {"item-4": document("new")}
    with serve(ten(updated=moments, documents=new)) as sandbox:
        kept, seen = rerun(sandbox, destination, expected=sources_of(TEN, new))
        assert (kept.counts(), seen.storage, seen.answers) == ((1, 9, 0, 0), 1, {200: 1})
        assert rerun(sandbox, destination, expected=sources_of(TEN, new))[1].storage == 0


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


def clock_at(wall: float) -> Runtime:
    return Runtime(wall=lambda: wall)


FEBRUARY, MARCH, APRIL = 1769904000.0, 1772323200.0, 1775001600.0


def since_last(sandbox: Sandbox, destination: Path, when: float, **options: Any) -> tuple[Kept, Asked]:
    with asked(sandbox) as seen:
        client = client_of(sandbox, runtime=clock_at(when), attempts=1)
        return run(client, destination, since="last", **options), seen


def queries_of(sandbox: Sandbox) -> list[str]:
    return [each.query for each in sandbox.requests if each.endpoint == "work_items"]


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


DAMAGES: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"garbage" * 1000),
    "a short text": lambda path: path.write_text("{}"),
    "no bytes": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut within a page": lambda path: os.truncate(path, path.stat().st_size - 100),
    "cut within the header": lambda path: os.truncate(path, 50),
    "only the first page": lambda path: os.truncate(path, 4096),
    "no tables": lambda path: statements(path, "DROP TABLE items", "DROP TABLE runs", "DROP TABLE folders"),
    "one table less": lambda path: statements(path, "DROP TABLE left_behind"),
    "another application's": lambda path: (path.unlink(), statements(path, "CREATE TABLE items (theirs)")),
    "no application id": lambda path: statements(path, "PRAGMA application_id = 0"),
    "an older schema": lambda path: statements(path, "PRAGMA user_version = 0"),
    "bytes for texts": lambda path: statements(
        path, "PRAGMA ignore_check_constraints = 1", "UPDATE items SET path = x'ff'"
    ),
    "a trigger": lambda path: statements(
        path, "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN UPDATE items SET path = '../../evil'; END"
    ),
    "a view": lambda path: statements(path, "CREATE VIEW evil AS SELECT * FROM items"),
    "a view for a table": lambda path: statements(
        path, "ALTER TABLE folders RENAME TO theirs", "CREATE VIEW folders AS SELECT * FROM theirs"
    ),
    "a table more": lambda path: statements(path, "CREATE TABLE theirs (x)"),
    "a column more": lambda path: statements(path, "ALTER TABLE items ADD COLUMN theirs"),
    "no runs": lambda path: statements(path, "DELETE FROM runs"),
    "the run of a failure is missing": lambda path: statements(path, "UPDATE items SET failed_in = 99"),
    "the run of a file is missing": lambda path: statements(path, "UPDATE items SET origin = 99 WHERE item = 'item-9'"),
    "the run that listed it is missing": lambda path: statements(path, "UPDATE items SET run = 99"),
    "numbers missing": lambda path: statements(path, "PRAGMA writable_schema = 1", "DELETE FROM sqlite_master"),
}


def statements(path: Path, *texts: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for text in texts:
            connection.execute(text)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_d7_a_damaged_journal_is_said_so_and_made_anew(damage: Callable[[Path], object], destination: Path) -> None:
    with serve(ten()) as sandbox:
        first, _ = rerun(sandbox, destination)
        part = destination / "one" / ".cf-ai-0123456789abcdef.part"
        part.write_bytes(b"of a run that was killed")
        damage(journal_of(destination))
        kept, seen = rerun(sandbox, destination)
        assert kept.counts() == (10, 0, 0, 0), "what is not known is fetched again"
        assert kept.files == first.files
        (said,) = warnings_of(kept)
        assert "journal" in said
        assert "damaged" in said
        aside = journal_of(destination).with_name("damaged-journal.sqlite3")
        assert str(aside) in said
        assert aside.exists()
        again, seen = rerun(sandbox, destination)
        assert (again.counts(), warnings_of(again), seen.storage) == ((0, 10, 0, 0), [], 0)


def test_d7_pages_that_were_overwritten_at_random_never_lose_a_file_or_end_a_run(destination: Path) -> None:
    items: Items = {f"item-{number:03}": 1 + number % 2 for number in range(100)}
    source = random.Random(7)
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
        for number in range(25):
            path = journal_of(destination)
            content = bytearray(path.read_bytes())
            place = source.randrange(0, len(content) - 4096)
            length = source.choice([1, 2, 16, 300, 4096])
            content[place : place + length] = source.randbytes(length)
            path.write_bytes(content)
            kept = run(client_of(sandbox), destination, expected=sources_of(items))
            assert kept.error is None, f"round {number}: {length} bytes at {place}: {kept.error}"
            assert kept.counts()[2:] == (0, 0)
            assert len(kept.files) == 100


@pytest.mark.parametrize("damage", ["deleted", "garbage", "cut", "of another journal"])
def test_d7_a_write_ahead_log_that_is_lost_or_damaged(damage: str, destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        with_wal(destination)
        wal = journal_of(destination).with_name("journal.sqlite3-wal")
        if damage == "deleted":
            wal.unlink()
        elif damage == "cut":
            os.truncate(wal, wal.stat().st_size // 2)
        else:
            wal.write_bytes(b"garbage" * 5000 if damage == "garbage" else b"\x37\x7f\x06\x82" + bytes(4000))
        kept, _ = rerun(sandbox, destination)
        assert kept.error is None
        assert len(kept.files) == 10
        assert rerun(sandbox, destination)[1].storage == 0


def with_wal(destination: Path) -> None:
    """Leave the journal as a kill does, with all that the last run wrote in its write-ahead log."""
    path = journal_of(destination)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE runs SET ended = NULL, outcome = NULL")
        connection.execute("UPDATE items SET state = 'listed', path = NULL WHERE item > 'item-5'")
        copies = {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}
    for end, content in copies.items():
        path.with_name(path.name + end).write_bytes(content)


def test_d7_a_journal_whose_first_log_is_lost_is_made_anew(destination: Path) -> None:
    """What is left after a kill early on, when nothing was moved from the log to the file, and the log is deleted."""
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        journal = journal_of(destination)
        journal.unlink()
        statements(journal, "PRAGMA journal_mode = WAL")
        kept, _ = rerun(sandbox, destination)
        assert kept.counts() == (10, 0, 0, 0)
        assert "damaged" in warnings_of(kept)[0]


def test_d7_a_journal_that_a_kill_kept_empty_is_no_damage(destination: Path) -> None:
    journal = journal_of(destination)
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"")
    with serve(ten()) as sandbox:
        kept, _ = rerun(sandbox, destination)
    assert (kept.counts(), warnings_of(kept)) == ((10, 0, 0, 0), [])


def test_d7_a_text_that_is_no_utf_8_ends_no_run(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        rows(destination, "UPDATE items SET path = CAST(x'6f6e652fff' AS TEXT) WHERE item = 'item-0'")
        rows(destination, "UPDATE items SET updated_at = CAST(x'ff' AS TEXT) WHERE item = 'item-1'")
        kept, _ = rerun(sandbox, destination)
        assert kept.error is None
        assert kept.counts() == (1, 9, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["size", "mtime_ns", "sha256", "updated_at", "etag", "result", "asset", "batch"])
@pytest.mark.parametrize("value", ["'text'", "-1", "1e300", "NULL", "x''"])
def test_d7_whatever_one_column_says_nothing_is_lost(column: str, value: str, destination: Path) -> None:
    items: Items = {"a": 1, "b": 1, "gone": 1}
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
    try:
        rows(destination, f"UPDATE items SET {column} = {value}")
    except sqlite3.IntegrityError:
        pytest.skip("SQLite itself refuses it")
    with serve(made({"a": 1, "b": 1}, BATCHES)) as sandbox:
        Destination(destination).verify()
        Destination(destination).status()
        kept = run(client_of(sandbox), destination, expected=sources_of(items), prune=True)
        assert kept.error is None
        assert kept.counts()[2:] == (0, 0)
        assert {"one/a.json", "one/b.json"} <= set(kept.files)
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (0, 2, 0, 0)


def test_d7_a_newer_journal_is_refused_and_kept(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        statements(journal_of(destination), "PRAGMA user_version = 99")
        before = journal_of(destination).read_bytes()
        kept, seen = rerun(sandbox, destination)
    assert (kept.code, seen.storage) == ("disk_error", 0)
    assert str(kept.error) == (
        f"The journal {journal_of(destination)} was written by a newer version of this package."
        " Update the package, or choose another destination."
    )
    assert journal_of(destination).read_bytes() == before
    with pytest.raises(DiskError, match="newer version"):
        Destination(destination).status()


def test_d7_status_and_verify_of_a_damaged_journal(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        journal_of(destination).write_bytes(b"garbage")
        for look in (Destination(destination).verify, Destination(destination).status):
            with pytest.warns(UserWarning, match="is damaged"):
                assert look() == []
        kept, _ = rerun(sandbox, destination)
        assert "damaged" in warnings_of(kept)[0], "the next download says so, too"
        assert (destination / ".cf-ai" / "damaged-journal.sqlite3").read_bytes() == b"garbage"


LOOKED_AT: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "ended well": (lambda _: None, 10, "finished"),
    "killed": (with_wal, 6, "killed"),
    "of the version before": (lambda destination: of_version_2(destination), 10, "finished"),
    "of the first version": (lambda destination: of_version_1(destination), 10, "finished"),
    "empty": (lambda destination: journal_of(destination).write_bytes(b""), 0, "damaged"),
    "damaged": (lambda destination: os.truncate(journal_of(destination), 5000), 0, "damaged"),
    "without its runs": (lambda destination: rows(destination, "DELETE FROM runs"), 0, "damaged"),
    "of the first version without its runs": (
        lambda destination: (of_version_1(destination), rows(destination, "DELETE FROM runs")),
        0,
        "damaged",
    ),
    "with a trigger": (lambda destination: DAMAGES["a trigger"](journal_of(destination)), 0, "damaged"),
}


def everything_in(destination: Path) -> dict[str, tuple[int, bytes]]:
    """Return the times and the bytes of all that is there, the journal's folder too."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [destination, *destination.rglob("*")]
    }


@pytest.mark.parametrize(("prepare", "stored", "outcome"), LOOKED_AT.values(), ids=LOOKED_AT)
def test_d7_status_and_verify_only_read(
    prepare: Callable[[Path], object], stored: int, outcome: str, tmp_path: Path
) -> None:
    destination = tmp_path / "small" / "out"
    with mounted(destination.parent, "size=4m") as remount:
        with serve(ten()) as sandbox:
            rerun(sandbox, destination)
        prepare(destination)
        before = everything_in(destination)
        for mode in ("rw", "ro"):
            remount(mode)
            with pytest.warns(UserWarning, match="damaged") if outcome == "damaged" else nullcontext():
                assert Destination(destination).verify() == []
            with pytest.warns(UserWarning, match="damaged") if outcome == "damaged" else nullcontext():
                status = Destination(destination).status()
            assert [(each.stored, each.outcome) for each in status] == ([(stored, outcome)] if stored else [])
            assert everything_in(destination) == before
        remount("rw")
        with serve(ten()) as sandbox:
            kept, _ = rerun(sandbox, destination)
            assert bool(warnings_of(kept)) == (outcome == "damaged")


def test_d5_a_run_begins_while_somebody_verifies(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        looking = Destination(destination).iter_differences()
        assert next(looking) is None
        assert rerun(sandbox, destination)[0].counts() == (0, 10, 0, 0)
        assert list(looking) == [None] * 9
        assert rerun(sandbox, destination)[0].counts() == (0, 10, 0, 0)


def test_d5_a_run_says_that_somebody_reads_the_journal(destination: Path, clock: Clock) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        with closing(JournalReader(str(destination))):
            kept = run(client_of(sandbox, clock), destination)
    assert kept.code == "disk_error"
    assert str(kept.error) == (
        f"Another process is reading the journal of {destination}."
        " Wait until it has ended, or choose another destination."
    )


def less(*gone: str) -> Items:
    return {item: batch for item, batch in TEN.items() if item not in gone}


def test_prune_deletes_what_left_the_project_and_says_so(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(made(less("item-1", "item-3"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination)
        assert kept.summary is not None
        assert (kept.counts(), kept.summary.stale, kept.summary.pruned) == ((0, 8, 0, 0), 2, 0)
        assert len(kept.files) == 10
        pruned, _ = rerun(sandbox, destination, prune=True)
        assert pruned.summary is not None
        assert (pruned.summary.stale, pruned.summary.pruned) == (2, 2)
        assert {event.item_id for event in pruned.events if isinstance(event, ItemPruned)} == {"item-1", "item-3"}
        assert set(kept.files) - set(pruned.files) == {"two/item-1.json", "two/item-3.json"}
        again, _ = rerun(sandbox, destination, prune=True)
        assert again.summary is not None
        assert (again.summary.stale, again.summary.pruned) == (0, 0)


def test_prune_keeps_what_somebody_altered(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    alter(destination / "two" / "item-1.json")
    os.utime(destination / "two" / "item-3.json", ns=(1, 1))
    (destination / "two" / "item-5.json").unlink()
    (destination / "two" / "item-5.json").symlink_to(destination / "one" / "item-0.json")
    (destination / "two" / "own.txt").write_text("a user's own file")
    with serve(made(less("item-1", "item-3", "item-5", "item-7"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert (kept.summary.stale, kept.summary.pruned) == (3, 2), "a link is no file of ours"
    assert warnings_of(kept) == ["1 stale files were altered by somebody and are kept."]
    assert (destination / "two" / "item-1.json").exists()
    assert (destination / "two" / "own.txt").exists()
    assert (destination / "one" / "item-0.json").is_file()


@pytest.mark.parametrize(
    "narrow",
    [
        {"batch_ids": [1]},
        {"work_item_ids": ["item-1"]},
        {"status": "IN_REVIEW"},
        {"created_at_from": "2026-01-01"},
        {"updated_at_to": "2026-01-01"},
        {"since": "last"},
    ],
)
def test_prune_with_filters_is_refused_before_any_request(narrow: dict[str, Any], destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        kept, seen = rerun(sandbox, destination, prune=True, **narrow)
        assert type(kept.error) is ValueError
        assert "prune" in str(kept.error)
        assert next(iter(narrow)) in str(kept.error)
        assert not seen.counts
        assert len(kept.files) == 10


def test_a_run_with_filters_calls_nothing_stale(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        kept, _ = rerun(sandbox, destination, batch_ids=[1])
    assert kept.summary is not None
    assert (kept.counts(), kept.summary.stale) == ((0, 5, 0, 0), 0)


@pytest.mark.parametrize("how", ["status", "reset", "truncated"])
def test_prune_after_a_broken_listing_deletes_nothing(how: Any, destination: Path) -> None:
    items: Items = {f"i{number:03}": 1 for number in range(250)}
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
    fault = Fault("work_items", nth=range(3, 9), action=how, status=500)
    with serve(made(items, BATCHES), faults=[fault]) as sandbox:
        kept = run(client_of(sandbox, attempts=1), destination, expected=sources_of(items), prune=True)
    assert kept.code == "listing_failed"
    assert len(kept.files) == 250


def listing_body(items: Items, **more: Any) -> str:
    listed = [{"id": item, "batchId": batch} for item, batch in items.items()]
    return json.dumps({"items": listed, "meta": None, **more})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (listing_body(less("item-1"), total=10), "fewer work items than it counted"),
        (listing_body({}, total=0), "no work item at all"),
        (listing_body({}), "no work item at all"),
        (listing_body({**less("item-1", "item-3"), "": 1}), "without an id"),
        (listing_body(less("item-1")), "did not say how many"),
        (listing_body(less("item-1"), total="9"), "did not say how many"),
    ],
    ids=["total is larger", "none", "none and no total", "one without an id", "no total", "total is text"],
)
def test_prune_is_refused_where_the_listing_may_be_wrong(body: str, reason: str, destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(ten(), faults=[Fault("work_items", "altered", body=body)]) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert (len(kept.files), kept.summary.pruned) == (10, 0)
    assert [text for text in warnings_of(kept) if text.startswith("Nothing was pruned:") and reason in text]


def in_review(project: Project, *ids: str) -> Project:
    items = [{**item, "status": "IN_REVIEW"} if item["id"] in ids else item for item in project.items]
    return Project(items, project.batch_objects, project.documents, project.annotations)


def test_prune_spares_what_was_fetched_with_another_status(destination: Path) -> None:
    project = in_review(ten(), "item-1", "item-2", "item-3")
    with serve(project) as sandbox:
        assert rerun(sandbox, destination)[0].counts() == (7, 0, 0, 0)
        assert rerun(sandbox, destination, status="IN_REVIEW")[0].counts() == (3, 0, 0, 0)
        kept, _ = rerun(sandbox, destination, prune=True)
        assert kept.summary is not None
        assert (kept.counts(), kept.summary.stale, kept.summary.pruned) == ((0, 7, 0, 0), 0, 0)
        assert len(kept.files) == 10
        assert rerun(sandbox, destination, status="IN_REVIEW")[1].storage == 0
    with serve(ten()) as sandbox:
        assert rerun(sandbox, destination)[0].counts() == (0, 10, 0, 0), "all of them are completed now"
    with serve(made(less("item-1"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.pruned) == (1, 1)


def test_prune_that_the_disk_stops_tells_what_it_deleted(destination: Path) -> None:
    with mounted(destination / "two", "size=1m") as remount:
        with serve(ten()) as sandbox:
            rerun(sandbox, destination)
        remount("ro")
        with serve(made({"item-1": 2}, BATCHES)) as smaller:
            kept, _ = rerun(smaller, destination, prune=True)
        assert (kept.code, kept.counts()) == ("disk_error", (0, 1, 0, 0))
        deleted = {event.item_id for event in kept.events if isinstance(event, ItemPruned)}
        assert deleted == set(TEN) - {name.partition("/")[2].removesuffix(".json") for name in kept.files}
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.pruned) == (3, 2) == (3, len(deleted)), "item-3 is in the way"


def test_files_that_somebody_deleted_are_not_stale(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    (destination / "two" / "item-1.json").unlink()
    with serve(made(less("item-1", "item-3"), BATCHES)) as sandbox:
        for expected in ((1, 0), (1, 1), (0, 0)):
            kept, _ = rerun(sandbox, destination, prune=expected != (1, 0))
            assert kept.summary is not None
            assert (kept.summary.stale, kept.summary.pruned) == expected


def test_prune_spares_items_that_failed(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        alter(destination / "one" / "item-0.json")
    with serve(ten(), faults=[Fault("annotations", "status", status=404)]) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert (kept.counts(), kept.summary.stale, len(kept.files)) == ((0, 9, 1, 0), 0, 10)


def test_prune_deletes_only_files_of_its_own_project(destination: Path) -> None:
    one = ten()
    other = Project(one.items, one.batch_objects, one.documents, one.annotations, project_id="other-project")
    theirs = Project(
        [{**item, "id": f"other-{item['id']}"} for item in other.items],
        other.batch_objects,
        other.documents,
        {f"other-{item}": {**each, "workItemID": f"other-{item}"} for item, each in other.annotations.items()},
        project_id="other-project",
    )
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(theirs) as sandbox:
        kept = run(client_of(sandbox), destination, project_id="other-project")
        assert kept.counts() == (10, 0, 0, 0)
    with serve(made({"item-0": 1}, BATCHES)) as sandbox:
        pruned = run(client_of(sandbox), destination, prune=True)
    assert pruned.summary is not None
    assert pruned.summary.pruned == 9
    assert {name.partition("/")[2] for name in pruned.files} == {"item-0.json", *(f"other-{item}.json" for item in TEN)}
    (first, second) = sorted(Destination(destination).status(), key=lambda each: each.project_id)
    assert (first.project_id, first.stored, second.stored) == ("other-project", 10, 1)


def retry(client: Any, destination: Path, **options: Any) -> Any:
    return client.retry_failed(destination, **options)


def test_retry_failed_fetches_what_failed_and_lists_nothing_else(destination: Path) -> None:
    fault = Fault("annotations", nth=(2, 4, 9), action="status", status=404)
    with serve(ten(), faults=[fault]) as sandbox:
        assert rerun(sandbox, destination)[0].counts() == (7, 0, 3, 0)
        (status,) = Destination(destination).status()
        assert (status.stored, status.failed, status.failed_by_code) == (7, 3, {"not_found": 3})
        kept, seen = rerun(sandbox, destination, call=retry)
        assert kept.counts() == (3, 0, 0, 0)
        assert (seen.counts["work_items"], seen.storage) == (1, 3)
        again, seen = rerun(sandbox, destination, call=retry)
        assert (again.counts(), seen.counts["work_items"], seen.storage) == ((0, 0, 0, 0), 0, 0)
    assert len(again.files) == 10


def test_retry_failed_of_more_than_one_call_can_name(destination: Path) -> None:
    items: Items = {f"i{number:03}": 1 for number in range(250)}
    with serve(
        made(items, BATCHES), faults=[Fault("annotations", nth=range(1, 211), action="status", status=404)]
    ) as sandbox:
        assert run(client_of(sandbox), destination).counts() == (40, 0, 210, 0)
        kept, seen = rerun(sandbox, destination, call=retry, expected=sources_of(items))
    assert kept.counts() == (210, 0, 0, 0)
    assert seen.counts["work_items"] == 3


def test_retry_failed_that_fails_again_stays_to_be_retried(destination: Path) -> None:
    with serve(ten(), faults=[Fault("annotations", "status", match="item-4", times=2, status=404)]) as sandbox:
        rerun(sandbox, destination)
        assert rerun(sandbox, destination, call=retry)[0].counts() == (0, 0, 1, 0)
        assert rerun(sandbox, destination, call=retry)[0].counts() == (1, 0, 0, 0)


def test_retry_failed_of_an_item_that_left_the_project(destination: Path) -> None:
    with serve(ten(), faults=[Fault("annotations", "status", match="item-4", status=404)]) as sandbox:
        rerun(sandbox, destination)
    with serve(made(less("item-4"), BATCHES)) as sandbox:
        assert rerun(sandbox, destination, call=retry)[0].counts() == (0, 0, 0, 0)
        rerun(sandbox, destination)
    (status,) = Destination(destination).status()
    assert (status.stored, status.failed) == (9, 0)


def status_of(destination: Path) -> tuple[int, int, int]:
    """Return how many are stored, failed and gone."""
    (status,) = Destination(destination).status()
    return status.stored, status.failed, status.gone


def gone_wrong(*ids: str) -> list[Fault]:
    return [Fault("annotations", "status", match=item_id, status=404) for item_id in ids]


def in_other_space() -> Project:
    moved = json.loads(json.dumps(ten().annotations).replace("/sample-space/", "/other-space/"))
    return replace(ten(), space_id="other-space", annotations=moved)


def test_retry_failed_asks_with_the_status_of_each_failure(destination: Path) -> None:
    project = in_review(ten(), "item-1", "item-2", "item-3")
    with serve(project, faults=gone_wrong("item-1", "item-4")) as sandbox:
        assert rerun(sandbox, destination)[0].counts() == (6, 0, 1, 0)
        assert rerun(sandbox, destination, status="IN_REVIEW")[0].counts() == (2, 0, 1, 0)
    with serve(project) as sandbox:
        kept, seen = rerun(sandbox, destination, call=retry)
        assert (kept.counts(), warnings_of(kept)) == ((2, 0, 0, 0), [])
        assert kept.summary is not None
        assert [result.item_id for result in kept.summary.results] == ["item-4", "item-1"]
        assert seen.counts["work_items"] == 2
    assert status_of(destination) == (10, 0, 0)


def test_retry_failed_asks_the_space_of_each_failure(destination: Path) -> None:
    with serve(ten(), faults=gone_wrong("item-3")) as sandbox:
        rerun(sandbox, destination, batch_ids=[2])
    with serve(in_other_space(), faults=gone_wrong("item-4")) as sandbox:
        rerun(sandbox, destination, batch_ids=[1], space_id="other-space")
    both = {**in_other_space().annotations, "item-3": ten().annotations["item-3"]}
    with serve(replace(in_other_space(), annotations=both)) as sandbox:
        kept, _ = rerun(sandbox, destination, call=retry)
        assert kept.counts() == (1, 0, 1, 0), "the first space is not served here"
        signed = [each.path for each in sandbox.requests if each.endpoint == "signed_urls"]
        assert signed == [f"/api/v1/spaces/{space}/signedurls" for space in ("sample-space", "other-space")]
    with serve(ten()) as sandbox:
        assert rerun(sandbox, destination, call=retry)[0].counts() == (1, 0, 0, 0)
        assert rerun(sandbox, destination, batch_ids=[2])[0].counts() == (0, 5, 0, 0)
    with serve(in_other_space()) as sandbox:
        kept, _ = rerun(sandbox, destination, batch_ids=[1], space_id="other-space")
        assert (kept.counts(), warnings_of(kept)) == ((0, 5, 0, 0), []), "retries of others change nothing here"
    assert status_of(destination) == (10, 0, 0)


def test_retry_failed_that_ends_early_sums_up_what_was_retried_before(destination: Path) -> None:
    project = in_review(ten(), "item-1")
    with serve(project, faults=gone_wrong("item-1", "item-4")) as sandbox:
        rerun(sandbox, destination)
        rerun(sandbox, destination, status="IN_REVIEW")
    with serve(project, faults=[Fault("annotations", "status", match="item-1", status=401)]) as sandbox:
        kept, _ = rerun(sandbox, destination, call=retry)
        assert isinstance(kept.error, CFError)
        assert kept.error.summary is not None
        done = kept.error.summary
    assert (kept.code, done.total_items, done.successful, done.not_attempted) == ("unauthorized", 2, 1, 1)


def test_retry_failed_leaves_other_platforms_alone(destination: Path) -> None:
    with serve(ten(), port=0, faults=gone_wrong("item-3")) as staging, serve(ten(), port=0) as production:
        rerun(staging, destination, batch_ids=[2])
        kept, seen = rerun(production, destination, call=retry)
        assert str(kept.error) == (
            f"base_url is '{production.base_url}': what failed in {destination} is to be retried with"
            f" {staging.base_url}."
        )
        assert not seen.counts
        with serve(ten(), port=0, faults=gone_wrong("item-4")) as third:
            rerun(third, destination, batch_ids=[1])
            kept, _ = rerun(staging, destination, call=retry)
            assert kept.counts() == (0, 0, 1, 0)
            assert warnings_of(kept) == [
                f"1 work items failed in downloads from {third.base_url} and are retried with that base URL only."
            ]


def test_retry_failed_of_a_journal_of_the_version_before(destination: Path) -> None:
    with serve(ten(), faults=gone_wrong("item-3")) as sandbox:
        rerun(sandbox, destination)
    of_version_1(destination)
    with serve(ten()) as sandbox:
        assert rerun(sandbox, destination, call=retry)[0].counts() == (1, 0, 0, 0)
    assert status_of(destination) == (10, 0, 0)


@pytest.mark.parametrize("options", [{"call": retry}, {}, {"since": "last"}, {"prune": True}], ids=str)
def test_what_failed_and_left_the_project_is_told_as_gone(options: dict[str, Any], destination: Path) -> None:
    with serve(ten(), faults=gone_wrong("item-3", "item-4")) as sandbox:
        rerun(sandbox, destination)
        alter(destination / "two" / "item-1.json")
    with serve(ten(), faults=gone_wrong("item-1", "item-3", "item-4")) as sandbox:
        rerun(sandbox, destination)
        assert status_of(destination) == (7, 3, 0)
    with serve(made(less("item-1", "item-3"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination, **options)
        said = "2 work items that failed before are not in the project any more, or have another status."
        assert said in warnings_of(kept)
        stored, failed, gone = status_of(destination)
        assert (stored, failed) == (8, 0)
        assert gone == (2 if options.get("call") or options.get("since") else 1), "what has no file is forgotten"
        assert rerun(sandbox, destination, call=retry)[1].counts["work_items"] == 0
        rerun(sandbox, destination)
        assert status_of(destination) == (8, 0, 1), "of the one the altered file is here"
    with serve(ten()) as sandbox:
        assert rerun(sandbox, destination)[0].counts() == (2, 8, 0, 0), "they are back"
    assert status_of(destination) == (10, 0, 0)


@pytest.mark.parametrize("narrow", [{"batch_ids": [1]}, {"work_item_ids": ["item-0"]}, {"updated_at_to": "2026-01-01"}])
def test_a_listing_of_some_items_calls_no_failure_gone(narrow: dict[str, Any], destination: Path) -> None:
    with serve(ten(), faults=gone_wrong("item-3")) as sandbox:
        rerun(sandbox, destination)
        rerun(sandbox, destination, **narrow)
    assert status_of(destination) == (9, 1, 0)


def test_a_listing_that_may_be_wrong_calls_no_failure_gone(destination: Path) -> None:
    with serve(ten(), faults=gone_wrong("item-3")) as sandbox:
        rerun(sandbox, destination)
    for body in (listing_body({}), listing_body(less("item-3"), total=10)):
        with serve(ten(), faults=[Fault("work_items", "altered", body=body), *gone_wrong("item-3")]) as sandbox:
            rerun(sandbox, destination)
        assert status_of(destination) == (9, 1, 0)


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


def test_retry_failed_where_nothing_was_downloaded(destination: Path) -> None:
    with serve(ten()) as sandbox:
        kept, seen = rerun(sandbox, destination, call=retry)
    assert type(kept.error) is ValueError
    assert not seen.counts
    assert not destination.exists(), "asking makes nothing"


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


async def together(client: CFUserClient, destination: Path, on_event: Any) -> DownloadSummary:
    """Run two downloads at once, the second with `prune`, and return its summary."""
    places = ("sample-project", "sample-space", destination)
    first, second = await asyncio.gather(
        client.download_project(*places, limit=5), client.download_project(*places, prune=True, on_event=on_event)
    )
    assert first.successful == second.successful == 150
    return second


def test_prune_is_refused_while_another_run_of_the_project_is_active(destination: Path) -> None:
    with Sandbox(items=150, api_key=KEY) as sandbox:
        run(client_of(sandbox), destination)
        kept = run(client_of(sandbox), destination, call=together)
        assert len(kept.files) == 150
        assert [text for text in warnings_of(kept) if "another run of the project" in text]


def test_prune_spares_a_file_that_is_another_items_too(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    other = replace(ten(), project_id="another")
    with serve(other) as sandbox:
        rerun(sandbox, destination, project_id="another")
    with serve(made(less("item-1"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert (len(kept.files), kept.summary.pruned) == (10, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_d5_a_forked_process_is_another_one(destination: Path) -> None:
    journal = Journal.open(str(destination))
    code = os.fork()
    if code == 0:  # the child; nothing of the test's own end may run in it
        try:
            Journal.open(str(destination))
        except JournalBusy:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(code, 0)[1] == 0
    run_of_parent = journal.begin_run("p", "s", "COMPLETED", 1.0)
    assert run_of_parent.number == 1
    journal.close()


def test_d6_another_space_is_another_version(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    with serve(in_other_space()) as sandbox:
        kept, seen = rerun(sandbox, destination, space_id="other-space")
        assert (kept.counts(), seen.storage) == ((10, 0, 0, 0), 10)
        assert warnings_of(kept) == [
            "Files that are here came from the space sample-space, this run is for other-space: they are fetched again."
        ]
        assert rerun(sandbox, destination, space_id="other-space")[0].counts() == (0, 10, 0, 0)


def test_d6_another_platform_is_another_version(destination: Path) -> None:
    new = {item: document("of production") for item in TEN}
    with serve(ten(), port=0) as staging, serve(ten(documents=new), port=0) as production:
        rerun(staging, destination)
        kept, seen = rerun(production, destination, expected=sources_of(TEN, new))
        assert (kept.counts(), seen.storage, seen.answers) == ((10, 0, 0, 0), 10, {200: 10})
        assert warnings_of(kept) == [
            f"Files that are here came from {staging.base_url}, this run is for {production.base_url}:"
            " they are fetched again."
        ]
        again, seen = rerun(production, destination, expected=sources_of(TEN, new))
        assert (again.counts(), warnings_of(again), seen.storage) == ((0, 10, 0, 0), [], 0)
        back, seen = rerun(staging, destination)
        assert (back.counts(), seen.storage) == ((10, 0, 0, 0), 10)


@pytest.mark.parametrize("narrow", [{"batch_ids": [1]}, {"work_item_ids": ["item-0", "item-2"]}])
def test_d6_what_a_run_over_some_items_left_from_another_platform_is_fetched_later(
    narrow: dict[str, Any], destination: Path
) -> None:
    with serve(ten(), port=0) as staging, serve(ten(), port=0) as production:
        rerun(staging, destination)
        some = rerun(production, destination, **narrow)[0].counts()[0]
        assert some in {2, 5}
        assert rerun(production, destination)[0].counts() == (10 - some, some, 0, 0)
        assert rerun(production, destination)[0].counts() == (0, 10, 0, 0)


def test_d6_a_run_that_broke_off_on_another_platform_leaves_the_rest_to_the_next(destination: Path) -> None:
    with serve(ten(), port=0) as staging:
        rerun(staging, destination)
    with serve(ten(), faults=[Fault("annotations", nth=range(4, 99), action="status", status=401)]) as production:
        broken, _ = rerun(production, destination, max_workers=1)
        assert broken.code == "unauthorized"
    with serve(ten()) as production:
        kept, _ = rerun(production, destination)
        assert kept.counts() == (10 - broken.counts()[0], broken.counts()[0], 0, 0)


def test_d6_since_last_goes_on_from_no_run_before_another_platforms(destination: Path) -> None:
    with serve(ten(), port=0) as staging, serve(ten(), port=0) as production:
        rerun(production, destination)
        rerun(staging, destination)
        kept, _ = since_last(production, destination, MARCH)
        assert kept.counts() == (10, 0, 0, 0)
        assert "updatedAtFrom" not in queries_of(production)[-1]
        rerun(production, destination)
        assert "updatedAtFrom" in (since_last(production, destination, MARCH), queries_of(production)[-1])[1]


def test_prune_spares_what_came_from_another_platform(destination: Path) -> None:
    with serve(ten(), port=0) as staging, serve(made(less("item-1"), BATCHES), port=0) as production:
        rerun(staging, destination)
        kept, _ = rerun(production, destination, prune=True)
        assert kept.summary is not None
        assert (kept.counts(), kept.summary.stale, len(kept.files)) == ((9, 0, 0, 0), 0, 10)


LATER_COLUMNS = [("runs", "base_url"), ("items", "origin"), ("items", "failed_in"), ("left_behind", "origin")]


def of_version_1(destination: Path) -> None:
    """Make of a journal what the first version wrote, which closed it with a header that asks for a log."""
    statements(
        journal_of(destination),
        *(f"ALTER TABLE {table} DROP {column}" for table, column in LATER_COLUMNS),
        "PRAGMA user_version = 1",
        "PRAGMA journal_mode = WAL",
    )


def test_d6_a_journal_of_the_version_before_is_taken_over(destination: Path) -> None:
    with serve(ten(), faults=[Fault("annotations", nth=3, action="status", status=404)]) as sandbox:
        rerun(sandbox, destination)
        of_version_1(destination)
        kept, seen = rerun(sandbox, destination)
        assert (kept.counts(), seen.answers, warnings_of(kept)) == ((1, 9, 0, 0), {304: 9, 200: 1}, [])
        assert not list(destination.rglob("damaged-*"))
        again, seen = rerun(sandbox, destination)
        assert (again.counts(), seen.storage) == ((0, 10, 0, 0), 0)


def test_d6_a_journal_of_the_version_before_may_be_another_platforms(destination: Path) -> None:
    new = {"item-4": document("of production")}
    with serve(ten(), port=0) as staging, serve(ten(documents=new), port=0) as production:
        rerun(staging, destination)
        of_version_1(destination)
        kept, seen = rerun(production, destination, expected=sources_of(TEN, new))
        assert (kept.counts(), seen.answers) == ((1, 9, 0, 0), {304: 9, 200: 1})


def of_version_2(destination: Path) -> None:
    statements(
        journal_of(destination),
        "ALTER TABLE left_behind DROP origin",
        "PRAGMA user_version = 2",
        "PRAGMA journal_mode = WAL",
    )


OTHER: Items = {f"other-{number}": 1 for number in range(3)}
OTHERS = made(OTHER, BATCHES)


@pytest.mark.parametrize("options", [{}, {"prune": True}], ids=str)
def test_d6_files_of_a_platform_that_nobody_noted_are_kept_and_told(options: dict[str, Any], destination: Path) -> None:
    with serve(ten(), port=0) as staging, serve(OTHERS, port=0) as production:
        rerun(staging, destination)
        of_version_1(destination)
        (destination / "one" / "item-0.json").unlink()
        for _ in range(2):
            kept, _ = rerun(production, destination, expected=None, **options)
            assert kept.summary is not None
            assert (kept.summary.stale, kept.summary.pruned, len(kept.files)) == (0, 0, 12)
            assert warnings_of(kept) == [
                "9 files that are here came from a platform that an older version did not note, and their work items"
                " are not listed here: kept; delete what you do not need yourself."
            ]
            assert status_of(destination) == (12, 0, 0)
        back, seen = rerun(staging, destination, expected=None)
        assert (back.counts(), seen.answers) == ((1, 9, 0, 0), {304: 9, 200: 1})
        back, _ = rerun(staging, destination, expected=None, prune=True)
        assert (len(back.files), warnings_of(back)) == (13, []), "those of production are here, too"


def test_d6_what_a_run_listed_after_an_upgrade_is_pruned_once_it_leaves(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        of_version_1(destination)
        rerun(sandbox, destination)
    with serve(made(less("item-1"), BATCHES)) as sandbox:
        kept, _ = rerun(sandbox, destination, prune=True)
    assert kept.summary is not None
    assert (kept.summary.pruned, len(kept.files), warnings_of(kept)) == (1, 9, [])


@pytest.mark.parametrize("options", [{"call": retry}, {}, {"since": "last"}], ids=str)
def test_d6_failures_of_a_platform_that_nobody_noted_stay(options: dict[str, Any], destination: Path) -> None:
    with serve(ten(), port=0, faults=gone_wrong("item-3")) as staging, serve(OTHERS, port=0) as production:
        rerun(staging, destination)
        rows(destination, "UPDATE items SET path = 'two/item-3.json' WHERE item = 'item-3'")  # deleted since
        of_version_1(destination)
        kept, _ = rerun(production, destination, expected=None, **options)
        assert (
            "1 work items that failed before came from a platform that an older version did not note and are not"
            " listed here: they still count as failed."
        ) in warnings_of(kept)
        assert status_of(destination)[1:] == (1, 0)
    with serve(ten()) as staging:
        assert rerun(staging, destination, call=retry, expected=None)[0].counts() == (1, 0, 0, 0)


def test_d6_the_status_tells_what_is_here_from_another_platform(
    destination: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        serve(ten(), port=0) as staging,
        serve(made({"item-0": 1, "item-1": 2, **OTHER}, BATCHES), port=0, faults=gone_wrong("item-1")) as production,
    ):
        rerun(staging, destination)
        (status,) = Destination(destination).status()
        assert (status.base_url, status.from_elsewhere) == (staging.base_url, 0)
        rerun(production, destination, expected=None)
        (status,) = Destination(destination).status()
        assert (status.base_url, status.from_elsewhere) == (production.base_url, 9), "item-1 is staging's still"
        assert command("status", destination) == 0
        said = capfd.readouterr().out
        assert "          9  of the files here are from another platform, or nobody noted from which\n" in said
        assert f", from {production.base_url}, finished\n" in said


def test_d6_a_batch_of_another_platform_is_not_called_renamed(destination: Path) -> None:
    with serve(ten(), port=0) as staging, serve(made(TEN, {1: "first", 2: "two"}), port=0) as production:
        rerun(staging, destination)
        assert warnings_of(rerun(production, destination, expected=None)[0])[0] == (
            'Batch 1 is called "first" here and was "one" in an earlier run: its files stay in the folder one.'
        )


def test_prune_spares_what_an_item_of_another_platform_left_behind(destination: Path) -> None:
    with serve(ten(), port=0) as staging:
        rerun(staging, destination)
    for upgraded in (False, True):
        with serve(made({**TEN, "item-0": 2}, BATCHES), port=0) as staging, serve(OTHERS, port=0) as production:
            if not upgraded:
                rerun(staging, destination, expected=None)
            else:
                of_version_1(destination)
            kept, _ = rerun(production, destination, expected=None, prune=True)
            assert "one/item-0.json" in kept.files


def test_prune_spares_a_file_of_another_platform_of_an_item_that_failed_and_left(destination: Path) -> None:
    with serve(ten(), port=0) as staging, serve(ten(), port=0, faults=gone_wrong("item-1")) as production:
        rerun(staging, destination)
        rerun(production, destination)
        of_production = production.base_url
    with serve(made(less("item-1"), BATCHES), port=int(of_production.split(":")[2].split("/")[0])) as production:
        assert production.base_url == of_production
        kept, _ = rerun(production, destination, prune=True)
    assert kept.summary is not None
    assert (kept.summary.pruned, len(kept.files)) == (0, 10)


def test_d7_what_was_put_into_a_journal_is_never_run(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
        statements(
            journal_of(destination),
            "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN DELETE FROM items; DELETE FROM folders; END",
        )
        kept, _ = rerun(sandbox, destination)
        assert "damaged" in warnings_of(kept)[0]
    aside = journal_of(destination).with_name("damaged-journal.sqlite3")
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (10,)
