"""Between a document that has ended and the asset of its work item: is it to be fetched, and from where."""

from __future__ import annotations

from collections.abc import Callable

from ..core.naming import asset_extension
from ..core.storage_paths import asset_place
from ..errors import CFError
from .job import AssetJob
from .ledger import Ledger


class Assets:
    """Begins assets: those in the space are handed on to be signed, others to be fetched as they are."""

    def __init__(
        self, space_id: str, ledger: Ledger, *, sign: Callable[[AssetJob], None], fetch: Callable[[AssetJob], None]
    ) -> None:
        self._space_id = space_id
        self._ledger = ledger
        self._sign, self._fetch = sign, fetch

    def begin(self, job: AssetJob) -> None:
        """Begin one, or count it where there is nothing to do."""
        plan, asset_url = job.asset, job.item.asset_url
        if plan is None or plan.verdict == "none" or not asset_url:
            self._ledger.count_missing(job)
        elif plan.verdict == "skip" and not job.lost_its_name:
            self._ledger.count_skipped(job, plan.path)
        elif self._ledger.stopping:
            self._ledger.count_not_attempted(job)
        else:
            self._hand_on(job, asset_url)

    def _hand_on(self, job: AssetJob, asset_url: str) -> None:
        job.extension = asset_extension(asset_url)
        if job.lost_its_name:
            job.entry, job.ask = None, False
        try:
            place = asset_place(asset_url, self._space_id, job.item.id)
        except CFError as error:
            self._ledger.count_failed(job, error)
            return
        job.path, job.url = place.path, place.url
        (self._fetch if place.url else self._sign)(job)
