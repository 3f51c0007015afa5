"""Receives deliveries in an event loop, whichever server or framework they come through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Coroutine
from typing import Any, cast

from .errors import WebhookError
from .event import WebhookEvent
from .handling import Parts, log_failed, log_not_stored, log_refused, logger
from .headers import Headers
from .receiving import ACCEPTED, LONGEST_BODY, NOT_NOW, TOO_LARGE, Answer, answer_before_reading, answer_to


class Receiver:
    """Verifies, stores and answers; the handler runs after, in a task of its own."""

    def __init__(self, parts: Parts, *, resume: bool, grace: float) -> None:
        self._parts = parts
        self._grace = grace
        self._slots = asyncio.Semaphore(parts.at_once)
        self._resuming = asyncio.Lock()
        self._resumed = not resume
        self._tasks: set[asyncio.Task[Any]] = set()

    async def receive(self, method: str, headers: Headers, length: int | None, pieces: AsyncIterable[bytes]) -> Answer:
        """Return what to answer to a request, once its delivery is stored."""
        early = answer_before_reading(method, length)
        if early is not None:
            return early
        body = await _read(pieces)
        if body is None:
            return TOO_LARGE
        try:
            event = await self._parts.verifier.averify(body, headers)
        except WebhookError as error:
            log_refused(error)
            return answer_to(error)
        return await asyncio.shield(self._spawn(self._admit(event)))  # a client that goes shall not lose it

    async def resume_once(self) -> None:
        """Begin to handle what an earlier process left, the first time this is called."""
        async with self._resuming:
            if not self._resumed:
                await self.resume()

    async def resume(self) -> int:
        """Begin to handle what is stored, not handled and not in hand; return how many."""
        left = await asyncio.to_thread(self._parts.store.unhandled, self._parts.attempts)
        self._resumed = True
        return sum(self._begin(event) for event in left)

    async def close(self) -> None:
        """Wait for the handlers, but not for long; what then is not handled stays in the store."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace
        while self._tasks and loop.time() < end:  # one that is being stored brings another, to handle it
            await asyncio.wait(self._tasks, timeout=end - loop.time())
        left = [task for task in self._tasks if task.cancel()]
        await asyncio.gather(*left, return_exceptions=True)

    async def _admit(self, event: WebhookEvent) -> Answer:
        try:
            await self.resume_once()
            is_new = await asyncio.to_thread(self._parts.store.add, event)
        except Exception as error:
            log_not_stored(error)
            return NOT_NOW
        if is_new:
            self._begin(event)
        else:
            logger.info("A delivery came again and was not handled again.")
        return ACCEPTED

    def _begin(self, event: WebhookEvent) -> bool:
        if not self._parts.take(event):
            return False
        self._spawn(self._handle(event)).add_done_callback(lambda _: self._parts.let_go(event))
        return True

    async def _handle(self, event: WebhookEvent) -> None:
        parts = self._parts
        async with self._slots:
            try:
                await asyncio.to_thread(parts.store.begin, event)
                if parts.is_async:
                    await cast("Coroutine[Any, Any, object]", parts.handler(event))
                else:
                    await asyncio.to_thread(parts.handler, event)
                await asyncio.to_thread(parts.store.mark_handled, event)
            except (Exception, SystemExit) as error:
                log_failed(event, error)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _read(pieces: AsyncIterable[bytes]) -> bytes | None:
    """Read a body; None where it is too large."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)
