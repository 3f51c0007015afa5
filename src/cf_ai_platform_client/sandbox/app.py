"""The platform's API and its storage as an aiohttp application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from .answers import Handler, Route, json_answer
from .export_routes import ExportRoutes
from .faults import Fault, Script
from .project_routes import ProjectRoutes
from .queries import Problem
from .record import Recorder
from .sabotage import answer_with_fault
from .state import State
from .webhook_routes import WebhookRoutes

_FOR_ANYBODY = frozenset({"storage", "jwks"})
"""The endpoints that ask for no key."""


@dataclass(frozen=True)
class Service:
    """Every call, with the check of the key, the faults and the record around each."""

    state: State
    api_key: str
    latency: float
    script: Script
    recorder: Recorder

    def application(self) -> web.Application:
        """Make the application, with `/api`, `/storage` and `/sandbox`."""
        app = web.Application(client_max_size=16 << 20)
        routes = [
            *ProjectRoutes(self.state).routes(),
            *ExportRoutes(self.state).routes(),
            *WebhookRoutes(self.state).routes(),
            Route("*", "/{path:.*}", "unknown", self._unknown),
        ]
        app.add_routes([web.route(r.method, r.path, self._handler(r.endpoint, r.answer)) for r in routes])
        return app

    def _handler(self, endpoint: str, answer: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = None if endpoint == "control" else self.script.strike(endpoint, request.path)
            number = self.recorder.arrived(endpoint, fault)
            status = 0
            try:
                response = await self._answer(request, endpoint, answer, fault)
                status = 0 if fault is not None and fault.action == "reset" else response.status
                return response
            except ConnectionError:
                return web.Response(status=499)  # the client left; nobody reads this
            finally:
                self.recorder.left(number, endpoint, request, status, fault)

        return handle

    async def _answer(
        self, request: web.Request, endpoint: str, answer: Handler, fault: Fault | None
    ) -> web.StreamResponse:
        if self.latency:
            await asyncio.sleep(self.latency)
        try:
            if endpoint not in _FOR_ANYBODY and request.headers.get("X-API-Key") != self.api_key:
                raise Problem(401, "The API key is missing, wrong or expired")
            response = await answer(request)
        except Problem as problem:
            response = json_answer({"message": problem.message}, problem.status)
        return response if fault is None else await answer_with_fault(request, response, fault)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        raise Problem(404, f"There is no {request.method} {request.path}")
