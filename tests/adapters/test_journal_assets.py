from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from cf_ai_platform_client.adapters.journal import Journal, Run, StoredFile
from cf_ai_platform_client.adapters.journal_asset_queries import AssetTotals, asset_totals, failed_assets
from cf_ai_platform_client.adapters.journal_assets import (
    forget_failures,
    known_assets,
    note_asset_failed,
    record_assets,
    record_assets_unchanged,
    rename_asset,
)
from cf_ai_platform_client.adapters.journal_queries import (
    AssetFile,
    asset_files,
    failed_runs,
    failures,
    last_complete,
    written_assets,
)
from cf_ai_platform_client.adapters.journal_stale import (
    forget,
    forget_fileless,
    is_anothers,
    note_gone,
    note_gone_failures,
    stale_files,
)
from cf_ai_platform_client.core.planning import Entry, FileState, Version
from cf_ai_platform_client.errors import CFError

from .test_journal import FINISHED

VERSION = Version("2026-02-01", None, '"etag"', b"asset")


@pytest.fixture
def destination(tmp_path: object) -> str:
    return f"{tmp_path}/out"


@pytest.fixture
def journal(destination: str) -> Iterator[Journal]:
    with closing(Journal.open(destination)) as opened:
        yield opened


def begin(journal: Journal, *items: str, project: str = "p", base_url: str | None = None, assets: bool = True) -> Run:
    """Begin a run and list some items."""
    run = journal.begin_run(project, "s", "COMPLETED", 1.0, base_url=base_url, assets=assets)
    journal.list_items(run, dict.fromkeys(items, "7"), 2.0)
    return run


def entry(path: str, size: int = 5) -> Entry:
    return Entry("7", path, VERSION, FileState(size, 1_000), b"digest")


def store(journal: Journal, run: Run, item_id: str, path: str | None = None, replaces: Entry | None = None) -> Entry:
    new = entry(path or f"plots/{item_id}.jpg")
    record_assets(journal, run, [StoredFile(item_id, new, replaces)], 3.0)
    return new


def test_what_is_recorded_comes_back(journal: Journal) -> None:
    run = begin(journal, "a", "b")
    new = store(journal, run, "a")
    assert known_assets(journal, run, ["a", "b"]) == {"a": new}
    other = begin(journal, project="q")
    assert known_assets(journal, other, ["a"]) == {}


def test_a_newer_file_replaces_it_and_the_old_one_is_left_behind(journal: Journal) -> None:
    run = begin(journal, "a")
    old = store(journal, run, "a")
    new = store(journal, run, "a", "other/a.jpg", old)
    assert known_assets(journal, run, ["a"]) == {"a": new}
    assert [(file.path, file.row) for file in stale_files(journal, run)] == [("plots/a.jpg", None)]
    store(journal, run, "a", "plots/a.jpg", new)
    assert [file.path for file in stale_files(journal, run)] == ["other/a.jpg"]


def test_a_file_that_is_still_right_gets_its_present_version_and_time(journal: Journal) -> None:
    run = begin(journal, "a")
    old = store(journal, run, "a")
    version = replace(VERSION, updated_at="2026-03-01", etag='"2"')
    record_assets_unchanged(journal, run, [("a", version, FileState(5, 2_000))], 4.0)
    assert known_assets(journal, run, ["a"])["a"] == replace(old, version=version, state=FileState(5, 2_000))


def test_a_failure_is_kept_until_the_file_comes(journal: Journal) -> None:
    run = begin(journal, "a", "b")
    store(journal, run, "a")
    for item_id in ("a", "b"):
        note_asset_failed(journal, run, item_id, "7", "not_found", "gone", 4.0)
    found = known_assets(journal, run, ["a", "b"])
    assert found["a"] == replace(entry("plots/a.jpg"), failed=True)
    assert (found["b"].path, found["b"].failed) == (None, True)
    assert [(failure.item_id, failure.code) for failure in failed_assets(journal, "p")] == [
        ("a", "not_found"),
        ("b", "not_found"),
    ]
    assert asset_totals(journal, "p") == AssetTotals(0, 2, 5)
    assert list(failures(journal, "p")) == [], "of documents"
    store(journal, run, "b")
    assert asset_totals(journal, "p") == AssetTotals(1, 1, 10)


def test_failures_are_forgotten_where_nothing_is_wanted_any_more(journal: Journal) -> None:
    run = begin(journal, "a", "b")
    store(journal, run, "a")
    for item_id in ("a", "b"):
        note_asset_failed(journal, run, item_id, "7", "not_found", "gone", 4.0)
    forget_failures(journal, run, ["a", "b"])
    assert known_assets(journal, run, ["a", "b"]) == {"a": entry("plots/a.jpg")}


def test_an_asset_can_get_another_name(journal: Journal) -> None:
    run = begin(journal, "a")
    store(journal, run, "a")
    rename_asset(journal, run, "a", "plots/a.asset.jpg")
    assert known_assets(journal, run, ["a"])["a"].path == "plots/a.asset.jpg"


