"""Runs under a fault, and what every one of them must keep, whatever happened: the invariants A to F.

- A  a final name holds only a complete document, with nothing but `info.asset_url` added
- B  a file that was there before is as it was, or replaced whole
- C  nothing is written outside the destination
- D  downloaded (skipped ones too) + failed + not attempted = the unique items listed
- E  no key and no signed query anywhere: results, errors, tracebacks, logs, events, the journal, file names
- F  no partial file stays, and the journal is whole
"""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import shutil
import sqlite3
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cf_ai_platform_client import AssetSummary, CFUserClient, DownloadSummary, RetryPolicy
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    Event,
    ItemFailed,
    ItemSkipped,
    ItemStored,
    RetryScheduled,
)
from cf_ai_platform_client.sandbox import Sandbox

from ..conftest import Clock, files_below

KEY = "canary-key-5f1d"
SECRETS = (KEY, "X-Amz-Signature=", "canary-signature")
"""What must be seen nowhere: the key, and the signature of the sandbox's or a raw server's URLs."""

OWN = ".cf-ai"
WATCHDOG = 60.0
"""Seconds after which a run that hangs is ended: no timing, only an end."""


@dataclass
class Kept:
    """What a run left behind; the invariants hold for it."""

    summary: DownloadSummary | None
    error: BaseException | None
    events: list[Event]
    files: dict[str, bytes]
    destination: Path
    log: str = field(repr=False, default="")

    @property
    def code(self) -> str | None:
        """The code of the error that ended the run."""
        return self.error.code if isinstance(self.error, CFError) else None

    @property
    def codes(self) -> set[str]:
        """The codes of the items that failed."""
        return {event.code for event in self.events if isinstance(event, ItemFailed)}

    @property
    def retries(self) -> list[RetryScheduled]:
        """The retries, in order."""
        return [event for event in self.events if isinstance(event, RetryScheduled)]

    def counts(self) -> tuple[int, int, int, int]:
        """Return how many were fetched, skipped, failed, not attempted."""
        assert self.summary is not None
        done = self.summary
        return done.successful - done.skipped, done.skipped, done.failed, done.not_attempted


def client_of(
    sandbox: Sandbox, clock: Clock | None = None, *, runtime: Runtime | None = None, **more: Any
) -> CFUserClient:
    """Make a client for a sandbox whose `api_key` is `KEY`; `more` are fields of RetryPolicy, and `limits`."""
    limits = more.pop("limits", None)
    chosen = runtime or (clock.runtime if clock else None)
    return CFUserClient(sandbox.api_key, sandbox.base_url, retry=RetryPolicy(**more), limits=limits, runtime=chosen)


def run(client: CFUserClient, destination: Path, **options: Any) -> Kept:
    """Download the sandbox's project (or what `options` name) and check the invariants.

    `destination` must have a folder of its own around it, of which everything else must stay as it is. `expected` maps
    item ids to their source documents, where they are not to be fetched from `source`, a sandbox. `call` makes another
    call than `download_project`, `within` is a context of the download alone: a disk that is full, say.
    """
    expected: Mapping[str, bytes] | None = options.pop("expected", None)
    within: AbstractContextManager[object] = options.pop("within", nullcontext())
    around = _snapshot(destination.parent, destination)
    before = files_below(destination) if destination.is_dir() else {}
    with within:
        kept = watched(client, destination, **options)
    _check_a_and_b(kept, before, expected)
    assert _snapshot(destination.parent, destination) == around, "C: something outside was touched"
    _check_d(kept)
    check_secrets(kept)
    check_tidy(destination)
    return kept


def watched(client: CFUserClient, destination: Path, **options: Any) -> Kept:
    """Download as `run` does and check nothing yet: for tests that move things about while it runs."""
    events: list[Event] = []
    summary, error, log = _run_logged(client, destination, events, options)
    after = files_below(destination) if destination.is_dir() else {}
    return Kept(summary, error, events, after, destination, log)


def documents_of(sandbox: Sandbox) -> dict[str, bytes]:
    """Return the source document of each work item of a sandbox, as the storage has it."""
    from cf_ai_platform_client.sandbox.project import Selection

    listing = sandbox.project.select(Selection())
    found: dict[str, bytes] = {}
    for number in range(len(listing)):
        item_id = listing[number]["id"]
        document = sandbox.project.document(f"coco_output/{item_id}.json")
        if document is not None:
            found[item_id] = document.content
    return found


def is_whole(content: bytes, source: bytes | None) -> bool:
    """Tell whether a file is one JSON object, and its source with nothing but `info.asset_url` changed."""
    try:
        document, original = _as_written(content), _as_written(source or content)
    except ValueError:
        return False
    for each in (document, original):
        if isinstance(each, dict):
            info = each.get("info")
            each["info"] = {**(info if isinstance(info, dict) else {}), "asset_url": None}
    return bool(isinstance(document, dict) and document == original)


def _as_written(content: bytes) -> Any:
    return json.loads(content, parse_int=str, parse_float=str, parse_constant=str)  # NaN equals nothing


