"""Receives deliveries as a WSGI app: alone, or in front of Flask or Django."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from .deliveries import DeliveryStore
from .errors import WebhookError
from .event import WebhookEvent
from .handling import Handler, Parts
from .receiving import (
    ACCEPTED,
    LONGEST_BODY,
    NO_LENGTH,
    NOT_NOW,
    TOO_LARGE,
    Answer,
    answer_before_reading,
    answer_to,
    length_of,
)
from .telling import log_failed, log_not_stored, log_refused, logger
from .verifier import Verifier
from .workers import Workers

StartResponse = Callable[..., Any]
WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_LONGEST_QUEUE = 1.0
"""Seconds that a delivery waits for others to be done with the store, before it is told to come again."""


class WebhookWSGIApp:
    """A WSGI app that answers a delivery with 204 once it is verified and stored, and then calls `handler` in a thread.

    `mounted_in` puts it in front of another app: `application = webhooks.mounted_in(application, "/webhooks")`.
    Arguments and behaviour are those of `WebhookApp`; WSGI knows no start, so call `resume()` when your server starts,
    in the process that serves: else what an earlier process left is handled with the first delivery.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        verifier: Verifier | None = None,
        store: DeliveryStore | None = None,
        attempts: int = 3,
        at_once: int = 10,
        resume: bool = True,
        grace: float = 10.0,
    ) -> None:
        self._parts = Parts(handler, verifier, store, attempts, at_once)
        self._workers = Workers(self._parts.at_once)
        self._resuming = threading.Lock()
        self._resumed = not resume
        self._ending = False
        self._grace = grace

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request of a WSGI server."""
        answer = self._receive(environ)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.all_headers)
        return [answer.body] if answer.body else []

    def mounted_in(self, application: WSGIApplication, path: str) -> WSGIApplication:
        """Return an app that serves deliveries at `path`, and everything else as `application` does."""
        here = path.rstrip("/")

        def dispatch(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            asked = environ.get("PATH_INFO", "").rstrip("/")
            return self(environ, start_response) if asked == here else application(environ, start_response)

        return dispatch

    def resume(self) -> int:
        """Begin to handle what is stored, not handled and not in hand; return how many deliveries that are."""
        left = self._parts.left()
        self._resumed, self._ending = True, False
        return sum(self._begin(event) for event in left)

    def close(self) -> None:
        """Wait for the handlers, `grace` seconds at the most; what then is not handled stays in the store."""
        self._workers.close(self._grace)
        self._ending = True

    def _receive(self, environ: dict[str, Any]) -> Answer:
        early = answer_before_reading(environ["REQUEST_METHOD"], length_of(environ.get("CONTENT_LENGTH")))
        body = early or _read(environ)
        if isinstance(body, Answer):
            return body
        try:
            event = self._parts.verifier.verify(body, _headers(environ))
        except WebhookError as error:
            log_refused(error)
            return answer_to(error)
        return self._admit(event)

    def _admit(self, event: WebhookEvent) -> Answer:
        try:
            self._resume_once()
            is_new = self._parts.store.add(event)
        except Exception as error:
            log_not_stored(error)
            return NOT_NOW
        if is_new:
            self._begin(event)
        else:
            logger.info("A delivery came again and was not handled again.")
        return ACCEPTED

    def _resume_once(self) -> None:
        if self._resumed:
            return
        if not self._resuming.acquire(timeout=_LONGEST_QUEUE):
            raise TimeoutError("what is stored could not be read yet")
        try:
            if not self._resumed:
                self.resume()
        finally:
            self._resuming.release()

    def _begin(self, event: WebhookEvent) -> bool:
        if not self._parts.take(event):
            return False
        self._workers.submit(partial(self._handle, event))
        return True

    def _handle(self, event: WebhookEvent) -> None:
        parts, attempt = self._parts, None
        try:
            if self._ending:
                return
            attempt = parts.store.begin(event)
            if parts.is_async:
                asyncio.run(cast("Coroutine[Any, Any, object]", parts.handler(event)))
            else:
                parts.handler(event)
            parts.store.mark_handled(event)
        except BaseException as error:  # the thread shall live
            log_failed(event, error, attempt, parts.attempts)
        finally:
            parts.let_go(event)


def _headers(environ: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Give headers their names back; doubled ones have been joined by the server, and are no signature then."""
    return [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]


def _read(environ: dict[str, Any]) -> bytes | Answer:
    length, source = length_of(environ.get("CONTENT_LENGTH")), environ["wsgi.input"]
    if length is None and not environ.get("wsgi.input_terminated"):
        return NO_LENGTH
    body: bytes = source.read(LONGEST_BODY + 1 if length is None else length)
    return body if len(body) <= LONGEST_BODY else TOO_LARGE
