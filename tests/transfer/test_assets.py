from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from cf_ai_platform_client.core.naming import name_folders
from cf_ai_platform_client.core.planning import Entry, FileState, Version
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import AssetFailed, AssetMissing, AssetSkipped, AssetStored, Event, ItemStored
from cf_ai_platform_client.models import AssetSummary, DownloadSummary, WorkItem
from cf_ai_platform_client.transfer.asset_files import AssetFiles
from cf_ai_platform_client.transfer.assets import Assets
from cf_ai_platform_client.transfer.job import AssetJob, AssetPlan, Job
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.retrying import _joined_assets

ERROR = CFError("It failed.", code="mismatch")
URL = "https://images.example/a.jpg?sig=1"
HERE = Entry("", "Default/item 0.jpg", Version(), FileState(1, 1))


class Desk:
    """A ledger, and what is handed on from it."""

    def __init__(self, keep: Literal["all", "failed", "none"] = "all") -> None:
        self.events: list[Event] = []
        self.signed: list[AssetJob] = []
        self.fetched: list[AssetJob] = []
        self.ledger = Ledger(keep, self.events.append)
        assets = Assets("s", self.ledger, sign=self.signed.append, fetch=self.fetched.append)
        self.ledger.begin_asset = assets.begin

    def admit(self, asset_url: str | None = "assets/a.JPG", plan: AssetPlan | None = None) -> Job:
        job = asyncio.run(self.ledger.admit(WorkItem(id=f"item {self.ledger.listed}", asset_url=asset_url)))
        job.asset = plan or AssetPlan("fetch" if asset_url else "none")
        return job

    def store(self, job: Job, path: str = "out/Default/item 0.json") -> None:
        self.ledger.count_stored(job, path, 10, ())


def test_a_path_of_the_space_is_signed_and_a_url_fetched_as_it_is() -> None:
    desk = Desk()
    desk.store(desk.admit())
    desk.store(desk.admit(URL))
    desk.store(desk.admit("s3://b/spaces/s/assets/b.png"))
    assert [(job.path, job.url, job.extension) for job in desk.signed] == [
        ("assets/a.JPG", "", ".jpg"),
        ("assets/b.png", "", ".png"),
    ]
    assert [(job.path, job.url, job.extension) for job in desk.fetched] == [("", URL, ".jpg")]
    assert desk.ledger.in_flight == 3, "an item is on its way until its asset has ended"
    assert desk.ledger.documents == 0


def test_each_asset_ends_once_and_the_item_with_it() -> None:
    desk = Desk()
    jobs = [desk.admit(), desk.admit(), desk.admit(None), desk.admit(plan=AssetPlan("skip", HERE, "out/x.jpg"))]
    for job in jobs:
        desk.store(job)
    one, two = desk.signed
    desk.ledger.count_stored(one, "out/a.jpg", 100, ())
    desk.ledger.count_failed(two, ERROR)
    assert desk.ledger.in_flight == 0
    summary = desk.ledger.summary(1.0)
    assert summary.assets == AssetSummary(successful=2, failed=1, skipped=1, missing=1, bytes=100)
    assert (summary.successful, summary.failed, summary.bytes) == (4, 0, 40)
    assert [(each.asset_path, each.asset_error_code) for each in summary.results] == [
        ("out/a.jpg", None),
        (None, "mismatch"),
        (None, None),
        ("out/x.jpg", None),
    ]
    kinds = [type(event) for event in desk.events if not isinstance(event, ItemStored)]
    assert kinds == [AssetMissing, AssetSkipped, AssetStored, AssetFailed]


@pytest.mark.parametrize(("keep", "kept"), [("all", [0, 1, 2]), ("failed", [1, 2]), ("none", [])])
def test_results_are_kept_of_what_failed_in_either(keep: Literal["all", "failed", "none"], kept: list[int]) -> None:
    desk = Desk(keep)
    first, second, third = desk.admit(), desk.admit(), desk.admit()
    desk.store(first)
    desk.store(second)
    desk.ledger.count_failed(third, ERROR)
    for asset in desk.signed:
        if asset.item.id == "item 1":
            desk.ledger.count_failed(asset, ERROR)
        else:
            desk.ledger.count_stored(asset, "out/a.jpg", 1, ())
    summary = desk.ledger.summary(1.0)
    assert [int(each.item_id.removeprefix("item ")) for each in summary.results] == kept
    assert desk.ledger.in_flight == 0


def test_without_a_plan_there_is_no_asset() -> None:
    desk = Desk()
    job = desk.admit()
    job.asset = None
    desk.store(job)
    assert (desk.signed, desk.ledger.in_flight, desk.ledger.summary(1.0).assets) == ([], 0, None)


def test_what_was_not_begun_when_a_run_ends_is_not_attempted() -> None:
    desk = Desk()
    begun, waiting, listed = desk.admit(), desk.admit(), desk.admit()
    desk.store(begun)
    desk.ledger.stop(ERROR)
    desk.store(waiting)
    assert len(desk.signed) == 1
    summary = desk.ledger.summary(1.0)
    assert (summary.successful, summary.not_attempted) == (2, 1)
    assert summary.assets == AssetSummary(not_attempted=3)
    assert [each.asset_error_code for each in summary.results] == ["not_attempted"] * 3
    assert listed.item.id == summary.results[2].item_id


