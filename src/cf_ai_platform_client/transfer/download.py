"""A project into a folder."""

from __future__ import annotations

import asyncio

from ..errors import CFError
from ..models import AssetSummary, DownloadSummary
from .books import Books
from .calls import Calls
from .comparing import Comparing
from .ledger import Ledger
from .order import Order
from .pipeline import Pipeline
from .pruning import settle_stale
from .storing import Storing


async def download(calls: Calls, order: Order, destination: str) -> DownloadSummary:
    """Download what `order` names below `destination`, and keep books about it there."""
    ledger = Ledger(order.results, calls.emit)
    books = Books(calls, order, ledger, destination)
    planner, sink = Comparing(books), Storing(ledger, books)
    outcome = "failed"
    try:
        pipeline = Pipeline(calls, order, ledger, planner, sink, sink if order.assets else None)
        summary = await pipeline.run()
        await _settle(books, ledger, summary, calls)
        outcome = "finished"
        return summary
    except CFError as error:
        outcome = error.code
        if error.summary is not None and books.destination_is_lost:
            error.summary = _lost(error.summary, error)
        raise
    except asyncio.CancelledError:
        outcome = "cancelled"
        raise
    finally:
        planner.close()
        sink.close()
        await books.settle()
        books.close(outcome)


async def _settle(books: Books, ledger: Ledger, summary: DownloadSummary, calls: Calls) -> None:
    try:
        books.check_in_place()
        await settle_stale(books, ledger, summary, calls.emit)
    except CFError as error:
        error.summary = summary
        raise


def _lost(summary: DownloadSummary, why: CFError) -> DownloadSummary:
    """Count as failed what is not below the destination any more."""
    failed = {"success": False, "skipped": False, "file_path": None, "error": why.message, "error_code": "disk_error"}
    asset = {"asset_path": None, "asset_error": why.message, "asset_error_code": "disk_error"}
    results = [
        result.model_copy(update=(failed if result.success else {}) | (asset if result.asset_path else {}))
        for result in summary.results
    ]
    counts = {"successful": 0, "skipped": 0, "failed": summary.failed + summary.successful}
    return summary.model_copy(update={**counts, "results": results, "assets": _lost_assets(summary.assets)})


def _lost_assets(assets: AssetSummary | None) -> AssetSummary | None:
    lost = {"successful": 0, "skipped": 0, "failed": assets.failed + assets.successful} if assets else {}
    return assets.model_copy(update=lost) if assets else None
