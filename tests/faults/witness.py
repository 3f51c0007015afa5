"""What the fault tests stage beside a sandbox's faults: a clock that waits for the network, a project that notes when
it is asked, pages made by hand, and the command line."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.cli.exits import run_reporting
from cf_ai_platform_client.cli.main import cli
from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.faults import Endpoint
from cf_ai_platform_client.sandbox.project import Document, JSONObject, Listing, Selection, ServedProject

from ..conftest import Clock

ENDPOINTS: tuple[Endpoint, ...] = ("work_items", "batches", "annotations", "signed_urls", "storage")
API: tuple[Endpoint, ...] = ENDPOINTS[:-1]

_ROUNDS = 3
_A_MOMENT = 0.001


class Timeline(Clock):
    """A clock for runs against the sandbox at `port`: it moves on when everybody sleeps and nothing is on the wire.

    Each sleep lets a moment pass once what was sent before it has arrived: what is sent later is seen to be later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self._due: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        due = self.now + seconds
        self._due.append(due)
        try:
            await self._let_arrive()
            self.now += _A_MOMENT
            while self.now < due:
                await self._let_arrive()
                if min(self._due) == due:
                    self.now = max(self.now, due)
        finally:
            self._due.remove(due)

    async def _let_arrive(self) -> None:
        """Wait for some answers of the server, which has then read all that was sent before."""
        for _ in range(_ROUNDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(b"GET /nothing HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n")
                await reader.read()
            finally:
                writer.transport.abort()


def standing_still(woken: asyncio.Event | None = None, policy_total: float = 1e6) -> Runtime:
    """Return a runtime in which no sleep ends before the event, nor ever without one."""

    async def sleep(_: float) -> None:
        await (woken or asyncio.Event()).wait()

    def now() -> float:
        return policy_total if woken is not None and woken.is_set() else 0.0

    return Runtime(monotonic=now, sleep=sleep, jitter=lambda: 0.5)


@dataclass
class Witness:
    """A project that notes what it is asked for, and when: `seen` holds (endpoint, id or path, time).

    The signing calls are those noted as `space` before anything of the storage.
    """

    project: ServedProject
    clock: Clock
    seen: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])

    def times(self, endpoint: str, of: str = "") -> list[float]:
        """Return the distinct times at which it was asked."""
        return sorted({time for name, what, time in self.seen if name == endpoint and of in what})

    def between(self, start: float, end: float) -> list[tuple[str, str, float]]:
        """Return what it was asked for after `start` and before `end`."""
        return [entry for entry in self.seen if start < entry[2] < end]

    @property
    def project_id(self) -> str:
        self._note("project", "")
        return self.project.project_id

    @property
    def space_id(self) -> str:
        self._note("space", "")
        return self.project.space_id

    def batches(self) -> Sequence[JSONObject]:
        self._note("batches", "")
        return self.project.batches()

    def select(self, selection: Selection) -> Listing:
        self._note("work_items", "")
        return self.project.select(selection)

    def annotation(self, item_id: str) -> JSONObject | None:
        self._note("annotations", item_id)
        return self.project.annotation(item_id)

    def document(self, path: str) -> Document | None:
        self._note("storage", path)
        return self.project.document(path)

    def _note(self, endpoint: str, what: str) -> None:
        self.seen.append((endpoint, what, self.clock.now))


def project_of(*ids: Any, items: Iterable[JSONObject] = (), batches: Iterable[JSONObject] = (), **more: Any) -> Project:
    """Make a project of items with these ids, then of `items`, whose documents each hold their id."""
    every = [*({"id": item_id, "batchId": None} for item_id in ids), *items]
    documents = {f"coco_output/{item.get('id')}.json": document_of(item.get("id")) for item in every}
    return Project(items=every, batch_objects=list(batches), documents=documents, **more)


def document_of(item_id: Any) -> bytes:
    """Return the document of an item of `project_of`."""
    return json.dumps({"images": [{"file_name": f"of {item_id}"}], "annotations": []}).encode()


def page(nth: int, items: Iterable[Any], cursor: Any = None, *, spelled: str = "cursorNext", **more: Any) -> Fault:
    """Let the nth page of the work items hold this."""
    body = {"items": list(items), "meta": {"object": "work_item", "limit": 100, spelled: cursor}, **more}
    return refused("work_items", 200, nth=nth, body=json.dumps(body))  # whatever cursor was asked for


def refused(endpoint: Endpoint, status: int, **more: Any) -> Fault:
    """Answer with a status."""
    return Fault(endpoint, action="status", status=status, **more)


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


def command_line(capfd: pytest.CaptureFixture[str], sandbox: Sandbox, *arguments: object) -> Said:
    """Run `cf-ai` as `main` does, in this process, with the key in the environment."""
    texts = [str(argument) for argument in arguments]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CF_API_KEY", sandbox.api_key)
        patch.setenv("CF_PLATFORM_BASE_URL", sandbox.base_url)
        code = run_reporting(lambda: cli.main(texts, prog_name="cf-ai", standalone_mode=False))
    for name in ("cf_ai_platform_client", "cf_ai_platform_client.transfer", "asyncio"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).filters.clear()
        logging.getLogger(name).setLevel(logging.NOTSET)
    return Said(code, *capfd.readouterr())


def download_command(capfd: pytest.CaptureFixture[str], sandbox: Sandbox, destination: Path, *options: object) -> Said:
    """Run `cf-ai download` of the sandbox's project."""
    return command_line(capfd, sandbox, "download", "sample-project", "sample-space", destination, *options)
