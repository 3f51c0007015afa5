"""Small projects made by hand, what a sandbox was asked meanwhile, and the inside of a journal."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.cli.exits import run_reporting
from cf_ai_platform_client.cli.main import cli
from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.sandbox.project import Document, JSONObject, Listing, Project, Selection, ServedProject

from ..conftest import platform_port
from .promise import KEY, OWN

UPDATED = "2026-02-01T00:00:00Z"


def document(text: str, size: int = 0) -> bytes:
    """Make a COCO document that tells which one it is."""
    body = {"info": {"description": text}, "images": [], "annotations": [], "categories": [], "padding": "x" * size}
    return json.dumps(body).encode()


def made(
    items: Mapping[str, int | None],
    batches: Mapping[int, str] | None = None,
    *,
    updated: Mapping[str, str | None] | str | None = UPDATED,
    documents: Mapping[str, bytes] | None = None,
    size: int = 0,
) -> Project:
    """Make a project of item ids with their batches; the results have plain names, whatever the ids are."""
    moments = updated if isinstance(updated, Mapping) else dict.fromkeys(items, updated)
    listed = [
        {"id": item_id, "batchId": batch, "assetUrl": f"assets/{number}.jpg", "updatedAt": moments.get(item_id)}
        for number, (item_id, batch) in enumerate(items.items())
    ]
    names = {item_id: f"coco_output/{number}.json" for number, item_id in enumerate(items)}
    sources = sources_of(items, documents, size)
    return Project(
        items=listed,
        batch_objects=[{"id": number, "name": name} for number, name in (batches or {}).items()],
        documents={names[item_id]: content for item_id, content in sources.items()},
        annotations={
            item_id: {"workItemID": item_id, "metadata": {"coco_results_url": f"s3://b/spaces/sample-space/{name}"}}
            for item_id, name in names.items()
        },
    )


def sources_of(
    items: Mapping[str, int | None], documents: Mapping[str, bytes] | None = None, size: int = 0
) -> dict[str, bytes]:
    """Return the source document of each item of such a project."""
    return {item_id: (documents or {}).get(item_id) or document(f"of {item_id!a}", size) for item_id in items}


def serve(project: ServedProject, **more: Any) -> Sandbox:
    """Make a sandbox of a project with the canary key: the same platform each time, that is at the same address."""
    return Sandbox(project=project, api_key=KEY, **{"port": platform_port(), **more})


@dataclass
class Asked:
    """What a sandbox was asked within a block, by endpoint, and the statuses of the storage's answers."""

    counts: Counter[str] = field(default_factory=Counter[str])
    answers: Counter[int] = field(default_factory=Counter[int])

    @property
    def storage(self) -> int:
        """How many documents were asked for."""
        return self.counts["storage"]


@contextmanager
def asked(sandbox: Sandbox) -> Iterator[Asked]:
    """Note what a sandbox is asked within a block."""
    before, seen, found = sandbox.counts, len(sandbox.requests), Asked()
    yield found
    found.counts = sandbox.counts - before
    found.answers = Counter(each.status for each in sandbox.requests[seen:] if each.endpoint == "storage")


def journal_of(destination: Path) -> Path:
    """Return where the journal of a destination is."""
    return destination / OWN / "journal.sqlite3"


def rows(destination: Path, question: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask a journal that nobody uses."""
    with closing(sqlite3.connect(journal_of(destination))) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        found = connection.execute(question, values).fetchall()
        connection.commit()
    return found


def folders_by_batch(destination: Path) -> dict[str, tuple[str, str]]:
    """Return folder and published name of each batch, as the journal has them."""
    return {
        batch: (folder, name) for batch, folder, name in rows(destination, "SELECT batch, folder, name FROM folders")
    }


@dataclass(frozen=True)
class Watched:
    """A project that tells, in the server's thread, of each request that it answers: the call's name and its number."""

    project: Project
    tell: Callable[[str, int], object]
    seen: Counter[str] = field(default_factory=Counter[str])

    @property
    def project_id(self) -> str:
        return self.project.project_id

    @property
    def space_id(self) -> str:
        return self.project.space_id

    def batches(self) -> Any:
        self._note("batches")
        return self.project.batches()

    def select(self, selection: Selection) -> Listing:
        self._note("work_items")
        return self.project.select(selection)

    def annotation(self, item_id: str) -> JSONObject | None:
        self._note("annotations")
        return self.project.annotation(item_id)

    def document(self, path: str) -> Document | None:
        self._note("storage")
        return self.project.document(path)

    def _note(self, name: str) -> None:
        self.seen[name] += 1
        self.seen["all"] += 1
        self.tell(name, self.seen[name])


def environment(sandbox: Sandbox) -> dict[str, str]:
    """Return what a shell of somebody who uses this sandbox has."""
    return {**os.environ, "CF_API_KEY": sandbox.api_key, "CF_PLATFORM_BASE_URL": sandbox.base_url}


def download_line(destination: Path, *more: str) -> list[str]:
    """Return the command line that downloads a sandbox's project."""
    return ["download", "sample-project", "sample-space", str(destination), "--no-progress", *more]


def command(*arguments: object, sandbox: Sandbox | None = None) -> int:
    """Run a command of `cf-ai` in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(sandbox).items() if sandbox else ():
            patch.setenv(name, value)
        texts = [str(argument) for argument in arguments]
        return run_reporting(lambda: cli.main(texts, prog_name="cf-ai", standalone_mode=False))


@contextmanager
def process(*line: object, sandbox: Sandbox, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Start Python with these arguments as a process of its own; it is gone after the block."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", **more}
    texts = [sys.executable, *map(str, line)]
    with subprocess.Popen(texts, env=environment(sandbox), **pipes) as started:
        try:
            yield started
        finally:
            started.kill()


CLI = ("-m", "cf_ai_platform_client.cli.main")
