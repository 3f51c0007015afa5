"""D1, D2, D3 and D5: disks that are full, read-only or gone, interrupts, and two runs with one destination."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import Destination, SyncCFUserClient
from cf_ai_platform_client.cli.exits import exit_code_of
from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.events import Event, ItemSkipped, ItemStored, ListingFinished, PageListed, Warned
from cf_ai_platform_client.sandbox import Fault, Sandbox

from ..adapters.disks import files_of_at_most, mounted
from ..conftest import Clock, files_below
from .projects import (
    CLI,
    Watched,
    asked,
    command,
    download_line,
    journal_of,
    made,
    process,
    rows,
    serve,
    sources_of,
)
from .promise import Kept, check_secrets, check_tidy, client_of, is_whole, run, watched

Items = dict[str, int | None]
BATCHES = {1: "one", 2: "two"}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def some(count: int) -> Items:
    return {f"item-{number:03}": 1 + number % 2 for number in range(count)}


def is_one_sentence_and_a_hint(error: BaseException | None) -> bool:
    text = str(error)
    return (
        isinstance(error, DiskError) and bool(error.hint) and "\n" not in text and text.count("cannot be written") <= 1
    )


def check_disk_error(kept: Kept, code: str) -> None:
    assert kept.code == code, kept.error
    assert exit_code_of(kept.error or OSError()) == 4
    assert is_one_sentence_and_a_hint(kept.error), str(kept.error)
    assert not kept.retries, "a full disk is not retried"


@POSIX
@pytest.mark.parametrize(
    "most",
    [0, 20_000, 90_000, *(pytest.param(size, marks=pytest.mark.slow) for size in (1_000, 5_000, 50_000, 120_000))],
)
@pytest.mark.parametrize("overwritten", [False, True], ids=["first run", "overwriting"])
def test_d1_a_file_size_limit_ends_the_run_and_keeps_what_was_there(
    most: int, overwritten: bool, destination: Path
) -> None:
    items = some(30)
    sources = {item: content + b" " * 4000 * number for number, (item, content) in enumerate(sources_of(items).items())}
    with serve(made(items, BATCHES, documents=sources)) as sandbox:
        if overwritten:
            run(client_of(sandbox), destination, expected=sources)
        limited = files_of_at_most(most)
        kept = run(client_of(sandbox), destination, expected=sources, overwrite=True, within=limited)
        if most < 116_000:
            check_disk_error(kept, "disk_full")
            assert "file-size limit" in str(kept.error)
        missing = len(items) - len(files_below(destination)) if destination.exists() else len(items)
        with asked(sandbox) as seen:
            again = run(client_of(sandbox), destination, expected=sources)
        failed = kept.summary.failed if kept.summary and overwritten else 0
        assert again.error is None
        assert missing <= seen.storage <= missing + failed, "a journal on a full disk cannot always tell what failed"
        assert len(again.files) == len(items)
        assert again.summary is not None
        assert not again.summary.warnings


@POSIX
def test_d1_a_full_disk_ends_the_run_and_the_rerun_goes_on(tmp_path: Path) -> None:
    items, place = some(40), tmp_path / "small"
    sources = sources_of(items, size=60_000)
    with mounted(place, "size=1m") as remount, serve(made(items, BATCHES, size=60_000)) as sandbox:
        destination = place / "out"
        kept = run(client_of(sandbox), destination, expected=sources)
        check_disk_error(kept, "disk_full")
        assert kept.summary is not None
        assert kept.summary.successful == len(kept.files) > 0
        assert kept.summary.not_attempted > 0
        with asked(sandbox) as seen:
            check_disk_error(run(client_of(sandbox), destination, expected=sources), "disk_full")
            check_disk_error(run(client_of(sandbox), destination, expected=sources, overwrite=True), "disk_full")
        assert command(*download_line(destination), sandbox=sandbox) == 4
        remount("size=16m")
        missing = len(items) - len(files_below(destination))
        with asked(sandbox) as seen:
            again = run(client_of(sandbox), destination, expected=sources)
        assert (again.error, seen.storage) == (None, missing)
        assert len(again.files) == len(items)


@POSIX
def test_d1_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    place = tmp_path / "small"
    with mounted(place, "size=64k") as remount, serve(made(some(5), BATCHES)) as sandbox:
        filler = place / "filler"
        filler.write_bytes(b"x" * 60_000)
        check_disk_error(run(client_of(sandbox), place / "out"), "disk_full")
        remount("size=1m")
        assert run(client_of(sandbox), place / "out", expected=sources_of(some(5))).counts() == (5, 0, 0, 0)


@POSIX
def test_d1_a_disk_without_room_for_names(tmp_path: Path) -> None:
    place, items = tmp_path / "small", some(40)
    with mounted(place, "size=8m,nr_inodes=20") as remount, serve(made(items, BATCHES)) as sandbox:
        kept = run(client_of(sandbox), place / "out", expected=sources_of(items))
        check_disk_error(kept, "disk_full")
        remount("size=8m,nr_inodes=1000")
        missing = len(items) - len(files_below(place / "out"))
        with asked(sandbox) as seen:
            assert run(client_of(sandbox), place / "out", expected=sources_of(items)).error is None
        assert seen.storage == missing


@POSIX
def test_d1_the_command_says_it_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "small"
    with mounted(place, "size=1m"), serve(made(some(40), BATCHES, size=60_000)) as sandbox:
        assert command(*download_line(place / "out"), sandbox=sandbox) == 4
        out, err = capfd.readouterr()
    (line,) = err.splitlines()
    assert "the disk is full" in line
    assert "Traceback" not in out + err


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Let nobody write to a folder: by its mode, or for root by a mount."""
    if os.geteuid():
        mode = place.stat().st_mode
        place.chmod(0o555)
        try:
            yield
        finally:
            place.chmod(mode)
        return
    if subprocess.run(["mount", "--bind", place, place], check=False, capture_output=True).returncode:
        pytest.skip("root may write everywhere, and may mount nothing here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@POSIX
@pytest.mark.parametrize("known", [False, True], ids=["first run", "rerun"])
def test_d2_a_read_only_destination(known: bool, destination: Path) -> None:
    with serve(made(some(5), BATCHES)) as sandbox:
        destination.mkdir()
        if known:
            run(client_of(sandbox), destination)
        with read_only(destination), asked(sandbox) as seen:
            kept = run(client_of(sandbox), destination, overwrite=True)
            check_disk_error(kept, "disk_error")
            assert ".." not in str(kept.error), str(kept.error)
            assert seen.storage == 0, "what cannot be kept is not fetched"
            if known:
                (status,) = Destination(destination).status()
                assert (status.stored, status.outcome) == (5, "finished"), "to look needs no writing"
                assert Destination(destination).verify() == []
        assert run(client_of(sandbox), destination, overwrite=True).counts() == (5, 0, 0, 0)


@POSIX
def test_d2_a_batch_folder_that_is_read_only(destination: Path) -> None:
    (destination / "one").mkdir(parents=True)
    with serve(made(some(6), BATCHES)) as sandbox:
        with read_only(destination / "one"):
            check_disk_error(run(client_of(sandbox), destination, expected=sources_of(some(6))), "disk_error")
        assert run(client_of(sandbox), destination, expected=sources_of(some(6))).counts()[2:] == (0, 0)


@pytest.mark.parametrize("below", ["", "/deeper", "/deeper/still"])
def test_d2_a_file_where_the_destination_should_be(below: str, destination: Path) -> None:
    destination.write_bytes(b"somebody's")
    with serve(made(some(5), BATCHES)) as sandbox:
        kept = watched(client_of(sandbox), Path(f"{destination}{below}"))
        check_disk_error(kept, "disk_error")
    assert destination.read_bytes() == b"somebody's"


def test_d2_a_destination_that_cannot_be_made(capfd: pytest.CaptureFixture[str]) -> None:
    place = Path("/proc/no-such-place" if sys.platform == "linux" else "/dev/null/x")
    with serve(made(some(5), BATCHES)) as sandbox:
        assert command(*download_line(place), sandbox=sandbox) == 4
    (line,) = capfd.readouterr().err.splitlines()
    assert str(place) in line


@pytest.mark.parametrize(
    "what",
    [
        "",
        ".cf-ai",
        *(
            pytest.param(f, marks=pytest.mark.slow)
            for f in ("one", *(f".cf-ai/journal.sqlite3{end}" for end in ("", "-wal")))
        ),
    ],
)
@pytest.mark.parametrize("moment", [PageListed, ItemStored], ids=["listed", "stored"])
def test_d2_what_is_removed_in_mid_run_ends_it_at_worst(what: str, moment: type[Event], destination: Path) -> None:
    items, removed = some(200), list[Event]()

    def remove(event: Event) -> None:
        if isinstance(event, moment) and not removed:
            removed.append(event)
            place = destination / what
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)

    with serve(made(items, BATCHES)) as sandbox:
        kept = watched(client_of(sandbox), destination, on_event=remove)
        assert removed
        check_secrets(kept)
        check_tidy(destination)
        summary = kept.summary
        assert summary is not None
        assert summary.total_items == summary.successful + summary.failed + summary.not_attempted
        if kept.error is not None:
            check_disk_error(kept, "disk_error")
        if what in {"", ".cf-ai", ".cf-ai/journal.sqlite3"}:
            assert kept.error is not None
        sources = sources_of(items)
        assert all(is_whole(content, sources[Path(name).stem]) for name, content in files_below(destination).items())
        again = run(client_of(sandbox), destination, expected=sources)
        assert again.error is None
        assert set(again.files) == {f"{BATCHES[batch or 0]}/{item}.json" for item, batch in items.items()}


