"""What is in a destination, without the network: from its journal, and from its files."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import chain, islice
from typing import Literal

from .adapters.file_list import kept_beside
from .adapters.journal import Journal
from .adapters.journal_asset_queries import asset_totals, failed_assets
from .adapters.journal_file import Damaged, JournalBusy, journal_path
from .adapters.journal_queries import (
    FailedRuns,
    Failure,
    LastRun,
    WrittenFile,
    count_from_elsewhere,
    failed_runs,
    failures,
    last_runs,
    totals,
    written_assets,
    written_files,
)
from .adapters.journal_reader import JournalReader, Readable
from .adapters.local_store import LocalStore
from .core.arguments import StrPath, check_destination
from .core.redaction import printable
from .errors import DiskError

_FIRST_ONES = 3


@dataclass(frozen=True, slots=True)
class FailedItem:
    """A work item whose last attempt failed: why, and when."""

    item_id: str
    code: str
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """What is here of one project.

    `not_attempted` were listed and not reached, `gone` left the project since (or have another status), `bytes` are of
    the files here, `outcome` tells how the last run ended: "finished", "killed", "cancelled", "failed" or an error
    code. `failed_by_code` counts, `first_failures` has some. `base_url` is the platform of the last run, and
    `from_elsewhere` counts the files of other platforms; older versions noted none. `assets`, `assets_failed` and
    `asset_bytes` tell of the assets, which the other numbers leave out; `first_asset_failures` has some.
    """

    project_id: str
    space_id: str
    stored: int
    failed: int
    not_attempted: int
    bytes: int
    last_run: datetime
    outcome: str
    failed_by_code: dict[str, int] = field(default_factory=dict[str, int])
    first_failures: list[FailedItem] = field(default_factory=list[FailedItem])
    gone: int = 0
    base_url: str | None = None
    from_elsewhere: int = 0
    assets: int = 0
    assets_failed: int = 0
    asset_bytes: int = 0
    first_asset_failures: list[FailedItem] = field(default_factory=list[FailedItem])


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it was written: "missing", "altered", or "unreadable", so that nobody knows.

    `is_asset` tells that it is the asset of its work item, not the document.
    """

    item_id: str
    path: str
    kind: Literal["missing", "altered", "unreadable"]
    is_asset: bool = False


class Destination:
    """A folder that `download_project` wrote to; it is only read, and may be one that cannot be written.

    >>> Destination("annotations").path
    'annotations'
    """

    def __init__(self, path: StrPath) -> None:
        self.path = check_destination(path)

    def status(self) -> list[ProjectStatus]:
        """Tell what is here of each project; a damaged journal is a warning, and nothing.

        Raises ValueError where no journal is, DiskError while a run is active.
        """
        with _opened(self.path) as journal:
            if journal is None:
                _warn_of_damage(self.path)
                return []
            return [_status(journal, run) for run in last_runs(journal)]

    def verify(self) -> list[Difference]:
        """Hash every file that was written, assets too, and return those that differ. Raises as `status` does.

        That the file of a work item that left the project was deleted is no difference.
        """
        return [found for found in self.iter_differences() if found]

    def iter_differences(self) -> Iterator[Difference | None]:
        """Yield for every file that was written None or how it differs, as they are read; see `verify`.

        A run may begin meanwhile: what it writes anew may be called altered.
        """
        store = LocalStore(self.path)
        with ExitStack() as stack:
            stack.callback(store.close)
            with _opened(self.path) as journal:
                if journal is None:
                    _warn_of_damage(self.path)
                    return
                files = stack.enter_context(kept_beside(chain(written_files(journal), written_assets(journal))))
            for file in files:
                found = _difference(store, file)
                if not (file.is_gone and found and found.kind == "missing"):
                    yield found


@dataclass(frozen=True, slots=True)
class ToRetry:
    """What a client of one platform can retry, at least one run's; `warning` tells of what it cannot."""

    runs: list[FailedRuns]
    warning: str | None = None


