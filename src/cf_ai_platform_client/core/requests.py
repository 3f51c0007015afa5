"""A call → a request, and a status, headers and bytes → a model or an error. No I/O."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timezone
from typing import Any, Literal
from urllib.parse import quote, urlencode

import httpx
import msgspec

from ..errors import STATUS_ERRORS, CFError, ErrorCode, ItemError, RejectedError, ResponseError, ServerError
from .arguments import Filters
from .redaction import printable, shown_headers, without_query

DEFAULT_PAGE = 100
NOT_MODIFIED = 304

_NOWHERE = "http://localhost/"
_SHOWN_BODY = 1 << 16

Endpoint = Literal["work_items", "batches", "annotations", "signed_urls", "exports", "export", "storage"]

_WHAT: Mapping[Endpoint, str] = {
    "work_items": "the work items",
    "batches": "the batches",
    "annotations": "the annotation",
    "signed_urls": "the signed URLs",
    "exports": "the exports of the space",
    "export": "the export",
    "storage": "the document",
}
_EXPIRED = re.compile(rb"ExpiredToken|Request has expired|AccessDenied.{0,200}expired", re.IGNORECASE | re.DOTALL)
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_XML_MESSAGE = re.compile(r"<(Code|Message)>(.*?)</\1>", re.DOTALL)
_HINTS: Mapping[ErrorCode, str] = {
    "unauthorized": "Check the API key: it may be wrong, expired, or one of another environment.",
    "forbidden": "Ask the project's owner for access with this API key.",
    "not_found": "Check the ids, that the API key belongs to their workspace, and that the base URL ends with /api/v1.",
    "rate_limited": "Wait and run again, with fewer workers.",
    "server_error": "The server failed: run again later.",
}


_REDIRECTS = "Redirects are not followed: check the base URL (https, and /api/v1 at its end)."
_STORAGE_REDIRECTS = "Redirects are not followed: a proxy or a login page in between may be at fault."


class ApiCall(msgspec.Struct, frozen=True, gc=False):
    """One request to the platform: `path` is quoted and relative to the base URL."""

    endpoint: Endpoint
    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    item_id: str | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes something on the platform, so that it must not be made twice unasked."""
        return self.method == "DELETE" or (self.method == "POST" and self.endpoint == "exports")

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(slots=True)
class Reply:
    """One answer, read whole and decompressed; header names are lower case.

    Where `spooled` is a number, so many bytes are in the file that was opened for them, and `body` is empty.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False, default="")
    method: str = "GET"
    spooled: int | None = None


def work_items_call(project_id: str, filters: Filters, cursor: str | None = None) -> ApiCall:
    """Ask for one page of the manifest."""
    query: list[tuple[str, str]] = [("status", filters.status)]
    query += [("batchIds", str(value)) for value in filters.batch_ids]
    query += [("workItemIDs", value) for value in filters.work_item_ids]
    dates = {
        "createdAtFrom": filters.created_at_from,
        "createdAtTo": filters.created_at_to,
        "updatedAtFrom": filters.updated_at_from,
        "updatedAtTo": filters.updated_at_to,
    }
    query += [(name, value) for name, value in dates.items() if value]
    query += page_query(filters.limit or DEFAULT_PAGE, cursor)
    return ApiCall("work_items", "GET", f"/projects/{segment(project_id)}/workItems", encode_query(query))


def batches_call(project_id: str, cursor: str | None = None) -> ApiCall:
    """Ask for one page of a project's batches."""
    query = encode_query(page_query(DEFAULT_PAGE, cursor))
    return ApiCall("batches", "GET", f"/projects/{segment(project_id)}/batches", query)


def annotation_call(project_id: str, item_id: str) -> ApiCall:
    """Ask for the annotation of one work item."""
    path = f"/projects/{segment(project_id)}/workItems/{segment(item_id)}/annotations"
    return ApiCall("annotations", "GET", path, "format=coco", item_id=item_id)


def signed_urls_call(space_id: str, paths: Sequence[str]) -> ApiCall:
    """Ask for the URLs that read some paths of a space."""
    body = json.dumps({"paths": list(paths)}).encode()
    return ApiCall("signed_urls", "POST", f"/spaces/{segment(space_id)}/signedurls", body=body)


def segment(value: str) -> str:
    """Quote a value as one segment of a path; raise ItemError where it cannot be one.

    >>> segment("a/b?c")
    'a%2Fb%3Fc'
    """
    if _PLAIN_SEGMENT.fullmatch(value):
        return value
    if value.strip() in {"", ".", ".."}:
        raise ItemError(f"{value!r} cannot be an id: it is no segment of a path.", code="unsafe_name")
    return quote(value.encode("utf-8", "replace"), safe="")


