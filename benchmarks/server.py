"""The platform's wire contract from memory, as fast as Python can: the clients are measured, not the server.

    python benchmarks/server.py ITEMS BODY_BYTES API_MS STORAGE_MS [MOST_AT_ONCE]

Prints its port. With MOST_AT_ONCE it answers 429 while so many requests are open. `GET /stats` answers with the number
of requests by kind since the last time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs

BATCHES = 4
_SIGNATURE = "X-Amz-Expires=3600&X-Amz-Signature=0123456789abcdef0123456789abcdef"


@dataclass
class Platform:
    """One project of `items` work items, whose documents are all the same `body`."""

    items: int
    body: bytes
    api_seconds: float
    storage_seconds: float
    most_at_once: int = 0
    port: int = 0
    open: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])

    def answer(self, method: str, target: str, body: bytes) -> tuple[float, bytes]:
        """Return how long an answer takes, and its bytes."""
        path, _, query = target.partition("?")
        if path == "/stats":
            counts, self.counts = dict(self.counts), Counter()
            return 0.0, _response(json.dumps(counts).encode())
        if path.startswith("/storage/"):
            self.counts["storage"] += 1
            return self.storage_seconds, _response(self.body)
        kind = path.rsplit("/", 1)[-1]
        self.counts[kind] += 1
        answers = {
            "workItems": lambda: self._manifest(query),
            "batches": self._batches,
            "annotations": lambda: _annotation(path.split("/")[-2]),
            "signedurls": lambda: self._signed(json.loads(body)["paths"]),
        }
        return self.api_seconds, _response(json.dumps(answers[kind]()).encode())

    def _manifest(self, query: str) -> object:
        asked = parse_qs(query)
        start, limit = int(asked.get("cursor", ["0"])[0]), int(asked.get("limit", ["20"])[0])
        end = min(start + limit, self.items)
        listed = [_item(number) for number in range(start, end)]
        return {"items": listed, "total": self.items, "meta": _meta(limit, str(end) if end < self.items else None)}

    def _batches(self) -> object:
        created = "2026-01-01T00:00:00Z"
        listed = [
            {"id": number, "projectId": "project", "name": f"Batch {number}", "createdAt": created}
            for number in range(BATCHES)
        ]
        return {"items": listed, "meta": _meta(100, None)}

    def _signed(self, paths: list[str]) -> object:
        base = f"http://127.0.0.1:{self.port}/storage"
        return {"items": [{"path": path, "signedUrl": f"{base}/{path}?{_SIGNATURE}"} for path in paths]}


class Connection(asyncio.Protocol):
    """Reads requests one after another and answers each in its time."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = _content_length(head) if found else 0
        if not found or len(rest) < length:
            return
        self._received = rest[length:]
        method, target, _ = head[: head.index(b"\r\n")].decode("ascii").split(" ")
        if 0 < self._platform.most_at_once <= self._platform.open and target != "/stats":
            self._platform.counts["refused"] += 1
            self._write(_response(b"{}", "429 Too Many Requests"))
            return
        wait, answer = self._platform.answer(method, target, rest[:length])
        self._platform.open += 1
        if wait:
            asyncio.get_running_loop().call_later(wait, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        self._platform.open -= 1
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)


def coco_document(size: int) -> bytes:
    """Make a COCO document of about `size` bytes."""
    annotations: list[dict[str, object]] = []
    document = {
        "info": {"description": "benchmark", "version": "1.0"},
        "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": annotations,
    }
    one = 150  # bytes that an annotation takes, about
    for number in range(1, max(1, size // one) + 1):
        x, y = number * 37 % 600 + 0.25, number * 53 % 440 + 0.5
        box = {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 861.21875}
        annotations.append({**box, "bbox": [x, y, 31.75, 27.125], "segmentation": [[x, y, x + 32, y, x, y + 27]]})
    return json.dumps(document).encode()


def _meta(limit: int, following: str | None) -> object:
    return {"object": "page", "limit": limit, "page": None, "cursorNext": following, "cursorPrev": None}


def _item(number: int) -> object:
    return {
        "id": f"{number:08x}-0000-4000-8000-{number:012x}",
        "batchId": number % BATCHES,
        "resultUrl": None,
        "assetUrl": f"assets/{number}.jpg",
        "updatedAt": "2026-01-02T00:00:00Z",
    }


def _annotation(item_id: str) -> object:
    url = f"s3://bucket/spaces/space/coco_output/{item_id}.json"
    return {"id": "a", "projectID": "project", "workItemID": item_id, "metadata": {"coco_results_url": url}}


def _response(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _content_length(head: bytes) -> int:
    lower = head.lower()
    place = lower.find(b"\r\ncontent-length:")
    return int(lower[place + 17 :].partition(b"\r\n")[0]) if place >= 0 else 0


async def serve(platform: Platform) -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(platform), "127.0.0.1", 0)
    platform.port = server.sockets[0].getsockname()[1]
    print(platform.port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    items, size, api_ms, storage_ms, *most = map(int, sys.argv[1:6])
    served = Platform(items, coco_document(size), api_ms / 1000, storage_ms / 1000, *most)
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    run(serve(served))