def check_tidy(destination: Path) -> None:
    """F: no partial file, and a journal that SQLite calls whole."""
    if not destination.is_dir():
        return
    assert not [path for path in destination.rglob("*.part") if path.is_file()], "F: a partial file stays"
    journal = destination / OWN / "journal.sqlite3"
    if journal.exists():
        with tempfile.TemporaryDirectory() as elsewhere:  # the destination may be full, or read-only
            for path in journal.parent.glob("journal.sqlite3*"):
                shutil.copy(path, elsewhere)
            with closing(sqlite3.connect(Path(elsewhere, journal.name))) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_secrets(kept: Kept) -> None:
    """E: search everything that a run says or leaves for what nobody may see."""
    said: list[str] = [kept.log, *map(repr, kept.events)]
    if kept.summary is not None:
        said += [repr(kept.summary), kept.summary.model_dump_json()]
    if kept.error is not None:
        said += [str(kept.error), repr(kept.error), "".join(traceback.format_exception(kept.error))]
        said += [repr(vars(kept.error))]
    if isinstance(kept.error, CFError):
        said.append(pickle.dumps(kept.error).decode("latin-1"))
    if kept.destination.is_dir():
        said += [str(path) for path in kept.destination.rglob("*")]
        said += [path.read_bytes().decode("latin-1") for path in (kept.destination / OWN).rglob("*") if path.is_file()]
    for secret in SECRETS:
        assert not [text for text in said if secret in text], f"E: {secret} is seen"


def _run_logged(
    client: CFUserClient, destination: Path, events: list[Event], options: dict[str, Any]
) -> tuple[DownloadSummary | None, BaseException | None, str]:
    handler = _Lines()
    names = ("cf_ai_platform_client", "aiohttp", "asyncio", "httpx", "anyio")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        summary = asyncio.run(_run(client, destination, events, options))
        return summary, None, "\n".join(handler.lines)
    except (CFError, OSError, ValueError) as error:
        return getattr(error, "summary", None), error, "\n".join(handler.lines)
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


async def _run(
    client: CFUserClient, destination: Path, events: list[Event], options: dict[str, Any]
) -> DownloadSummary:
    call: Callable[..., Any] | None = options.pop("call", None)
    watch = options.pop("on_event", None)

    def note(event: Event) -> None:
        events.append(event)
        if watch is not None:
            watch(event)

    if call is None:
        named = {"project_id": "sample-project", "space_id": "sample-space", "results": "all", **options}
        whole = client.download_project(**named, destination=destination, on_event=note)
    else:
        whole = call(client, destination, on_event=note, **options)
    try:
        summary: DownloadSummary = await asyncio.wait_for(whole, WATCHDOG)
        return summary
    finally:
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left"


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {record.getMessage()}")
        if record.exc_info:
            self.lines += traceback.format_exception(*record.exc_info)


def _check_a_and_b(kept: Kept, before: dict[str, bytes], expected: Mapping[str, bytes] | None) -> None:
    stored = {event.path: event.item_id for event in kept.events if isinstance(event, ItemStored)}
    there = {event.path for event in kept.events if isinstance(event, ItemSkipped | AssetSkipped)}
    assets = {event.path: event.size for event in kept.events if isinstance(event, AssetStored)}
    assert all(Path(path).is_file() for path in {*stored, *there, *assets}), "A: a file that is said to be here is not"
    for name, content in kept.files.items():
        if (size := assets.get(str(kept.destination / name))) is not None:
            assert len(content) == size, f"A: {name} is not the whole asset"
            continue
        item_id = stored.get(str(kept.destination / name))
        if item_id is not None:
            source = expected.get(item_id) if expected is not None else None
            assert is_whole(content, source), f"A: {name} is not the whole document"
        else:
            assert before.get(name) == content, f"B: {name} was touched and is not one of the stored files"
    gone = {name for name in before if name not in kept.files and not _is_partial(name)}
    assert not gone or (kept.summary is not None and kept.summary.pruned), f"B: {gone} are gone"


def _is_partial(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".cf-ai-") and name.endswith(".part")


def _check_d(kept: Kept) -> None:
    summary = kept.summary
    if summary is None:
        return
    assert summary.total_items == summary.successful + summary.failed + summary.not_attempted, "D"
    stored = sum(isinstance(event, ItemStored) for event in kept.events)
    skipped = sum(isinstance(event, ItemSkipped) for event in kept.events)
    failed = sum(isinstance(event, ItemFailed) for event in kept.events)
    assert (summary.successful, summary.skipped, summary.failed) == (stored + skipped, skipped, failed), "D"
    counted = [
        sum(isinstance(event, kind) for event in kept.events) for kind in (AssetStored, AssetSkipped, AssetFailed)
    ]
    missing = sum(isinstance(event, AssetMissing) for event in kept.events)
    assets = summary.assets or AssetSummary()
    assert [assets.successful - assets.skipped, assets.skipped, assets.failed] == counted, "D: assets"
    assert assets.missing == missing, "D: assets"
    if summary.results:
        assert len(summary.results) == summary.total_items, "D: each listed item has its result"


def _snapshot(folder: Path, but: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() and not path.is_symlink() else None)
        for path in sorted(folder.rglob("*"))
        if path != but and but not in path.parents
    }