def json_of(reply: Reply, endpoint: Endpoint) -> Any:
    """Parse the body of an answer; raise ResponseError (`invalid_json`) where it is not JSON."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        lenient = json.dumps(json.loads(reply.body), ensure_ascii=False)
        return json.loads(lenient.encode("utf-8", "replace"))  # models refuse half a surrogate pair
    except (ValueError, RecursionError) as error:
        raise ResponseError(
            f"The platform's answer for {_WHAT[endpoint]} is not JSON: it begins with {_beginning(reply.body)}.",
            code="invalid_json",
            status=reply.status,
            hint="Check the base URL, and that no proxy or login page stands between.",
        ) from error


def error_of(
    reply: Reply, endpoint: Endpoint, *, item_id: str | None = None, now: float = 0.0, what: str | None = None
) -> CFError | None:
    """Return the error that an answer stands for, None for a good one; `now` is the Unix time in seconds.

    A 304 is a good one of the storage, which may have been asked whether something changed. `what` says what was asked
    for, where it is not what the endpoint is for.
    """
    if 200 <= reply.status < 300 or (reply.status == NOT_MODIFIED and endpoint == "storage"):
        return None
    kind, code = STATUS_ERRORS.get(reply.status, (RejectedError, "rejected"))
    if reply.status >= 500:
        kind, code = ServerError, "server_error"
    if endpoint == "storage" and _is_expired(reply):
        code = "expired_url"
    request, response = _shown(reply, endpoint)
    said = _message(reply)
    return kind(
        f"{reply.status} for {what or _what(endpoint, item_id)}" + (f": {said.rstrip('.')}." if said else "."),
        code=code,
        status=reply.status,
        request_id=_request_id(reply.headers),
        item_id=item_id,
        hint=_hint(reply, endpoint, code, alone=what is not None or endpoint in {"exports", "export"}),
        retry_after=retry_after(reply.headers, now),
        request=request,
        response=response,
    )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a Retry-After asks for, in either form; None where there is none to be read.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after.

    >>> retry_after({"retry-after": "2"}, now=0.0)
    2.0
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:12])
    try:
        when = email.utils.parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return max(0.0, when.timestamp() - now)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def page_query(limit: int, cursor: str | None) -> list[tuple[str, str]]:
    """Return what asks for one page of a listing."""
    page = [("limit", str(limit))]
    return [*page, ("cursor", cursor), ("page", "NEXT")] if cursor else page


def encode_query(query: Sequence[tuple[str, str]]) -> str:
    """Write a query as it goes into a URL."""
    return urlencode(query, errors="replace")


def _hint(reply: Reply, endpoint: Endpoint, code: ErrorCode, *, alone: bool) -> str | None:
    """Say what to do about a refusal; `alone` where no workers ask at once."""
    if code == "expired_url":
        return "The signed URL expired; it is signed again."
    if endpoint == "storage" and reply.status in ({401, 403, 404} if alone else {403, 404}):
        return None
    if reply.status == NOT_MODIFIED:
        return "It was not asked whether anything changed: a cache in between may be at fault."
    if 300 <= reply.status < 400:
        return _STORAGE_REDIRECTS if endpoint == "storage" else _REDIRECTS
    return "Wait and run again." if code == "rate_limited" and alone else _HINTS.get(code)


def _what(endpoint: Endpoint, item_id: str | None) -> str:
    name = printable(item_id) if item_id else ""
    return " ".join([_WHAT[endpoint], *([] if not name else [name] if endpoint == "export" else ["of", name])])


def _is_expired(reply: Reply) -> bool:
    return reply.status == 403 or (reply.status == 400 and bool(_EXPIRED.search(reply.body[:4096])))


def _message(reply: Reply) -> str:
    try:
        body: Any = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _xml_message(reply)
    if isinstance(body, dict):
        for name in ("message", "error", "detail", "title"):
            value = body.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(value, str) and value.strip():
                return printable(value)
    return ""


def _xml_message(reply: Reply) -> str:
    found = _XML_MESSAGE.findall(reply.body[:4096].decode("utf-8", "replace"))
    return printable(": ".join(text.strip() for _, text in found))


def _beginning(body: bytes) -> str:
    return repr(printable(body[:60].decode("utf-8", "replace"), 60)) if body.strip() else "nothing"


def _request_id(headers: Mapping[str, str]) -> str | None:
    names = ("x-request-id", "x-amz-request-id", "x-correlation-id")
    return next((printable(headers[name]) for name in names if name in headers), None)


def _shown(reply: Reply, endpoint: Endpoint) -> tuple[httpx.Request, httpx.Response]:
    """Make the request and the response that an error may show: a storage's error page repeats what was signed."""
    try:
        request = httpx.Request(reply.method, without_query(reply.url) or _NOWHERE)
    except (httpx.InvalidURL, ValueError):
        request = httpx.Request(reply.method, _NOWHERE)
    dropped = {"content-length", "content-encoding"}
    headers = {
        name: value.encode("ascii", "backslashreplace").decode()
        for name, value in shown_headers(reply.headers).items()
        if name not in dropped
    }
    content = b"" if endpoint == "storage" else reply.body[:_SHOWN_BODY]
    return request, httpx.Response(reply.status, headers=headers, content=content, request=request)