@POSIX
@pytest.mark.parametrize("moment", [PageListed, ItemStored, ListingFinished])
@pytest.mark.parametrize("made_anew", [False, True])
def test_d2_a_destination_that_is_moved_in_mid_run_ends_it(
    moment: type[Event], made_anew: bool, destination: Path
) -> None:
    items, moved = some(200), destination.with_name("moved")

    def move(event: Event) -> None:
        if isinstance(event, moment) and not moved.exists():
            destination.rename(moved)
            if made_anew:
                destination.mkdir()
                (destination / "own.txt").write_text("a user's own file")

    with serve(made(items, BATCHES)) as sandbox:
        kept = watched(client_of(sandbox), destination, on_event=move)
        check_disk_error(kept, "disk_error")
        assert str(kept.error) == (
            f"{destination}/.cf-ai/journal.sqlite3 is gone: the destination or its .cf-ai was moved or removed during"
            " the run. Move it back and run again."
        )
        summary = kept.summary
        assert summary is not None
        assert (summary.successful, summary.failed + summary.not_attempted) == (0, summary.total_items)
        assert not [result for result in summary.results if result.success or result.file_path]
        assert set(files_below(destination)) == ({"own.txt"} if made_anew else set()) if destination.exists() else True
        check_tidy(moved)
        if destination.exists():
            shutil.rmtree(destination)
        moved.rename(destination)
        again = run(client_of(sandbox), destination, expected=sources_of(items))
        assert again.error is None
        assert again.counts()[0] + again.counts()[1] == 200


