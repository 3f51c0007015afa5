"""A project into a folder."""

from __future__ import annotations

import asyncio

from ..adapters.local_store import LocalStore
from ..core.naming import FolderNames
from ..models import DownloadSummary
from .calls import Calls
from .ledger import Ledger
from .listing import list_folders
from .pipeline import Order, Pipeline
from .storing import Storing


async def download(calls: Calls, order: Order, destination: str) -> DownloadSummary:
    """Download what `order` names below `destination`."""
    ledger = Ledger(order.results, calls.emit)
    folders: asyncio.Future[FolderNames] = asyncio.get_running_loop().create_future()
    store = LocalStore(destination)

    async def name_folders() -> None:
        folders.set_result(await list_folders(calls, order.project_id))

    try:
        return await Pipeline(calls, order, ledger, Storing(store, ledger, folders)).run(name_folders)
    finally:
        folders.cancel()
        store.close()
