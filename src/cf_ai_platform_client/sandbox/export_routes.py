"""The calls of a space's exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from . import exports, queries
from .answers import Route, json_answer
from .project_routes import read_body
from .state import State


@dataclass(frozen=True)
class ExportRoutes:
    """Create, get, list and delete exports; their zips are in the storage."""

    state: State

    def routes(self) -> Sequence[Route]:
        """Return what answers where."""
        api = "/api/v1/spaces/{space}/exports"
        return [
            Route("POST", api, "exports", self._create),
            Route("GET", api, "exports", self._list),
            Route("GET", f"{api}/{{export}}", "exports", self._get),
            Route("DELETE", f"{api}/{{export}}", "exports", self._delete),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        self.state.check_space(request.match_info["space"])
        order = exports.read_order(await read_body(request))
        for project_id in order.project_ids:
            self.state.check_project(project_id)
        return json_answer(self.state.served_export(self.state.exports.create(order), _origin(request)))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.state.check_space(request.match_info["space"])
        page = queries.read_page(request.query)
        listing = self.state.exports.listing(request.query.get("format"))
        served = [self.state.served_export(export, _origin(request)) for export in listing]
        return json_answer(queries.cut_page(served, page, "export"))

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.state.check_space(request.match_info["space"])
        export = self.state.exports.poll(request.match_info["export"])
        return json_answer(self.state.served_export(export, _origin(request)))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        self.state.check_space(request.match_info["space"])
        export_id = request.match_info["export"]
        self.state.exports.delete(export_id)
        self.state.export_files.forget(export_id)
        return web.Response(status=204)


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