@POSIX
@pytest.mark.parametrize("what", ["", ".cf-ai"])
def test_d2_a_command_whose_destination_is_moved_ends_with_4(
    what: str, destination: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def move(name: str, _: int) -> None:
        if name == "storage" and (destination / what).exists():
            (destination / what).rename(destination.with_name("moved"))

    with serve(Watched(made(some(20), BATCHES), move)) as sandbox:
        assert command(*download_line(destination), sandbox=sandbox) == 4
    said = capfd.readouterr()
    (line,) = said.err.splitlines()
    assert "was moved or removed during the run" in line
    assert what or said.out.startswith("0 of 20 work items are below")


class Signals:
    """Sends a signal to a process at a storage request, and remembers how many requests there were then."""

    def __init__(self, number: signal.Signals, nth: int) -> None:
        self.pid = 0
        self.at = 0
        self._number, self._nth = number, nth
        self.project: Watched | None = None

    def tell(self, name: str, count: int) -> None:
        if name == "storage" and count == self._nth and self.pid and self.project:
            self.at = self.project.seen["all"]
            os.kill(self.pid, self._number)


STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@POSIX
@pytest.mark.parametrize(("number", "code"), STOPS, ids=["SIGINT", "SIGTERM"])
def test_d3_an_interrupted_command_asks_nothing_more_and_leaves_a_journal(
    number: signal.Signals, code: int, destination: Path
) -> None:
    items, signals = some(300), Signals(number, 120)
    signals.project = Watched(made(items, BATCHES), signals.tell)
    with serve(signals.project) as sandbox:  # type: ignore[arg-type]
        line = download_line(destination, "--max-workers", "1")
        with process(*CLI, *line, sandbox=sandbox) as started:
            signals.pid = started.pid
            _, err = started.communicate()
        assert started.returncode == code, err
        assert "It did not stop in time" not in err
        assert "Traceback" not in err
        assert signals.at
        assert signals.project.seen["all"] - signals.at < 100, "300 items more are listed"
        check_tidy(destination)
        here = len(files_below(destination))
        assert f"Interrupted: {here} of " in err.splitlines()[-1]
        (status,) = Destination(destination).status()
        assert (status.outcome, status.stored) == ("cancelled", here)
        with asked(sandbox) as seen:
            again = run(client_of(sandbox), destination, expected=sources_of(items))
        assert again.counts() == (300 - here, here, 0, 0)
        assert seen.storage == 300 - here


@POSIX
@pytest.mark.parametrize(
    "stage",
    [
        "storage",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("work_items", "batches", "annotations", "signed_urls")
        ),
    ],
)
def test_d3_an_interrupt_while_a_call_hangs(stage: Any, destination: Path) -> None:
    items = some(5)
    fault = Fault(stage, "slow", delay=3600)
    with serve(made(items, BATCHES), faults=[fault]) as sandbox:
        with process(*CLI, *download_line(destination), sandbox=sandbox) as started:
            wait_for(lambda: sandbox.counts[stage] > 0)
            started.send_signal(signal.SIGINT)
            _, err = started.communicate()
        assert started.returncode == 130
        assert "It did not stop in time" not in err
        assert "Traceback" not in err
        check_tidy(destination)
    with serve(made(items, BATCHES)) as sandbox:
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (5, 0, 0, 0)