def what_failed(path: str, project_id: str | None, base_url: str) -> ToRetry:
    """Return in which runs of a project, or of the only one, something failed. Raises ValueError and DiskError."""
    with _opened(path) as journal:
        last = _last_run(journal, path, project_id)
        runs = failed_runs(journal, last.project_id) if journal else []
    here = [run for run in runs if run.base_url in {None, base_url}]
    others = [run for run in runs if run not in here]
    addresses = ", ".join(sorted({printable(str(run.base_url)) for run in others}))
    if others and not here:
        raise ValueError(f"base_url is {base_url!r}: what failed in {path} is to be retried with {addresses}.")
    number = sum(run.failures for run in others)
    warning = f"{number:,} work items failed in downloads from {addresses} and are retried with that base URL only."
    known = {(run.space_id, run.status): run for run in here}  # those of an unknown platform are this one's
    nothing = FailedRuns(last.project_id, last.space_id, last.status, base_url, 0)
    return ToRetry([*known.values()] or [nothing], warning if others else None)


def _last_run(journal: Readable | None, path: str, project_id: str | None) -> LastRun:
    if journal is None:
        raise DiskError(
            f"The journal of {path} is damaged, so nobody knows what failed.",
            code="disk_error",
            hint="Download again: the journal is set aside then, and every work item is fetched.",
        )
    runs = last_runs(journal)
    found = [run for run in runs if project_id in {None, run.project_id}]
    if len(found) == 1:
        return found[0]
    if not runs:
        raise ValueError(f"destination is {path!r}: its journal knows of no run.")
    named = ", ".join(run.project_id for run in runs)
    if project_id:
        raise ValueError(f"project_id is {project_id!r}: the journal of {path} knows {named}.")
    raise ValueError(f"project_id is {project_id!r}: choose one of those that the journal of {path} knows: {named}.")


@contextmanager
def _opened(path: str) -> Generator[Journal | JournalReader | None, None, None]:
    """Open a journal to look into it; None stands for a damaged one."""
    if not os.path.lexists(journal_path(path)):
        raise ValueError(f"destination is {path!r}: there is no journal in it, so nothing was downloaded to it.")
    journal: Journal | JournalReader | None
    try:
        journal = Journal.shared(path) or JournalReader(path)
    except JournalBusy as error:
        raise DiskError(
            f"A run is writing to {path}.", code="disk_error", hint="Look again when it has ended."
        ) from error
    except Damaged:
        journal = None
    try:
        yield journal
    finally:
        if journal is not None:
            journal.close()


def _warn_of_damage(path: str) -> None:
    warnings.warn(
        f"The journal of {path} is damaged, so nobody knows what is there: the next download sets it aside and"
        " fetches every work item again.",
        stacklevel=3,
    )


def _status(journal: Journal | JournalReader, run: LastRun) -> ProjectStatus:
    counted, assets = totals(journal, run.project_id), asset_totals(journal, run.project_id)
    failed = failures(journal, run.project_id)
    first = list(islice(failed, _FIRST_ONES))
    codes = Counter(failure.code for failure in first)
    codes.update(failure.code for failure in failed)
    return ProjectStatus(
        project_id=run.project_id,
        space_id=run.space_id,
        stored=counted.stored,
        failed=counted.failed,
        not_attempted=counted.not_attempted,
        bytes=counted.bytes,
        last_run=_moment(run.started),
        outcome=run.outcome or ("running" if isinstance(journal, Journal) else "killed"),
        failed_by_code=dict(codes),
        first_failures=[_failed_item(failure) for failure in first],
        gone=counted.gone,
        base_url=run.base_url,
        from_elsewhere=count_from_elsewhere(journal, run),
        assets=assets.stored,
        assets_failed=assets.failed,
        asset_bytes=assets.bytes,
        first_asset_failures=[*map(_failed_item, islice(failed_assets(journal, run.project_id), _FIRST_ONES))],
    )


def _failed_item(failure: Failure) -> FailedItem:
    return FailedItem(failure.item_id, failure.code, failure.error, _moment(failure.at))


def _difference(store: LocalStore, file: WrittenFile) -> Difference | None:
    kind = _kind_of_difference(store, file)
    return Difference(file.item_id, store.full_path(file.path), kind, file.is_asset) if kind else None


def _kind_of_difference(store: LocalStore, file: WrittenFile) -> Literal["missing", "altered", "unreadable"] | None:
    found = store.state(file.path)
    if found is None:
        return "unreadable" if store.is_out_of_reach(file.path) else "missing"
    if found.size != file.state.size:
        return "altered"
    digest = store.sha256(file.path)
    if digest is None:
        return "unreadable"
    return None if digest == file.sha256 else "altered"


def _moment(seconds: object) -> datetime:
    """Read a time of the journal; one that somebody broke is shown as the beginning of 1970."""
    try:
        return datetime.fromtimestamp(float(str(seconds)), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)
