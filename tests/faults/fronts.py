"""A server in front of a sandbox, in a thread of its own, which answers some requests otherwise."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cf_ai_platform_client import CFUserClient, DownloadSummary, RetryPolicy
from cf_ai_platform_client.sandbox import Sandbox

from ..adapters.wire import Answer, RawServer, raw_server
from ..conftest import Clock


@dataclass(frozen=True)
class Edited:
    """The sandbox's answer with its JSON changed."""

    edit: Callable[[Any], Any]


Choice = Callable[[str], "bytes | Answer | Edited | None"]
"""From the head of a request to what answers it; None for the sandbox's own answer."""


def head_of(length: int | None = None, **headers: str) -> bytes:
    """Make the head of a 200, after which the connection is closed."""
    known = {"Content-Length": str(length)} if length is not None else {}
    every = {**known, **headers, "Connection": "close"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in every.items()]
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode("latin-1")


def whole(body: bytes, **headers: str) -> bytes:
    """Make a 200 with this body."""
    return head_of(len(body), **headers) + body


@contextmanager
def in_front_of(sandbox: Sandbox, choose: Choice) -> Iterator[RawServer]:
    """Serve until the block ends."""
    ready, found = threading.Event(), list[tuple[RawServer, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        end = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = server.heads[-1]
            body = await reader.readexactly(int(server.header("content-length") or 0))
            chosen = choose(head)
            if isinstance(chosen, bytes):
                writer.write(chosen)
            elif chosen is None or isinstance(chosen, Edited):
                writer.write(await _asked(sandbox.port, head, body, chosen))
            else:
                await chosen(reader, writer)
            await writer.drain()

        async with raw_server(answer) as server:
            found.append((server, asyncio.get_running_loop(), end))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    server, loop, end = found[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


async def _asked(port: int, head: str, body: bytes, edited: Edited | None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1") + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    if edited is None:
        return answer
    return whole(json.dumps(edited.edit(json.loads(answer.partition(b"\r\n\r\n")[2]))).encode())


def through(server: RawServer, clock: Clock | None = None, limits: Any = None, **policy: Any) -> Callable[..., Any]:
    """Return the `call` of `promise.run` that goes to such a server; `policy` are fields of RetryPolicy."""

    async def call(client: CFUserClient, folder: Any, **more: Any) -> DownloadSummary:
        runtime = (clock or Clock()).runtime
        there = CFUserClient(
            client.api_key, server.url("/api/v1"), retry=RetryPolicy(**policy), limits=limits, runtime=runtime
        )
        return await there.download_project("sample-project", "sample-space", folder, **{"results": "all", **more})

    return call


ENDPOINTS: Mapping[str, str] = {
    "work_items": "/workItems?",
    "batches": "/batches?",
    "annotations": "/annotations?",
    "signed_urls": "/signedurls ",
    "storage": " /storage/",
}


def only(endpoint: str, answer: bytes | Answer | Edited, *, times: int = 10**9, match: str = "") -> Choice:
    """Answer the requests to one endpoint so, the first ones only."""
    seen = 0

    def choose(head: str) -> bytes | Answer | Edited | None:
        nonlocal seen
        first = head.partition("\r\n")[0]
        if ENDPOINTS[endpoint] not in first or match not in first:
            return None
        seen += 1
        return answer if seen <= times else None

    return choose