def wait_for(condition: Callable[[], bool]) -> None:
    """Look until it is so; nothing is measured, and only a test that fails looks for long."""
    turn = threading.Event()
    for _ in range(6000):
        if condition():
            return
        turn.wait(0.01)
    raise AssertionError("it never came to that")


@POSIX
def test_d3_a_keyboard_interrupt_in_the_blocking_client(destination: Path) -> None:
    items, signals = some(300), Signals(signal.SIGINT, 120)
    signals.project = Watched(made(items, BATCHES), signals.tell)
    with serve(signals.project) as sandbox:  # type: ignore[arg-type]
        with SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
            signals.pid = os.getpid()
            with pytest.raises(KeyboardInterrupt):
                client.download_project("sample-project", "sample-space", destination, max_workers=1)
            asked_at_its_end = signals.project.seen["all"]
            assert asked_at_its_end - signals.at < 100
            check_tidy(destination)
            (status,) = Destination(destination).status()
            assert (status.outcome, status.stored) == ("cancelled", len(files_below(destination)))
            assert signals.project.seen["all"] == asked_at_its_end, "nothing goes on behind one's back"
            signals.pid = 0
            summary = client.download_project("sample-project", "sample-space", destination)
        assert (summary.successful, summary.skipped) == (300, status.stored)
    assert "cf-ai-portal" not in [thread.name for thread in threading.enumerate()]


def test_d3_a_cancelled_task_leaves_a_journal_and_no_part(destination: Path) -> None:
    items = some(100)

    async def main(sandbox: Sandbox) -> None:
        stored = asyncio.Event()
        client = client_of(sandbox)

        def watch(event: Event) -> None:
            if isinstance(event, ItemStored):
                stored.set()

        whole = client.download_project("sample-project", "sample-space", destination, on_event=watch)
        task = asyncio.ensure_future(whole)
        await stored.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with serve(made(items, BATCHES)) as sandbox:
        asyncio.run(main(sandbox))
        check_tidy(destination)
        here = len(files_below(destination))
        (status,) = Destination(destination).status()
        assert (status.outcome, status.stored) == ("cancelled", here)
        with asked(sandbox) as seen:
            assert run(client_of(sandbox), destination, expected=sources_of(items)).error is None
        assert seen.storage == 100 - here


@contextmanager
def a_run_that_hangs(destination: Path, items: Items) -> Iterator[subprocess.Popen[str]]:
    """Let another process be in the middle of a download to a destination."""
    stuck = Fault("storage", nth=range(3, 100), action="slow", delay=3600)
    with ExitStack() as stack:
        sandbox = stack.enter_context(serve(made(items, BATCHES), faults=[stuck], port=0))
        started = stack.enter_context(process(*CLI, *download_line(destination, "-vv"), sandbox=sandbox))
        assert started.stderr is not None
        while "Stored" not in started.stderr.readline():
            assert started.poll() is None
        yield started


