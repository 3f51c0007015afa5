"""What failed in earlier runs, again: a download for each space and status in which something failed."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CFError
from ..events import Warned
from ..models import AssetSummary, DownloadSummary
from .calls import Calls
from .download import download
from .order import Order


async def retry(calls: Calls, orders: Sequence[Order], destination: str, warning: str | None) -> DownloadSummary:
    """Download what the orders name, one after another, and sum up all of it; `warning` is of what is left out."""
    whole = DownloadSummary(total_items=0, successful=0, failed=0)
    if warning:
        whole.warnings.append(warning)
        calls.emit(Warned(warning))
    for order in orders:
        try:
            whole = _joined(whole, await download(calls, order, destination))
        except CFError as error:
            if error.summary is not None:
                error.summary = _joined(whole, error.summary)
            raise
    return whole


def _joined(first: DownloadSummary, second: DownloadSummary) -> DownloadSummary:
    """Sum up two downloads; `retries` is counted over all of them already."""
    return DownloadSummary.model_construct(
        total_items=first.total_items + second.total_items,
        successful=first.successful + second.successful,
        failed=first.failed + second.failed,
        results=[*first.results, *second.results],
        not_attempted=first.not_attempted + second.not_attempted,
        skipped=first.skipped + second.skipped,
        retries=second.retries,
        warnings=[*first.warnings, *second.warnings],
        bytes=first.bytes + second.bytes,
        elapsed=first.elapsed + second.elapsed,
        assets=_joined_assets(first.assets, second.assets),
    )


def _joined_assets(first: AssetSummary | None, second: AssetSummary | None) -> AssetSummary | None:
    if first is None or second is None:
        return first or second
    return AssetSummary(**{name: getattr(first, name) + getattr(second, name) for name in AssetSummary.model_fields})
