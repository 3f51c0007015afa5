"""The calls of a project and of its storage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from . import queries, signatures
from .answers import Route, file_answer, json_answer, storage_error
from .project import Document
from .queries import Problem
from .state import State


@dataclass(frozen=True)
class ProjectRoutes:
    """Work items, batches, annotations, signed URLs, and the files at these."""

    state: State

    def routes(self) -> Sequence[Route]:
        """Return what answers where."""
        api = "/api/v1/projects/{project}"
        return [
            Route("GET", f"{api}/workItems", "work_items", self._work_items),
            Route("GET", f"{api}/batches", "batches", self._batches),
            Route("GET", f"{api}/workItems/{{item}}/annotations", "annotations", self._annotation),
            Route("POST", "/api/v1/spaces/{space}/signedurls", "signed_urls", self._signed_urls),
            Route("GET", "/storage/{path:.*}", "storage", self._storage),
        ]

    async def _work_items(self, request: web.Request) -> web.StreamResponse:
        self.state.check_project(request.match_info["project"])
        selection, page = queries.read_selection(request.query), queries.read_page(request.query)
        listing = self.state.project.select(selection)
        body = queries.cut_page(listing, page, "work_item")
        return json_answer({"items": body["items"], "total": len(listing), "meta": body["meta"]})

    async def _batches(self, request: web.Request) -> web.StreamResponse:
        self.state.check_project(request.match_info["project"])
        return json_answer(queries.cut_page(self.state.project.batches(), queries.read_page(request.query), "batch"))

    async def _annotation(self, request: web.Request) -> web.StreamResponse:
        self.state.check_project(request.match_info["project"])
        if request.query.get("format") != "coco":
            raise Problem(422, "format must be coco")
        item_id = request.match_info["item"]
        annotation = self.state.project.annotation(item_id)
        if annotation is None:
            raise Problem(404, f"Work item {item_id} was not found")
        return json_answer(annotation)

    async def _signed_urls(self, request: web.Request) -> web.StreamResponse:
        self.state.check_space(request.match_info["space"])
        origin, space = f"{request.scheme}://{request.host}", f"spaces/{self.state.project.space_id}"
        paths = queries.read_paths(await read_body(request))
        items = [{"path": path, "signedUrl": self.state.signed_url(origin, f"{space}/{path}")} for path in paths]
        return json_answer({"items": items})

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        if "X-API-Key" in request.headers:
            return storage_error(400, "InvalidRequest", "The storage must not be shown the API key")
        path = unquote(request.rel_url.raw_path.removeprefix("/storage/"))
        refusal = signatures.refusal(self.state.secret, path, request.query, self.state.clock())
        if refusal:
            return storage_error(403, *refusal)
        document = await self._document(path)
        if document is None:
            return storage_error(404, "NoSuchKey", "The specified key does not exist.")
        return file_answer(document, request.headers)

    async def _document(self, path: str) -> Document | None:
        space_id = self.state.project.space_id
        exports = f"exports/{space_id}/"
        if path.startswith(exports):
            export_id = path.removeprefix(exports).removesuffix(".zip")
            return await asyncio.to_thread(self.state.export_files.document, export_id)
        return self.state.project.document(path.removeprefix(f"spaces/{space_id}/"))


async def read_body(request: web.Request) -> object:
    """Return a request's body from JSON. Raises Problem."""
    try:
        return json.loads(await request.read())
    except ValueError:
        raise Problem(422, "The body is not JSON") from None