@POSIX
def test_d5_a_second_process_waits_and_is_refused_with_one_sentence(destination: Path, clock: Clock) -> None:
    items = some(5)
    with a_run_that_hangs(destination, items), serve(made(items, BATCHES)) as sandbox:
        before = files_below(destination)
        with asked(sandbox) as seen:
            kept = watched(client_of(sandbox, clock), destination)
        check_disk_error(kept, "disk_error")
        assert str(kept.error) == (
            f"Another run is writing to {destination}. Wait until it has ended, or choose another destination."
        )
        assert 10 <= sum(clock.slept) < 11
        assert [event.passing for event in kept.events if isinstance(event, Warned)] == [True]
        assert seen.counts["annotations"] + seen.storage == 0
        assert files_below(destination) == before


IMPATIENT = """
import sys
from cf_ai_platform_client.cli import main
from cf_ai_platform_client.transfer import books
books._PATIENCE = 0.0
sys.exit(main.main())
"""


@POSIX
def test_d5_a_second_command_ends_with_4(destination: Path) -> None:
    items = some(5)
    with (
        a_run_that_hangs(destination, items),
        serve(made(items, BATCHES)) as sandbox,
        process("-c", IMPATIENT, *download_line(destination), sandbox=sandbox) as second,
    ):
        out, err = second.communicate()
    assert second.returncode == 4
    assert err.splitlines()[-1].startswith(f"Another run is writing to {destination}.")
    assert "Traceback" not in out + err


@POSIX
def test_d5_a_second_process_goes_on_when_the_first_is_gone(destination: Path, clock: Clock) -> None:
    items = some(5)
    with a_run_that_hangs(destination, items) as first, serve(made(items, BATCHES)) as sandbox:

        def end_the_first(event: Event) -> None:
            if isinstance(event, Warned):
                first.kill()
                first.wait()

        kept = watched(client_of(sandbox, clock), destination, on_event=end_the_first)
        assert kept.error is None
        assert kept.summary is not None
        assert kept.summary.successful == 5
        check_tidy(destination)


@POSIX
def test_d5_two_processes_at_once_both_finish(destination: Path) -> None:
    items = some(100)
    with serve(made(items, BATCHES)) as sandbox:
        line = download_line(destination, "--json")
        with process(*CLI, *line, sandbox=sandbox) as one, process(*CLI, *line, sandbox=sandbox) as two:
            bodies = [json.loads(each.communicate()[0]) for each in (one, two)]
        assert (one.returncode, two.returncode) == (0, 0)
        assert [body["successful"] for body in bodies] == [100, 100]
        assert sorted(body["skipped"] for body in bodies) == [0, 100]
        assert sandbox.counts["storage"] == 100
        check_tidy(destination)
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (0, 100, 0, 0)


