"""Receives deliveries in an event loop, whichever server or framework they come through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Coroutine
from functools import partial
from typing import Any, cast

from .errors import WebhookError
from .event import WebhookEvent
from .handling import Parts
from .headers import Headers
from .receiving import ACCEPTED, LONGEST_BODY, NOT_NOW, TOO_LARGE, Answer, answer_before_reading, answer_to
from .telling import log_failed, log_not_stored, log_refused, logger
from .workers import Workers

_LONGEST_QUEUE = 2.0
"""Seconds that a delivery waits for the store to be done with others, before it is told to come again."""

_LAST = 1.0
"""Seconds that handlers have once they are cancelled."""


class Receiver:
    """Verifies, stores and answers; the handler runs after, in a task of its own."""

    def __init__(self, parts: Parts, *, resume: bool, grace: float) -> None:
        self._parts = parts
        self._grace = grace
        self._slots = asyncio.Semaphore(parts.at_once)
        self._resuming: asyncio.Task[int] | None = None
        self._resumed = not resume
        self._tasks: set[asyncio.Task[Any]] = set()
        self._store = Workers(1)
        self._handlers = Workers(parts.at_once)

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
        if not self._resumed:
            if self._resuming is None or self._resuming.done():
                self._resuming = self._spawn(self.resume())
            await asyncio.shield(self._resuming)  # all that wait fail at once, where it fails

    async def resume(self) -> int:
        """Begin to handle what is stored, not handled and not in hand; return how many."""
        left = await self._store.run(self._parts.left)
        self._resumed = True
        return sum(self._begin(event) for event in left)

    async def close(self, grace: float | None = None) -> None:
        """Wait for the handlers, but not for long; what then is not handled stays in the store."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._grace if grace is None else grace)
        while self._tasks and loop.time() < end:  # one that is being stored brings another, to handle it
            await asyncio.wait(self._tasks, timeout=end - loop.time())
        left = [task for task in self._tasks if task.cancel()]
        if left:
            await asyncio.wait(left, timeout=_LAST)
        self._store.close(0)
        self._handlers.close(0)

    async def _admit(self, event: WebhookEvent) -> Answer:
        try:
            await self.resume_once()
            is_new = await self._store.run(partial(self._parts.store.add, event), _LONGEST_QUEUE)
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
            attempt: int | None = None
            try:
                attempt = await self._store.run(partial(parts.store.begin, event))
                error = await self._failure_of(event)
                if error is None:
                    await self._store.run(partial(parts.store.mark_handled, event))
                else:
                    log_failed(event, error, attempt, parts.attempts)
            except Exception as error:
                log_failed(event, error, attempt, parts.attempts)

    async def _failure_of(self, event: WebhookEvent) -> BaseException | None:
        """Run the handler; in a task of its own, so that a cancellation of its making is no cancellation of ours."""
        task = self._spawn(self._call(event))
        await asyncio.wait([task])
        return cast("BaseException | None", task.result())

    async def _call(self, event: WebhookEvent) -> BaseException | None:
        handler = self._parts.handler
        try:
            if self._parts.is_async:
                await cast("Coroutine[Any, Any, object]", handler(event))
            else:
                await self._handlers.run(partial(handler, event))
        except BaseException as error:
            return error
        return None

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
