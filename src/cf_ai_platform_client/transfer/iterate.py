"""A project as a stream of documents, without the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from ..core.coco_bytes import CocoDocument
from ..errors import CFError
from ..models import AnnotatedItem
from .calls import Calls
from .channel import Channel, EndOfChannel
from .job import Job
from .ledger import Ledger
from .order import Order
from .pipeline import Pipeline
from .planning import EachOnce

_QUEUED_BYTES = 64 << 20


def _size(result: AnnotatedItem) -> int:
    return len(result.document or b"")


class _Handover:
    """The sink of an iteration: what the reader has not taken yet, at most so many bytes."""

    files = None

    def __init__(self, ledger: Ledger) -> None:
        self.results: Channel[AnnotatedItem] = Channel(_QUEUED_BYTES, _size)
        self._ledger = ledger

    async def take(self, job: Job, document: CocoDocument) -> None:
        content, warnings = document.content, document.warnings
        await self.results.put(AnnotatedItem.model_construct(item=job.item, document=content, warnings=warnings))
        self._ledger.count_stored(job, "", len(content), warnings)

    async def serve(self) -> None:
        await asyncio.Event().wait()

    def failed(self, job: Job, error: CFError) -> None:
        self.results.put_now(AnnotatedItem.model_construct(item=job.item, error=error))


async def iterate(calls: Calls, order: Order) -> AsyncGenerator[AnnotatedItem, None]:
    """Yield each work item with its document or its failure, as they come; leaving early cancels the rest."""
    ledger = Ledger("none", calls.emit)
    handover = _Handover(ledger)
    ledger.on_failed = handover.failed
    ledger.unread = handover.results.__len__
    pipeline = Pipeline(calls, order, ledger, EachOnce([order.filters]), handover)
    running = asyncio.ensure_future(pipeline.run())
    running.add_done_callback(lambda _: handover.results.close())
    try:
        while True:
            try:
                result = await handover.results.get()
            except EndOfChannel:
                break
            ledger.make_room()
            yield result
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