def test_what_failed_is_told_to_a_run_like_that_in_which_it_failed(journal: Journal) -> None:
    run = begin(journal, "a", "b", "c")
    for item_id in ("a", "b"):
        note_asset_failed(journal, run, item_id, "7", "not_found", "gone", 4.0)
    journal.note_failed(run, "b", "not_found", "gone", 4.0)
    journal.end_run(run, FINISHED, 5.0)
    like = begin(journal)
    assert [failure.item_id for failure in failed_assets(journal, "p", like)] == ["a"], "b is told as a document"
    assert [failure.item_id for failure in failures(journal, "p", like)] == ["b"]
    assert list(failed_assets(journal, "p", begin(journal, base_url="https://x"))) != [], "nobody noted of which it is"
    elsewhere = journal.begin_run("p", "other space", "COMPLETED", 1.0)
    assert list(failed_assets(journal, "p", elsewhere)) == []
    (found,) = failed_runs(journal, "p")
    assert found.failures == 2
    journal.list_items(like, {"a": "7"}, 6.0)
    assert list(failed_assets(journal, "p", like)) == [], "it was listed by now"


def test_what_failed_and_is_not_listed_when_asked_for_is_gone(journal: Journal) -> None:
    run = begin(journal, "a", "b")
    note_asset_failed(journal, run, "a", "7", "not_found", "gone", 4.0)
    journal.end_run(run, FINISHED, 5.0)
    like = begin(journal)
    assert note_gone_failures(journal, like) == 0, "assets were not asked for"
    assert note_gone_failures(journal, like, assets=True) == 1
    assert list(failed_assets(journal, "p")) == []
    assert failed_runs(journal, "p") == []
    assert note_gone_failures(journal, like, assets=True) == 0


def test_long_answers_come_in_portions(journal: Journal) -> None:
    ids = [f"item-{number:04}" for number in range(1_200)]
    run = begin(journal, *ids)
    record_assets(journal, run, [StoredFile(item, entry(f"plots/{item}.jpg"), None) for item in ids], 3.0)
    assert list(asset_files(journal)) == [AssetFile("p", item, f"plots/{item}.jpg") for item in ids]
    for item_id in ids:
        note_asset_failed(journal, run, item_id, "7", "not_found", "gone", 4.0)
    assert [failure.item_id for failure in failed_assets(journal, "p")] == ids
    assert len(list(stale_files(journal, begin(journal)))) == 1_200


def test_assets_of_items_that_left_are_stale_and_gone(journal: Journal) -> None:
    run = begin(journal, "a", "b", "c")
    for item_id in ("a", "b"):
        store(journal, run, item_id)
    note_asset_failed(journal, run, "c", "7", "not_found", "gone", 4.0)
    journal.end_run(run, FINISHED, 5.0)
    later = begin(journal, "a")
    note_gone(journal, later)
    assert list(asset_files(journal)) == [AssetFile("p", "a", "plots/a.jpg")]
    assert [(file.item_id, file.is_gone, file.is_asset) for file in written_assets(journal)] == [
        ("a", False, True),
        ("b", True, True),
    ]
    assert asset_totals(journal, "p") == AssetTotals(1, 0, 10)
    (stale,) = stale_files(journal, later)
    assert (stale.item_id, stale.path, stale.is_asset) == ("b", "plots/b.jpg", True)
    forget_fileless(journal, later)
    assert known_assets(journal, later, ["c"]) == {}
    assert [file.path for file in stale_files(journal, later)] == ["plots/b.jpg"], "its item is remembered with it"
    forget(journal, later, [stale])
    assert known_assets(journal, later, ["a", "b"]).keys() == {"a"}


def test_an_asset_whose_item_is_forgotten_is_stale(journal: Journal) -> None:
    run = begin(journal, "a")
    store(journal, run, "a")
    with journal.transaction() as execute:
        execute("DELETE FROM items")
    later = begin(journal)
    assert [file.path for file in stale_files(journal, later)] == ["plots/a.jpg"]
    assert list(asset_files(journal)) == []


def test_an_asset_of_another_platform_is_not_stale(journal: Journal) -> None:
    store(journal, begin(journal, "a", base_url="https://one"), "a")
    assert list(stale_files(journal, begin(journal, base_url="https://two"))) == []
    assert len(list(stale_files(journal, begin(journal, base_url="https://one")))) == 1


def test_a_path_is_anothers_whichever_kind_of_file_it_is(journal: Journal) -> None:
    run = begin(journal, "a", "b")
    store(journal, run, "a", "plots/x.jpg")
    journal.record(run, [StoredFile("b", entry("plots/b.json"), None)], 3.0)
    later = begin(journal)
    document, asset = stale_files(journal, later)
    assert not is_anothers(journal, asset)
    assert not is_anothers(journal, document)
    rename_asset(journal, run, "a", "plots/b.json")
    document, asset = stale_files(journal, later)
    assert is_anothers(journal, asset)
    assert is_anothers(journal, document)


def test_a_run_with_assets_goes_on_from_one_with_assets_only(journal: Journal) -> None:
    for assets, number in ((False, 1), (True, 2)):
        assert last_complete(journal, "p", "s", "COMPLETED", assets=True) is None
        journal.end_run(begin(journal, assets=assets), FINISHED, 5.0)
        assert last_complete(journal, "p", "s", "COMPLETED") == (1.0, "2026-02-01"), number
    assert last_complete(journal, "p", "s", "COMPLETED", assets=True) == (1.0, "2026-02-01")


def test_a_transaction_that_fails_keeps_the_failures(journal: Journal) -> None:
    run = begin(journal, "a")
    note_asset_failed(journal, run, "a", "7", "not_found", "gone", 4.0)
    with pytest.raises(CFError), journal.transaction() as execute:
        execute("SELECT nonsense")
    assert [failure.item_id for failure in failed_assets(journal, "p")] == ["a"]
