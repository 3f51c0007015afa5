"""What a download has done so far, counted from its events."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from ..errors import CFError
from ..events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    Event,
    ItemFailed,
    ItemSkipped,
    ItemStored,
    PageListed,
    RetryScheduled,
    Warned,
)
from ..models import AssetSummary, DownloadSummary
from .exits import complain

NOTHING_MATCHES = "No work items match, so there was nothing to download; cf-ai items lists what there is."

_FIRST_ONES = 3


class Tally:
    """Counts events; keeps the first failures of each code and no more, however many there are.

    `nothing` is what to say where nothing was listed.
    """

    def __init__(self, nothing: str = NOTHING_MATCHES) -> None:
        self.nothing = nothing
        self._start = time.monotonic()
        self._listed = self._stored = self._skipped = self._bytes = 0
        self._total: int | None = None
        self.codes: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.first: defaultdict[str, list[ItemFailed | AssetFailed]] = defaultdict(list)
        self.asset_codes: Counter[str] = Counter()
        self.first_assets: defaultdict[str, list[ItemFailed | AssetFailed]] = defaultdict(list)
        self._assets: AssetSummary | None = None

    def handle(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case ItemStored(size=size):
                self._stored += 1
                self._bytes += size
            case ItemSkipped():
                self._skipped += 1
            case Warned(message=message, passing=True):
                complain(message)
            case RetryScheduled(code=code):
                self.retries[code] += 1
            case ItemFailed(code=code):
                self.codes[code] += 1
                if len(self.first[code]) < _FIRST_ONES:
                    self.first[code].append(event)
            case AssetStored() | AssetSkipped() | AssetFailed() | AssetMissing():
                self._asset(event)
            case PageListed(items=items, total=total):
                self._listed += items
                self._total = total if total is not None else self._total
            case _:
                pass

    def _asset(self, event: AssetStored | AssetSkipped | AssetFailed | AssetMissing) -> None:
        counts = self._assets = self._assets or AssetSummary()
        match event:
            case AssetStored(size=size):
                counts.successful += 1
                counts.bytes += size
            case AssetSkipped():
                counts.successful += 1
                counts.skipped += 1
            case AssetMissing():
                counts.missing += 1
            case AssetFailed(code=code):
                counts.failed += 1
                self.asset_codes[code] += 1
                if len(self.first_assets[code]) < _FIRST_ONES:
                    self.first_assets[code].append(event)

    def summary(self) -> DownloadSummary:
        """Make the summary of a run that ended without one."""
        failed = self.codes.total()
        return DownloadSummary(
            total_items=self._listed,
            successful=self._stored + self._skipped,
            failed=failed,
            skipped=self._skipped,
            not_attempted=self._listed - self._stored - self._skipped - failed,
            retries=self.retries.total(),
            bytes=self._bytes,
            elapsed=time.monotonic() - self._start,
            assets=self._assets,
        )

    def interruption(self, destination: str) -> CFError:
        """Say how far an interrupted run came, as the error that ended it."""
        known, here = self._total is not None, self._stored + self._skipped
        of = f"{self._total:,} work items" if known else f"the {self._listed:,} work items that were listed so far"
        return CFError(
            f"Interrupted: {here:,} of {of} are saved below {destination}, each of them whole.",
            code="cancelled",
            hint="Run the same command again to go on from there.",
        )
