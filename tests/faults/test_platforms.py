"""D6 across platforms, spaces and journals of versions before: whose file is it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.sandbox import Fault

from .projects import command, document, made, rows, serve, sources_of
from .reruns import (
    BATCHES,
    MARCH,
    TEN,
    Items,
    gone_wrong,
    in_other_space,
    less,
    of_version_1,
    queries_of,
    rerun,
    retry,
    since_last,
    status_of,
    ten,
    warnings_of,
)


def test_d6_what_changed_on_the_platform_is_fetched_and_nothing_else(destination: Path) -> None:
    with serve(ten()) as sandbox:
        rerun(sandbox, destination)
    moments: dict[str, str | None] = {**dict.fromkeys(TEN, "2026-02-01T00:00:00Z"), "item-4": "2026-03-01T00:00:00Z"}
    new = {"item-4": document("new")}
    with serve(ten(updated=moments, documents=new)) as sandbox:
        kept, seen = rerun(sandbox, destination, expected=sources_of(TEN, new))
        assert (kept.counts(), seen.storage, seen.answers) == ((1, 9, 0, 0), 1, {200: 1})
        assert rerun(sandbox, destination, expected=sources_of(TEN, new))[1].storage == 0


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


@pytest.mark.parametrize("options", [{"call": retry}, {}, {"since": "last"}], ids=["retry", "all", "since"])
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
