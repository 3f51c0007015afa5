"""What the tests of reruns share: ten items, a run whose requests are counted, and what they look at."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from cf_ai_platform_client import Destination
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.sandbox.project import Project

from .projects import Asked, asked, journal_of, made, sources_of
from .promise import Kept, client_of, run

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


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b" ")


def clock_at(wall: float) -> Runtime:
    return Runtime(wall=lambda: wall)


FEBRUARY, MARCH, APRIL = 1769904000.0, 1772323200.0, 1775001600.0


def since_last(sandbox: Sandbox, destination: Path, when: float, **options: Any) -> tuple[Kept, Asked]:
    with asked(sandbox) as seen:
        client = client_of(sandbox, runtime=clock_at(when), attempts=1)
        return run(client, destination, since="last", **options), seen


def queries_of(sandbox: Sandbox) -> list[str]:
    return [each.query for each in sandbox.requests if each.endpoint == "work_items"]


def statements(path: Path, *texts: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for text in texts:
            connection.execute(text)


def less(*gone: str) -> Items:
    return {item: batch for item, batch in TEN.items() if item not in gone}


def listing_body(items: Items, **more: Any) -> str:
    listed = [{"id": item, "batchId": batch} for item, batch in items.items()]
    return json.dumps({"items": listed, "meta": None, **more})


def in_review(project: Project, *ids: str) -> Project:
    items = [{**item, "status": "IN_REVIEW"} if item["id"] in ids else item for item in project.items]
    return Project(items, project.batch_objects, project.documents, project.annotations)


def retry(client: Any, destination: Path, **options: Any) -> Any:
    return client.retry_failed(destination, **options)


def status_of(destination: Path) -> tuple[int, int, int]:
    """Return how many are stored, failed and gone."""
    (status,) = Destination(destination).status()
    return status.stored, status.failed, status.gone


def gone_wrong(*ids: str) -> list[Fault]:
    return [Fault("annotations", "status", match=item_id, status=404) for item_id in ids]


def in_other_space() -> Project:
    moved = json.loads(json.dumps(ten().annotations).replace("/sample-space/", "/other-space/"))
    return replace(ten(), space_id="other-space", annotations=moved)


LATER_COLUMNS = [
    ("runs", "base_url"),
    ("runs", "assets"),
    ("items", "origin"),
    ("items", "failed_in"),
    ("left_behind", "origin"),
]


def of_version_1(destination: Path) -> None:
    """Make of a journal what the first version wrote, which closed it with a header that asks for a log."""
    statements(
        journal_of(destination),
        "DROP TABLE assets",
        *(f"ALTER TABLE {table} DROP {column}" for table, column in LATER_COLUMNS),
        "PRAGMA user_version = 1",
        "PRAGMA journal_mode = WAL",
    )
