"""Calls that are made again: for one call with patience, and what all calls of a run share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import anyio

from ..adapters.bodies import Spool
from ..adapters.http import Http
from ..adapters.runtime import Runtime
from ..adapters.streams import Begin
from ..core.redaction import printable
from ..core.requests import ApiCall, Endpoint, Reply, error_of
from ..core.resuming import EXPORT
from ..core.retry import RetryBudget, RetryPolicy, Tries, wait_before_retry
from ..errors import CFError
from ..events import Event, EventHandler, RetryScheduled

T = TypeVar("T")

ATTEMPTS_TO_REACH = 4
"""Attempts to connect before anything answered: a mistyped address shall not take a minute to be noticed."""


class HandlerError(Exception):
    """One of our own errors that the user's handler raised: it ends the run and is not taken for a failed call."""

    def __init__(self, error: CFError) -> None:
        super().__init__(error)
        self.error = error


class Calls:
    """The calls of one run: one retry policy and budget, and a pause for each host that asked for one."""

    def __init__(
        self, http: Http, policy: RetryPolicy, runtime: Runtime, base_url: str, on_event: EventHandler | None = None
    ) -> None:
        self.http = http
        self.runtime = runtime
        self._policy = policy
        self._budget = RetryBudget(policy)
        self._api_host = urlsplit(base_url).netloc
        self._paused: dict[str, float] = {}
        self._on_event = on_event
        self.retries = 0
        self._reached: set[str] = set()
        self._refused_key: CFError | None = None
        self._sleeping: set[anyio.CancelScope] = set()

    def emit(self, event: Event) -> None:
        """Hand an event to the user."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except CFError as error:
            raise HandlerError(error) from error

    async def once(self, call: ApiCall, *, refill: bool = True) -> Reply:
        """Make one API call, once its host takes calls; raise what an error answer stands for.

        After a 401 no further call is made: it would be refused too. `refill` says whether its success gives the
        budget a retry back: not where it is itself a part of trying again.
        """
        if self._paused:
            await self._until_open(self._api_host)
        if self._refused_key is not None:
            raise copy.copy(self._refused_key)
        reply = await self.http.call(call)
        return self._checked(reply, call.endpoint, self._api_host, call.item_id, refill=refill)

    async def fetch_once(
        self, url: str, item_id: str, known_etag: str | None = None, spool: Spool | None = None
    ) -> Reply:
        """Read a signed URL, only if its document has another ETag; raise what an error answer stands for."""
        host = url.partition("://")[2].partition("/")[0]
        if self._paused:
            await self._until_open(host)
        headers = {"If-None-Match": known_etag} if known_etag else None
        return self._checked(await self.http.fetch(url, headers, spool), "storage", host, item_id)

    async def stream_once(
        self,
        url: str,
        named: str,
        headers: Mapping[str, str],
        begin: Begin,
        written: Callable[[], object],
        *,
        what: str = EXPORT,
        budget: RetryBudget | None = None,
    ) -> Reply:
        """Read a URL into the file that `begin` returns; raise what an error answer stands for.

        It is an export's or an item's, `named`; its success gives a retry back to `budget`, else to that of all calls.
        """
        host = url.partition("://")[2].partition("/")[0]
        await self._until_open(host)
        reply = await self.http.stream(url, headers, begin, written)
        checked = self._checked(reply, "storage", host, named, what=what, refill=budget is None)
        if budget is not None:
            budget.succeeded()
        return checked

    async def patiently(self, call: ApiCall, read: Callable[[Reply], T], *, refill: bool = True) -> T:
        """Make one API call and read its answer, as often as the policy allows."""
        tries = Tries()
        while True:
            tries.begin(self.runtime.monotonic())
            try:
                return read(await self.once(call, refill=refill))
            except CFError as error:
                wait = self.wait_after(error, call.endpoint, tries, call.item_id)
                if wait is None:
                    raise
            await self.sleep(wait)

    def closed_for(self) -> float:
        """Return for how many seconds the platform takes no calls, since it said so."""
        return max(0.0, self._paused.get(self._api_host, 0.0) - self.runtime.monotonic())

    def new_budget(self) -> RetryBudget:
        """Return retries for calls that shall not use up those of the others."""
        return RetryBudget(self._policy)

    def wait_after(
        self,
        error: CFError,
        endpoint: Endpoint,
        tries: Tries,
        item_id: str | None,
        *,
        budget: RetryBudget | None = None,
    ) -> float | None:
        """Decide how long a failed call waits for its next attempt, None for ever."""
        unreached = error.code in {"network", "timeout"} and not self._has_answered(endpoint)
        if unreached and tries.count >= ATTEMPTS_TO_REACH:
            return None
        wait = wait_before_retry(
            self._policy,
            error,
            attempt=tries.count,
            elapsed=self.runtime.monotonic() - tries.since,
            jitter=self.runtime.jitter(),
            spoiled=tries.spoiled,
        )
        tries.failed(error)
        if wait is None or not (budget or self._budget).spend():
            return None
        self.retries += 1
        self.emit(RetryScheduled(endpoint, tries.count + 1, wait, error.code, item_id))
        return wait

    def _checked(
        self,
        reply: Reply,
        endpoint: Endpoint,
        host: str,
        item_id: str | None,
        *,
        refill: bool = True,
        what: str | None = None,
    ) -> Reply:
        self._reached.add(host)
        error = error_of(reply, endpoint, item_id=item_id, now=self.runtime.wall(), what=what)
        if error is None:
            if refill:
                self._budget.succeeded()
            return reply
        if error.status == 401 and endpoint != "storage":
            self._refuse_key(error)
        if error.status in {429, 503} and error.retry_after:
            self._pause(host, min(error.retry_after, self._policy.retry_after_cap))
        raise error

    def _has_answered(self, endpoint: Endpoint) -> bool:
        return bool(self._reached if endpoint == "storage" else self._api_host in self._reached)

    def _pause(self, host: str, seconds: float) -> None:
        until = self.runtime.monotonic() + seconds
        self._paused[host] = max(until, self._paused.get(host, 0.0))

    async def _until_open(self, host: str) -> None:
        """Wait until a host takes calls; once the key is refused, nobody waits any more."""
        while (wait := self._paused.get(host, 0.0) - self.runtime.monotonic()) > 0:
            if self._refused_key is not None:
                raise copy.copy(self._refused_key)
            await self.sleep(wait)

    async def sleep(self, seconds: float) -> None:
        """Sleep, no longer than until the key is refused."""
        with anyio.CancelScope() as scope:
            self._sleeping.add(scope)
            try:
                await self.runtime.sleep(seconds)
            finally:
                self._sleeping.discard(scope)

    def _refuse_key(self, error: CFError) -> None:
        self._refused_key = error
        for scope in self._sleeping:
            scope.cancel()


def describe(error: BaseException) -> str:
    """Say in one line what went wrong, safe to show."""
    return printable(str(error) or type(error).__name__, 500)