@POSIX
def test_d5_status_and_verify_say_that_a_run_is_active(destination: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with a_run_that_hangs(destination, some(5)):
        for name in ("status", "verify"):
            assert command(name, destination) == 4
            (line,) = capfd.readouterr().err.splitlines()
            assert line == f"A run is writing to {destination}. Look again when it has ended."
    assert command("status", destination) == 0
    assert "killed before its end" in capfd.readouterr().out


def test_d5_status_within_the_process_of_a_run(destination: Path) -> None:
    seen = list[str]()

    def look(event: Event) -> None:
        if isinstance(event, ItemStored):
            seen.extend(status.outcome for status in Destination(destination).status())

    with serve(made(some(5), BATCHES)) as sandbox:
        assert watched(client_of(sandbox), destination, on_event=look).counts() == (5, 0, 0, 0)
    assert set(seen) == {"running"}
    (status,) = Destination(destination).status()
    assert status.outcome == "finished"


@pytest.mark.parametrize("disjoint", [True, False], ids=["a batch each", "the same items"])
def test_d5_two_runs_of_one_process_share_the_journal(disjoint: bool, destination: Path) -> None:
    items = some(100)

    async def main(sandbox: Sandbox) -> list[int]:
        client = client_of(sandbox)
        wanted = [{"batch_ids": [1]}, {"batch_ids": [2]}] if disjoint else [{}, {}]
        runs = [client.download_project("sample-project", "sample-space", destination, **each) for each in wanted]
        return [summary.successful for summary in await asyncio.gather(*runs)]

    with serve(made(items, BATCHES)) as sandbox:
        assert asyncio.run(main(sandbox)) == ([50, 50] if disjoint else [100, 100])
        check_tidy(destination)
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (0, 100, 0, 0)
    assert {state for (state,) in rows(destination, "SELECT outcome FROM runs")} == {"finished"}


def test_d5_runs_in_threads_and_of_several_projects_share_the_journal(destination: Path) -> None:
    items, done = some(60), list[int]()

    def work(sandbox: Sandbox) -> None:
        with SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
            done.append(client.download_project("sample-project", "sample-space", destination).successful)

    with (
        serve(made(items, BATCHES)) as one,
        serve(made({f"other-{item}": 1 for item in items}, BATCHES), port=0) as two,
    ):
        threads = [threading.Thread(target=work, args=[each]) for each in (one, two, one)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert done == [60, 60, 60]
    check_tidy(destination)
    assert len(files_below(destination)) == 120


def test_d5_who_reads_meanwhile_sees_whole_files_only(destination: Path) -> None:
    items, looks = some(80), 0
    old, new = sources_of(items, size=20_000), sources_of(items, size=90_000)
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        nonlocal looks
        while not stop.is_set():
            for path in destination.glob("[a-z]*/*.json"):
                content = path.read_bytes()
                if not (is_whole(content, old[path.stem]) or is_whole(content, new[path.stem])):
                    broken.append(path.name)
                looks += 1

    with serve(made(items, BATCHES, size=20_000)) as sandbox:
        run(client_of(sandbox), destination, expected=old)
    reader = threading.Thread(target=read)
    reader.start()
    with serve(made(items, BATCHES, size=90_000)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=new, overwrite=True)
    wait_for(lambda: looks > 0)
    stop.set()
    reader.join()
    assert kept.counts() == (80, 0, 0, 0)
    assert not broken


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_rule_6_modes_respect_the_umask(mask: int, destination: Path) -> None:
    before = os.umask(mask)
    try:
        with serve(made(some(3), BATCHES)) as sandbox:
            run(client_of(sandbox), destination)
    finally:
        os.umask(before)
    for path in [destination, *destination.rglob("*")]:
        usual = 0o777 if path.is_dir() else 0o644 if ".cf-ai" in path.parts else 0o666
        assert path.stat().st_mode & 0o777 == usual & ~mask, path


@POSIX
def test_rule_6_partial_files_are_made_beside_their_final_names(destination: Path) -> None:
    items = some(6)
    with mounted(destination / "one", "size=1m"), serve(made(items, BATCHES)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert kept.counts() == (6, 0, 0, 0), "a rename across file systems would fail"
        assert len(list((destination / "one").iterdir())) == 3


@POSIX
def test_rule_6_a_hard_link_of_a_file_keeps_its_bytes(destination: Path) -> None:
    items, kept_aside = some(4), destination.parent / "kept.json"
    with serve(made(items, BATCHES)) as sandbox:
        run(client_of(sandbox), destination)
    os.link(destination / "one" / "item-000.json", kept_aside)
    before = kept_aside.read_bytes()
    with serve(made(items, BATCHES, size=500)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items, size=500), overwrite=True)
    assert kept.counts() == (4, 0, 0, 0)
    assert kept_aside.read_bytes() == before


@POSIX
@pytest.mark.parametrize("place", ["one", "one/item-000.json", ".cf-ai", ".cf-ai/journal.sqlite3"])
def test_rule_6_a_pipe_in_the_way_blocks_nothing(place: str, destination: Path) -> None:
    items, pipe = some(4), destination / place
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    with serve(made(items, BATCHES)) as sandbox:
        kept = watched(client_of(sandbox), destination)
        if place.startswith(".cf-ai"):
            check_disk_error(kept, "disk_error")
        elif place == "one":
            assert (kept.counts(), kept.codes) == ((2, 0, 2, 0), {"disk_error"})
        else:
            assert kept.counts() == (4, 0, 0, 0)
        pipe.unlink()
        assert run(client_of(sandbox), destination, expected=sources_of(items)).error is None


@POSIX
def test_rule_6_durable_runs_leave_the_same(destination: Path) -> None:
    items = some(20)
    with serve(made(items, BATCHES)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items), durable=True)
        again = run(client_of(sandbox), destination, expected=sources_of(items), durable=True)
    assert (kept.counts(), again.counts()) == ((20, 0, 0, 0), (0, 20, 0, 0))
    assert sum(isinstance(event, ItemSkipped) for event in again.events) == 20
    assert journal_of(destination).exists()
