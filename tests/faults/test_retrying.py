"""What failed is fetched again from where it failed, and told as gone once it left the project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.sandbox import Fault

from .projects import made, serve, sources_of
from .promise import client_of, run
from .reruns import (
    BATCHES,
    Items,
    alter,
    gone_wrong,
    in_other_space,
    in_review,
    less,
    listing_body,
    rerun,
    retry,
    status_of,
    ten,
    warnings_of,
)


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


@pytest.mark.parametrize(
    "options", [{"call": retry}, {}, {"since": "last"}, {"prune": True}], ids=["retry", "all", "since", "prune"]
)
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


def test_retry_failed_where_nothing_was_downloaded(destination: Path) -> None:
    with serve(ten()) as sandbox:
        kept, seen = rerun(sandbox, destination, call=retry)
    assert type(kept.error) is ValueError
    assert not seen.counts
    assert not destination.exists(), "asking makes nothing"
