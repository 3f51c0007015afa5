from __future__ import annotations

import pytest

from cf_ai_platform_client.adapters.local_store import Staged
from cf_ai_platform_client.core.naming import SafeName, name_folders
from cf_ai_platform_client.core.planning import Entry, FileState, Version, asset_mark
from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.transfer.delivery import Delivery, place_of, stored_file, version_of
from cf_ai_platform_client.transfer.job import Job

ITEM = WorkItem(id="a", batchId=7, assetUrl="assets/a.jpg?sig=1", updatedAt="2026-02-01T00:00:00Z")  # type: ignore[call-arg]
STAGED = Staged("out/plots/a.json", SafeName("plots"), SafeName("a.json"), ".part", 0, FileState(5, 9))


def job(**more: object) -> Job:
    return Job(0, ITEM, path="coco_output/a.json", url="https://storage.example/a.json?sig=1", etag='"1"', **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("delivery", "is_news", "weight"),
    [
        (Delivery(job()), True, 0),
        (Delivery(job(), b"{}"), False, 2),
        (Delivery(job(), b""), False, 0),
        (Delivery(job(), staged=STAGED), False, 0),
        (Delivery(job(), outcome=DiskError("Full.", code="disk_full")), False, 0),
    ],
)
def test_only_what_brings_nothing_is_news(delivery: Delivery, is_news: bool, weight: int) -> None:
    assert (delivery.is_news, delivery.weight) == (is_news, weight)


def test_a_place_is_the_batchs_folder_and_the_items_name() -> None:
    folders = name_folders([(7, "plots")])
    assert place_of(job(), folders) == ("plots", "a.json")
    assert place_of(Job(0, WorkItem(id="b"), url="https://storage.example/x"), folders)[0] == "Default"


def test_the_journal_is_told_version_state_and_digest() -> None:
    before = Entry("7", "other/a.json")
    stored = stored_file(Delivery(job(entry=before), staged=STAGED, sha256=b"digest"), STAGED)
    assert (stored.item_id, stored.replaces) == ("a", before)
    version = Version("2026-02-01T00:00:00Z", "coco_output/a.json", '"1"', asset_mark(ITEM))
    assert stored.entry == Entry("7", "plots/a.json", version, FileState(5, 9), b"digest")
    assert version_of(job(), '"2"').etag == '"2"'
