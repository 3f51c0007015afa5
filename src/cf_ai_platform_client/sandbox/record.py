"""What the sandbox saw: counts always, single requests where they are wanted; no secrets."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from .faults import Fault

_KEPT_HEADERS = ("User-Agent", "Range", "If-None-Match", "If-Range", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True)
class SeenRequest:
    """One request and how it was answered.

    `status` is 0 where no answer left; `query` is cut for the storage, whose queries are signatures; `key` tells of
    the API key only whether it was there.
    """

    number: int
    endpoint: str
    method: str
    path: str
    query: str
    status: int
    key: Literal["present", "absent"]
    headers: dict[str, str]
    fault: str | None


class Recorder:
    """Counts requests, and keeps them unless told not to."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._numbers = 0
        self._open: Counter[str] = Counter()
        self.requests: list[SeenRequest] = []
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()

    def arrived(self, endpoint: str, fault: Fault | None = None) -> int:
        """Count a request that came in, and the fault that strikes it; return its number."""
        with self._lock:
            self._numbers += 1
            self.counts[endpoint] += 1
            self._open[endpoint] += 1
            if fault is not None:
                self.faults[fault.action] += 1
            self.most_at_once[endpoint] = max(self.most_at_once[endpoint], self._open[endpoint])
            return self._numbers

    def left(self, number: int, endpoint: str, request: web.Request, status: int, fault: Fault | None) -> None:
        """Note how it was answered."""
        with self._lock:
            self._open[endpoint] -= 1
            if self._keep:
                self.requests.append(_seen(number, endpoint, request, status, fault))


def _seen(number: int, endpoint: str, request: web.Request, status: int, fault: Fault | None) -> SeenRequest:
    return SeenRequest(
        number=number,
        endpoint=endpoint,
        method=request.method,
        path=request.rel_url.raw_path,
        query="" if endpoint == "storage" else request.rel_url.raw_query_string,
        status=status,
        key="present" if "X-API-Key" in request.headers else "absent",
        headers={name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers},
        fault=fault.action if fault else None,
    )
