"""What to transfer, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.arguments import Filters, MaxWorkers, ResultsKept
from ..core.planning import Rerun


@dataclass(frozen=True, slots=True)
class Order:
    """What a user asked for.

    `since_last` lists what changed since the last complete run, `only_failed` what failed before; `prune` deletes the
    files of items that left the project; `durable` waits for the disk; `base_url` is the platform's address, None
    where nobody knows it; `assets` fetches the assets too, with `only_failed` those that failed before.
    """

    project_id: str
    space_id: str
    filters: Filters = field(default_factory=Filters)
    max_workers: MaxWorkers = 10
    results: ResultsKept = "all"
    rerun: Rerun = field(default_factory=Rerun)
    since_last: bool = False
    only_failed: bool = False
    prune: bool = False
    durable: bool = False
    base_url: str | None = None
    assets: bool = False
