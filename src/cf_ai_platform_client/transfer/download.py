"""A project into a folder."""

from __future__ import annotations

from functools import partial

from ..adapters.local_store import LocalStore
from ..models import DownloadSummary
from .calls import Calls
from .ledger import Ledger
from .listing import list_folders
from .pipeline import Order, Pipeline
from .storing import Storing


async def download(calls: Calls, order: Order, destination: str) -> DownloadSummary:
    """Download what `order` names below `destination`."""
    ledger = Ledger(order.results, calls.emit)
    store = LocalStore(destination)
    try:
        sink = Storing(store, ledger, partial(list_folders, calls, order.project_id))
        return await Pipeline(calls, order, ledger, sink).run()
    finally:
        store.close()
