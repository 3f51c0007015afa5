"""D4: kill -9 at moments of every stage; what is there is whole, and the rerun fetches exactly what is missing.

The moments are the server's requests, or what is seen in the destination: never a time.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.adapters.journal import Journal
from cf_ai_platform_client.sandbox import Sandbox

from ..conftest import files_below
from .projects import Watched, asked, document, journal_of, made, process, rows, serve
from .promise import Kept, client_of, is_whole, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")

COUNT = 300
ITEMS: dict[str, int | None] = {f"item-{number:03}": 1 + number % 3 for number in range(COUNT)}
BATCHES = {1: "one", 2: "two", 3: "three"}
OLD = {item: document(f"old {item}", 997 * (number % 7)) for number, item in enumerate(ITEMS)}
NEW = {item: document(f"new {item}", 1499 * (number % 11)) for number, item in enumerate(ITEMS)}
REQUESTS = 2 * COUNT + 4
"""So many requests a whole download has at the least: none of these moments is missed."""

DRIVER = """
import asyncio, json, sys
from cf_ai_platform_client import CFUserClient
key, url, destination, options = sys.argv[1:]
client = CFUserClient(key, url)
asyncio.run(client.download_project("sample-project", "sample-space", destination, **json.loads(options)))
"""


@dataclass(frozen=True)
class Moment:
    """When to kill: at a number of requests, or of files of a kind that are seen below the destination."""

    kind: str
    number: int

    def has_come(self, destination: Path, before: set[tuple[str, int]]) -> bool:
        """Tell whether it is now; `before` is what was there when the run began."""
        new = [name for name, _ in files_in(destination) - before]
        if self.kind == "journal":
            return journal_of(destination).exists() and (not before or bool(new))
        if self.kind == "log":
            log = journal_of(destination).with_name("journal.sqlite3-wal")
            return log.exists() and log.stat().st_size > self.number * 4096
        if self.kind == "left":
            return len(names_in(destination)) <= self.number
        return sum(name.endswith(".part") == (self.kind == "part") for name in new) >= self.number

    @classmethod
    def of(cls, source: random.Random) -> Moment:
        kind = source.choice(["request", "request", "part", "file", "log", "journal"])
        most = {"request": REQUESTS, "part": 50, "file": COUNT - 30, "log": 30, "journal": 1}[kind]
        return cls(kind, source.randint(1, most))


def files_in(destination: Path) -> set[tuple[str, int]]:
    """Return name and inode of what is in the batch folders now, whatever vanishes meanwhile."""
    found: set[tuple[str, int]] = set()
    for folder in BATCHES.values():
        with suppress(FileNotFoundError), os.scandir(destination / folder) as entries:
            found |= {(entry.name, entry.inode()) for entry in entries}
    return found


def names_in(destination: Path) -> list[str]:
    return [name for name, _ in files_in(destination)]


class Killer:
    """Serves a project and kills the process that downloads it."""

    def __init__(self, moment: Moment, documents: dict[str, bytes]) -> None:
        self.moment = moment
        self.victim: subprocess.Popen[str] | None = None
        updated = "2026-02-01T00:00:00Z" if documents is OLD else "2026-03-01T00:00:00Z"
        self.project = Watched(made(ITEMS, BATCHES, documents=documents, updated=updated), self._tell)

    def kill(self, destination: Path, options: str = "{}") -> int:
        """Run a download and kill it when the moment has come; return how the process ended."""
        before = files_in(destination)
        with serve(self.project) as sandbox:  # type: ignore[arg-type]
            line = ("-c", DRIVER, sandbox.api_key, sandbox.base_url, destination, options)
            with process(*line, sandbox=sandbox) as started:
                self.victim = started
                while started.poll() is None:
                    if self.moment.kind == "request":
                        started.wait()
                    elif self.moment.has_come(destination, before):
                        started.kill()
                        started.wait()
                _, err = started.communicate()
        assert started.returncode in {0, -signal.SIGKILL}, err
        return started.returncode

    def _tell(self, _name: str, _count: int) -> None:
        if self.moment.kind == "request" and self.project.seen["all"] == self.moment.number and self.victim:
            self.victim.send_signal(signal.SIGKILL)


def check_what_is_there(destination: Path) -> int:
    """Check A and B after a kill, and the journal; return how many files are of the new documents."""
    files = files_below(destination) if destination.exists() else {}
    finals = {Path(name).stem: content for name, content in files.items() if not name.endswith(".part")}
    assert set(finals) <= set(ITEMS)
    for item, content in finals.items():
        assert is_whole(content, NEW[item]) or is_whole(content, OLD[item]), f"{item} is neither old nor new"
    if journal_of(destination).exists():
        (problem,) = rows(destination, "PRAGMA integrity_check")
        assert problem == ("ok",)
    return sum(is_whole(content, NEW[item]) for item, content in finals.items())


@contextmanager
def nothing_outside(destination: Path) -> Iterator[None]:
    """C: what is beside the destination stays."""
    beside = destination.parent / "beside.json"
    beside.write_bytes(b"somebody's")
    yield
    assert {path.name for path in destination.parent.iterdir()} <= {"beside.json", destination.name}
    assert beside.read_bytes() == b"somebody's"


def rerun(destination: Path, **options: Any) -> tuple[Kept, int]:
    """Go on after a kill; return what was kept and how many documents were fetched."""
    with new_project() as sandbox, asked(sandbox) as seen:
        kept = run(client_of(sandbox), destination, expected=NEW, **options)
    assert kept.error is None
    return kept, seen.storage


def new_project() -> Sandbox:
    return serve(made(ITEMS, BATCHES, documents=NEW, updated="2026-03-01T00:00:00Z"))


def fill(destination: Path) -> None:
    with serve(made(ITEMS, BATCHES, documents=OLD, updated="2026-02-01T00:00:00Z")) as sandbox:
        assert run(client_of(sandbox), destination, expected=OLD).counts() == (COUNT, 0, 0, 0)


def kill_and_go_on(moments: list[Moment], destination: Path, *, filled: bool, options: str = "{}") -> int:
    """Kill run after run, then let one finish; return how many were killed."""
    destination.parent.mkdir(exist_ok=True)
    if filled:
        fill(destination)
    killed = 0
    with nothing_outside(destination):
        for moment in moments:
            ended = Killer(moment, NEW).kill(destination, options)
            killed += ended == -signal.SIGKILL
            new = check_what_is_there(destination)
            if ended == 0:
                assert new == COUNT
        parts = [name for name in names_in(destination) if name.endswith(".part")]
        kept, fetched = rerun(destination)
    assert fetched == COUNT - new, f"{moments}: {fetched} were fetched, {COUNT - new} were missing ({len(parts)} parts)"
    assert kept.counts() == (COUNT - new, new, 0, 0)
    assert len(kept.files) == COUNT
    assert kept.summary is not None
    assert kept.summary.warnings == [], moments
    assert not [name for name in names_in(destination) if name.endswith(".part")]
    (status,) = Destination(destination).status()
    assert (status.outcome, status.stored, status.failed, status.not_attempted) == ("finished", COUNT, 0, 0)
    return killed


STAGES = {
    "the first request": (Moment("request", 1), False),
    "half the items": (Moment("request", REQUESTS // 2), False),
    "the journal": (Moment("journal", 1), False),
    "partial files": (Moment("part", 20), True),
    "final files": (Moment("file", 100), False),
}


@pytest.mark.parametrize(("moment", "filled"), STAGES.values(), ids=STAGES)
def test_d4_a_kill_at_each_stage(moment: Moment, filled: bool, tmp_path: Path) -> None:
    killed = kill_and_go_on([moment], tmp_path / "place" / "out", filled=filled)
    assert killed == 1 or moment.kind != "request"


@pytest.mark.slow
def test_d4_fifty_kills_at_random_moments(tmp_path: Path) -> None:
    source, killed, number = random.Random(4), 0, 0
    while killed < 50:
        moments = [Moment.of(source) for _ in range(source.choice([1, 1, 2, 3]))]
        destination = tmp_path / str(number) / "out"
        options = source.choice(["{}", '{"durable": true}', '{"max_workers": 50}', '{"results": "none"}'])
        killed += kill_and_go_on(moments, destination, filled=source.random() < 0.5, options=options)
        number += 1
        assert number < 60, "most moments come"


def test_d4_after_a_kill_the_journal_says_so(tmp_path: Path) -> None:
    destination = tmp_path / "out"
    assert Killer(Moment("file", 50), NEW).kill(destination) == -signal.SIGKILL
    before = rows(destination, "SELECT outcome, ended FROM runs")
    assert before == [(None, None)]
    (status,) = Destination(destination).status()
    assert status.outcome == "killed"
    assert 50 <= status.stored <= COUNT


def test_d4_a_kill_while_pruning(tmp_path: Path) -> None:
    destination = tmp_path / "place" / "out"
    destination.parent.mkdir()
    with new_project() as sandbox:
        run(client_of(sandbox), destination, expected=NEW)
    few = dict(list(ITEMS.items())[:10])
    killer = Killer(Moment("left", COUNT - 40), NEW)
    killer.project = Watched(made(few, BATCHES, documents=NEW, updated="2026-03-01T00:00:00Z"), killer._tell)
    with nothing_outside(destination):
        killer.kill(destination, '{"prune": true}')
        names = set(names_in(destination))
        assert {f"{item}.json" for item in few} <= names, "what is listed is not deleted"
        project = made(few, BATCHES, documents=NEW, updated="2026-03-01T00:00:00Z")
        with serve(project) as sandbox, asked(sandbox) as seen:
            kept = run(client_of(sandbox), destination, expected=NEW, prune=True)
    assert seen.storage == 0
    assert kept.summary is not None
    assert kept.summary.pruned == len(names) - 10
    assert {Path(name).stem for name in kept.files} == set(few)


def test_d4_the_row_is_written_before_the_name(tmp_path: Path) -> None:
    """What a kill between the two leaves: rows that tell of files that are not there, or are the old ones."""
    destination = tmp_path / "place" / "out"
    destination.parent.mkdir()
    fill(destination)
    old = files_below(destination)
    rerun(destination)
    gone, behind = list(ITEMS)[::10], list(ITEMS)[5::10]
    for name, content in old.items():
        if Path(name).stem in gone:
            (destination / name).unlink()
        if Path(name).stem in behind:
            (destination / name).write_bytes(content)
    with closing(sqlite3.connect(journal_of(destination))) as connection, connection:
        connection.execute("UPDATE runs SET ended = NULL, outcome = NULL WHERE number = 2")
    kept, fetched = rerun(destination)
    assert fetched == len(gone) + len(behind)
    assert kept.counts() == (fetched, COUNT - fetched, 0, 0)


def leave_part(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / ".cf-ai-0123456789abcdef.part"
    part.write_bytes(b"half a docu")
    return part


@pytest.mark.parametrize("clears", [True, False], ids=["after a kill", "after a whole run"])
def test_d4_only_a_start_after_a_kill_looks_for_parts(clears: bool, tmp_path: Path) -> None:
    destination = tmp_path / "place" / "out"
    destination.parent.mkdir()
    fill(destination)
    if clears:
        rows(destination, "UPDATE runs SET ended = NULL, outcome = NULL")
    parts = [leave_part(destination / "one"), leave_part(destination / "of a batch that left")]
    others = [destination / "one" / "notes.part", destination / "one" / ".cf-ai-notes", destination / "x.part"]
    for path in others:
        path.write_text("a user's own")
    Destination(destination).status()
    assert all(path.exists() for path in parts), "to look is no start"
    Journal.open(str(destination)).close()
    assert [path.exists() for path in parts] == [not clears] * 2
    assert all(path.exists() for path in others)
