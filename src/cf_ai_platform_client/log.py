"""Events as log records of the logger `cf_ai_platform_client.transfer`."""

from __future__ import annotations

import logging

from .core.redaction import printable
from .events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    ConcurrencyChanged,
    Event,
    ExportBytes,
    ExportStatusChanged,
    ExportStored,
    ItemFailed,
    ItemPruned,
    ItemSkipped,
    ItemStored,
    ListingFinished,
    PageListed,
    RetryScheduled,
    Warned,
)

logger = logging.getLogger("cf_ai_platform_client.transfer")
logging.getLogger("cf_ai_platform_client").addHandler(logging.NullHandler())  # a library says nothing unasked

_OF_ASSETS = (AssetStored, AssetSkipped, AssetMissing)
_FOR_DEBUGGING = (ItemStored, ItemSkipped, *_OF_ASSETS, PageListed, ConcurrencyChanged, ExportBytes)


def log_event(event: Event) -> None:
    """Log one event: failures as errors, warnings as warnings, retries as information, the rest for debugging."""
    if isinstance(event, _FOR_DEBUGGING) and not logger.isEnabledFor(logging.DEBUG):
        return  # there is one for each work item
    match event:
        case ItemStored(item_id=item_id, path=path, size=size):
            logger.debug("Stored %s, %d bytes, as %s", printable(item_id), size, path)
        case ItemSkipped(item_id=item_id, path=path):
            logger.debug("Unchanged %s, as %s", printable(item_id), path)
        case AssetStored(item_id=item_id, path=path, size=size):
            logger.debug("Stored the asset of %s, %d bytes, as %s", printable(item_id), size, path)
        case AssetSkipped(item_id=item_id, path=path):
            logger.debug("Unchanged the asset of %s, as %s", printable(item_id), path)
        case AssetMissing(item_id=item_id):
            logger.debug("Work item %s names no asset", printable(item_id))
        case AssetFailed(item_id=item_id, code=code, error=error):
            logger.error("The asset of work item %s failed (%s): %s", printable(item_id), code, error)
        case ItemPruned(item_id=item_id, path=path):
            gone = f"is no longer in the project ({printable(item_id)})"
            logger.info("Deleted %s, which %s", path, gone if item_id else "its work item left when it moved")
        case ItemFailed(item_id=item_id, code=code, error=error):
            logger.error("Work item %s failed (%s): %s", printable(item_id) or "without an id", code, error)
        case RetryScheduled(endpoint=endpoint, attempt=attempt, delay=delay, code=code, item_id=item_id):
            what = f"{endpoint} {printable(item_id)}" if item_id else endpoint
            logger.info("%s for %s: attempt %d in %.1f s", code, what, attempt, delay)
        case Warned(message=message):
            logger.warning("%s", message)
        case PageListed(items=items, total=total):
            logger.debug("Listed %d work items of %s", items, "an unknown number" if total is None else total)
        case ListingFinished(items=items):
            logger.info("Listed %d work items in all", items)
        case ExportStatusChanged(export_id=export_id, status=status, elapsed=elapsed):
            logger.info("Export %s is %s after %.0f s", printable(export_id), printable(status), elapsed)
        case ExportBytes(export_id=export_id, bytes=size, total=total):
            logger.debug(
                "Export %s: %d bytes of %s", printable(export_id), size, "an unknown number" if total is None else total
            )
        case ExportStored(export_id=export_id, path=path, size=size, fetched=fetched):
            how = "is stored" if fetched else "was here already"
            logger.info("Export %s %s, %d bytes, as %s", printable(export_id), how, size, path)
        case ConcurrencyChanged(stage=stage, limit=limit):
            logger.debug("%s: at most %d calls at once", stage, limit)
