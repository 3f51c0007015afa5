"""The platform's API and its storage as an aiohttp application."""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from . import queries, signatures
from .faults import Fault, Script
from .project import Document, ServedProject
from .queries import Problem
from .record import Recorder
from .sabotage import answer_with_fault

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_MODIFIED = email.utils.formatdate(1767225600, usegmt=True)  # 2026-01-01, so that answers are the same every time

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Service:
    """What the handlers share."""

    project: ServedProject
    api_key: str
    secret: bytes
    url_lifetime: float
    latency: float
    clock: Callable[[], float]
    script: Script
    recorder: Recorder

    def application(self) -> web.Application:
        """Make the application, with `/api/v1` and `/storage`."""
        app = web.Application(client_max_size=16 << 20)
        api = "/api/v1/projects/{project}"
        app.add_routes(
            [
                web.get(f"{api}/workItems", self._handler("work_items", self._work_items)),
                web.get(f"{api}/batches", self._handler("batches", self._batches)),
                web.get(f"{api}/workItems/{{item}}/annotations", self._handler("annotations", self._annotation)),
                web.post("/api/v1/spaces/{space}/signedurls", self._handler("signed_urls", self._signed_urls)),
                web.get("/storage/{path:.*}", self._handler("storage", self._storage)),
                web.route("*", "/{path:.*}", self._handler("unknown", self._unknown)),
            ]
        )
        return app

    def _handler(self, endpoint: str, answer: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self.script.strike(endpoint, request.path)
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
            if endpoint != "storage" and request.headers.get("X-API-Key") != self.api_key:
                raise Problem(401, "The API key is missing, wrong or expired")
            response = await answer(request)
        except Problem as problem:
            response = _json({"message": problem.message}, problem.status)
        return response if fault is None else await answer_with_fault(request, response, fault)

    async def _work_items(self, request: web.Request) -> web.StreamResponse:
        self._check_project(request)
        selection, page = queries.read_selection(request.query), queries.read_page(request.query)
        listing = self.project.select(selection)
        body = queries.cut_page(listing, page, "work_item")
        return _json({"items": body["items"], "total": len(listing), "meta": body["meta"]})

    async def _batches(self, request: web.Request) -> web.StreamResponse:
        self._check_project(request)
        return _json(queries.cut_page(self.project.batches(), queries.read_page(request.query), "batch"))

    async def _annotation(self, request: web.Request) -> web.StreamResponse:
        self._check_project(request)
        if request.query.get("format") != "coco":
            raise Problem(422, "format must be coco")
        item_id = request.match_info["item"]
        annotation = self.project.annotation(item_id)
        if annotation is None:
            raise Problem(404, f"Work item {item_id} was not found")
        return _json(annotation)

    async def _signed_urls(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["space"] != self.project.space_id:
            raise Problem(404, f"Space {request.match_info['space']} was not found")
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise Problem(422, "The body is not JSON") from None
        base = f"{request.scheme}://{request.host}/storage/"
        return _json({"items": [self._signed(base, path) for path in queries.read_paths(body)]})

    def _signed(self, base: str, path: str) -> dict[str, str]:
        full = f"spaces/{self.project.space_id}/{path}"
        query = signatures.sign(self.secret, full, self.clock(), self.url_lifetime)
        return {"path": path, "signedUrl": f"{base}{signatures.quoted(full)}?{query}"}

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        if "X-API-Key" in request.headers:
            return _xml(400, "InvalidRequest", "The storage must not be shown the API key")
        path = unquote(request.rel_url.raw_path.removeprefix("/storage/"))
        refusal = signatures.refusal(self.secret, path, request.query, self.clock())
        if refusal:
            return _xml(403, *refusal)
        document = self.project.document(path.removeprefix(f"spaces/{self.project.space_id}/"))
        if document is None:
            return _xml(404, "NoSuchKey", "The specified key does not exist.")
        return _file(document, request.headers)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        raise Problem(404, f"There is no {request.method} {request.path}")

    def _check_project(self, request: web.Request) -> None:
        project_id = request.match_info["project"]
        if project_id != self.project.project_id:
            raise Problem(404, f"Project {project_id} was not found")


def _file(document: Document, asked: Mapping[str, str]) -> web.Response:
    headers = {"ETag": document.etag, "Accept-Ranges": "bytes", "Last-Modified": _MODIFIED}
    known = [tag.strip().removeprefix("W/") for tag in asked.get("If-None-Match", "").split(",")]
    if document.etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    size = len(document.content)
    wanted = asked.get("Range", "") if asked.get("If-Range", document.etag) == document.etag else ""
    part = _part(wanted, size)
    if part is None:
        return web.Response(body=document.content, headers={**headers, "Content-Type": document.content_type})
    if part.start >= size:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers |= {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}", "Content-Type": document.content_type}
    return web.Response(status=206, body=document.content[part.start : part.stop], headers=headers)


def _part(wanted: str, size: int) -> range | None:
    """Return the bytes that a Range asks for, None where it is none, several, or no right one: it is then ignored."""
    match = _RANGE.fullmatch(wanted)
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


def _xml(status: int, code: str, message: str) -> web.Response:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(text=text, status=status, content_type="application/xml")
