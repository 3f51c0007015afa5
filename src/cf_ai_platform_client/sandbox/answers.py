"""Answers as JSON, XML and files: what the routes have in common."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .project import Document

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_MODIFIED = email.utils.formatdate(1767225600, usegmt=True)  # 2026-01-01, so that answers are the same every time

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """What answers at a path, and the name that faults and counts know it by."""

    method: str
    path: str
    endpoint: str
    answer: Handler


def json_answer(body: Any, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


def storage_error(status: int, code: str, message: str) -> web.Response:
    """Answer with an error in the manner of S3."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(text=text, status=status, content_type="application/xml")


def file_answer(document: Document, asked: Mapping[str, str]) -> web.Response:
    """Answer with a file, or the part of it that the request's headers ask for."""
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
