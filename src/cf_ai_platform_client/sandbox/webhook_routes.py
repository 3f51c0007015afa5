"""The keys of webhooks, and the calls that steer the sandbox, which the platform does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from .answers import Route, json_answer
from .project_routes import read_body
from .queries import Problem
from .state import State
from .webhooks import Delivery

JWKS_PATH = "/api/.well-known/jwks.json"
_MAX_AGE = 300


@dataclass(frozen=True)
class WebhookRoutes:
    """The JWKS; a work item's status and the webhook URL, to be set from outside."""

    state: State

    def routes(self) -> Sequence[Route]:
        """Return what answers where."""
        return [
            Route("GET", JWKS_PATH, "jwks", self._jwks),
            Route("POST", "/sandbox/webhook", "control", self._set_webhook),
            Route("POST", "/sandbox/workItems/{item}/status", "control", self._set_status),
        ]

    async def _jwks(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = json_answer(self.state.webhooks.keys.document())
        except ImportError as error:
            raise Problem(501, str(error)) from None
        answer.headers["Cache-Control"] = f"max-age={_MAX_AGE}"
        return answer

    async def _set_webhook(self, request: web.Request) -> web.StreamResponse:
        url = (await _object(request)).get("url")
        if url is not None and not isinstance(url, str):
            raise Problem(422, "url must be a text, or null for no webhooks")
        try:
            self.state.set_webhook_url(url)
        except (ValueError, ImportError) as error:
            raise Problem(422 if isinstance(error, ValueError) else 501, str(error)) from None
        return json_answer({"url": url})

    async def _set_status(self, request: web.Request) -> web.StreamResponse:
        status = (await _object(request)).get("status")
        if not isinstance(status, str):
            raise Problem(422, "status must be a text")
        item = self.state.change_status(request.match_info["item"], status)
        url = self.state.webhooks.url
        delivery = None if url is None else _wire(await self.state.webhooks.deliver(item, url))
        return json_answer({"workItem": item, "delivery": delivery})


def _wire(delivery: Delivery) -> dict[str, Any]:
    return {
        "url": delivery.url,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error,
    }


async def _object(request: web.Request) -> dict[str, Any]:
    body = await read_body(request)
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object")
    return cast("dict[str, Any]", body)