def test_a_handler_that_raises_counts_nothing_twice() -> None:
    desk = Desk()

    def refuse(event: Event) -> None:
        raise RuntimeError(str(event))

    job = desk.admit()
    desk.ledger._emit = refuse
    with pytest.raises(RuntimeError):
        desk.store(job)
    desk.ledger._emit = desk.events.append
    summary = desk.ledger.summary(1.0)
    assert (summary.successful, summary.not_attempted, desk.signed) == (1, 0, [])
    assert summary.assets == AssetSummary(not_attempted=1)


@pytest.mark.parametrize("url", ["gs://b/a.jpg", "s3://b/spaces/other/a.jpg"])
def test_a_place_that_cannot_be_is_a_failure(url: str) -> None:
    desk = Desk()
    desk.store(desk.admit(url))
    (event,) = [event for event in desk.events if isinstance(event, AssetFailed)]
    assert event.code == "invalid_item"
    assert desk.ledger.in_flight == 0


@pytest.mark.parametrize(("verdict", "path"), [("skip", "out/Default/item 0.jpg"), ("ask", "")])
def test_an_asset_whose_name_its_document_took_is_fetched_anew(verdict: Any, path: str) -> None:
    desk = Desk()
    desk.store(desk.admit(plan=AssetPlan(verdict, HERE, path)), "out/Default/item 0.jpg")
    (job,) = desk.signed
    assert (job.entry, job.ask, job.file_name) == (None, False, "item 0.asset.jpg")


def test_an_asset_is_called_beside_the_document_that_is_here() -> None:
    before = Entry("", "Default/item 0.png")
    for path, entry, beside in ((None, before, ".png"), ("out/x.y/item 0", None, ".y/item 0"), (None, None, "")):
        job = Job(0, WorkItem(id="item 0"), entry, asset=AssetPlan("fetch"))
        assert AssetJob.after(job, path).beside == beside


FOLDERS = name_folders([(1, "plots")])


@pytest.fixture
def files(tmp_path: Path) -> Iterator[AssetFiles]:
    files = AssetFiles(str(tmp_path), durable=False)
    yield files
    files.close()
    assert list(tmp_path.rglob("*.part")) == [], "none is left behind"


def begun(files: AssetFiles, number: int) -> tuple[AssetJob, Any]:
    job = AssetJob(number, WorkItem(id=f"item {number}", batch_id=1), extension=".jpg")
    part = files.part(job, FOLDERS, 1 << 30, "the asset")
    part.start(200, {"content-length": str(4 << 20), "etag": '"1"'})
    part.write(bytes(2 << 20))
    return job, part


def test_what_came_waits_for_the_next_attempt(files: AssetFiles, tmp_path: Path) -> None:
    job, part = begun(files, 0)
    files.wait(job, part)
    assert files.part(job, FOLDERS, 1 << 30, "the asset") is part
    part.write(bytes(2 << 20))
    staged = files.complete(job, part, FOLDERS)
    assert staged is not None
    assert (staged.path, staged.name) == (str(tmp_path / "plots" / "item 0.jpg"), "item 0.jpg")
    assert staged.state.size == 4 << 20
    files.remove(staged)


def test_no_more_than_some_wait_and_what_failed_is_removed(files: AssetFiles, tmp_path: Path) -> None:
    jobs = [begun(files, number) for number in range(66)]
    for job, part in jobs:
        files.wait(job, part)
    assert len(list(tmp_path.rglob("*.part"))) == 64
    files.forget(jobs[0][0])
    files.forget(jobs[65][0])
    assert len(list(tmp_path.rglob("*.part"))) == 63


def test_what_cannot_be_gone_on_with_does_not_wait(files: AssetFiles, tmp_path: Path) -> None:
    job, part = begun(files, 0)
    part.drop()
    files.wait(job, part)
    assert list(tmp_path.rglob("*.part")) == []


def test_assets_of_several_downloads_are_summed_up() -> None:
    some = AssetSummary(successful=2, failed=1, skipped=1, not_attempted=3, missing=4, bytes=5)
    assert _joined_assets(None, None) is None
    assert _joined_assets(some, None) == _joined_assets(None, some) == some
    twice = {name: 2 * value for name, value in some.model_dump().items()}
    assert _joined_assets(some, some) == AssetSummary(**twice)


def test_a_summary_raises_for_assets_too() -> None:
    whole = DownloadSummary(total_items=2, successful=2, failed=0, assets=AssetSummary(successful=2))
    assert whole.raise_for_failures() is whole
    bad = whole.model_copy(update={"assets": AssetSummary(successful=1, failed=1)})
    with pytest.raises(CFError, match=r"The assets of 1 of 2 work items failed"):
        bad.raise_for_failures()
