"""A platform with one export, and the storage that has its zip: each request takes the next of its answers."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cf_ai_platform_client import CFUserClient, RetryPolicy
from cf_ai_platform_client.settings import Limits

from ..adapters.wire import RawServer, ok, raw_server, reset
from ..conftest import Clock
from .promise import KEY, OWN, Kept, check_secrets, watched

EXPORT = "0520a8e8-6160-5229-842a-5eeff9033a39"
NAME = f"{EXPORT}.zip"
SIGNED = "X-Amz-Signature=canary-signature&X-Amz-Credential=canary-signature"
NOBODY = CFUserClient(KEY, "http://127.0.0.1:1")
PART = f"{OWN}/exports/{EXPORT}.part"

Told = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request by its head."""

Reaction = bytes | Told


def make_zip(size: int = 6 << 20, seed: int = 1) -> bytes:
    """Make a zip of about so many bytes, in stored members."""
    made, chance = io.BytesIO(), random.Random(seed)
    with zipfile.ZipFile(made, "w") as file:
        for number in range(4):
            file.writestr(f"Batch/{number}.json", chance.randbytes(size // 4))
    return made.getvalue()


ZIP, OTHER = make_zip(), make_zip(seed=2)
SHORT = Limits(connect_timeout=0.05, read_timeout=0.05)


def etag_of(content: bytes) -> str:
    """Return the ETag that a storage would send."""
    return f'"{hashlib.md5(content).hexdigest()}"'


def serving(content: bytes, *headers: str, upto: float = 1.0, etag: str | None = None) -> Told:
    """Serve a file as a storage does, Range and If-Range included, and break off after a part of it."""
    tag = etag_of(content) if etag is None else etag

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        wanted = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
        start, status = 0, "200 OK"
        more = [f"ETag: {tag}"] if tag else []
        if "range" in wanted and wanted.get("if-range", tag) == tag:
            start, status = int(wanted["range"].removeprefix("bytes=").rstrip("-")), "206 Partial Content"
            more.append(f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}")
        whole = ok(content[start:], *more, *headers, status=status)
        writer.write(whole[: len(whole) - len(content) + start] + content[start : max(start, int(len(content) * upto))])
        await writer.drain()

    return answer


async def hang(head: str, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    while not writer.is_closing():
        await asyncio.sleep(0.001)


async def break_off(head: str, writer: asyncio.StreamWriter) -> None:
    """Break the connection as a crash does."""
    reset(writer)


@dataclass
class Space:
    """What is answered, and what was asked for; the last answer of a kind is given for ever.

    `polls` are statuses or whole answers to GET, `files` those of the storage, `creates` and `deletes` of the platform.
    """

    files: Sequence[Reaction] = (b"",)
    polls: Sequence[str | Reaction] = ("COMPLETED",)
    creates: Sequence[Reaction] = (b"",)
    deletes: Sequence[Reaction] = (b"",)
    url: str = f"/storage/exports/file.zip?{SIGNED}"
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    heads: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])
    base_url: str = ""

    def asked(self, method: str, path: str = "") -> list[str]:
        """Return the heads of the requests of a kind."""
        return [head for head in self.heads if head.startswith(f"{method} ") and path in head.partition("\r\n")[0]]

    @property
    def fetched(self) -> list[str]:
        """The heads of the requests to the storage."""
        return self.asked("GET", "/storage/")

    def export(self, status: str, **more: Any) -> bytes:
        """Make the platform's answer about the export."""
        url = self.url if "://" in self.url else self.base_url.removesuffix("/api/v1") + self.url
        fields = {"exportId": EXPORT, "name": "nightly", "status": status, "format": "COCO_JSON", **self.more, **more}
        return ok(json.dumps({**({"downloadUrl": url} if status == "COMPLETED" else {}), **fields}).encode())

    @asynccontextmanager
    async def served(self) -> AsyncGenerator[RawServer, None]:
        """Serve until the block ends."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = server.heads[-1]
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(int(server.header("content-length") or 0)))
            reaction = self._reaction(head)
            if isinstance(reaction, str):
                reaction = self.export(reaction)
            if isinstance(reaction, bytes):
                writer.write(reaction)
                await writer.drain()
            else:
                await reaction(head, writer)

        async with raw_server(answer) as server:
            self.base_url = server.url("/api/v1")
            yield server

    def _reaction(self, head: str) -> str | Reaction:
        method = head.partition(" ")[0]
        kinds = {"POST": self.creates, "DELETE": self.deletes}
        if " /storage/" in head:
            return self.files[min(len(self.fetched), len(self.files)) - 1]
        answers: Sequence[str | Reaction] = kinds.get(method, self.polls)
        asked = [found for found in self.asked(method) if " /storage/" not in found]
        return answers[min(len(asked), len(answers)) - 1]


def client_at(space: Space, clock: Clock, limits: Limits | None = None, **policy: Any) -> CFUserClient:
    """Make a client whose key is the canary."""
    return CFUserClient(KEY, space.base_url, retry=RetryPolicy(**policy), limits=limits, runtime=clock.runtime)


def during(
    space: Space,
    destination: Path,
    act: Callable[[CFUserClient, Any], Awaitable[object]],
    clock: Clock | None = None,
    limits: Limits | None = None,
    **policy: Any,
) -> tuple[Kept, Any]:
    """Let a client do something with the space; return what it left behind and what it returned. No secret is seen."""
    results: list[object] = []

    async def call(_: CFUserClient, folder: Path, on_event: Any) -> None:
        async with space.served():
            results.append(await act(client_at(space, clock or Clock(), limits, **policy), on_event))

    kept = watched(NOBODY, destination, call=call)
    check_secrets(kept)
    return kept, results[0] if results else None


def download(
    space: Space, destination: Path, clock: Clock | None = None, limits: Limits | None = None, **more: Any
) -> tuple[Kept, str | None]:
    """Download the export; the final name has the whole zip or is not there. `more` are options and the policy's."""
    options = {name: more.pop(name) for name in ("overwrite", "poll_interval", "timeout") if name in more}

    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.download_export_file("sample-space", EXPORT, destination, on_event=on_event, **options)

    outside = {path for path in destination.parent.rglob("*") if destination not in {path, *path.parents}}
    kept, path = during(space, destination, act, clock, limits, **more)
    assert {found for found in destination.parent.rglob("*") if destination not in {found, *found.parents}} == outside
    assert (path is None) == (kept.error is not None)
    return kept, path
