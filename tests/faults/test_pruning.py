"""What left the project is told, and deleted only where that is asked for and sure."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, Destination, DownloadSummary
from cf_ai_platform_client.events import ItemPruned
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project

from ..adapters.disks import mounted
from .projects import made, serve, sources_of
from .promise import KEY, client_of, run
from .reruns import BATCHES, TEN, Items, alter, in_review, less, listing_body, rerun, ten, warnings_of


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
