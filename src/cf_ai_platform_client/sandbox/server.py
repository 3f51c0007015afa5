"""The sandbox: the platform in a thread of this process, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import importlib.resources
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from typing_extensions import Self

from .app import Service
from .export_files import ExportFiles
from .exports import Exports
from .faults import Fault, Script
from .project import JSONObject, ServedProject, read_sample
from .queries import Problem
from .record import Recorder, SeenRequest
from .running import HOST, Running
from .state import State
from .statuses import ChangingProject
from .webhook_keys import SigningKeys
from .webhook_routes import JWKS_PATH
from .webhooks import WAITS, Delivery, Webhooks, check_url

API_KEY = "sandbox-key"


def read_data(name: str) -> bytes:
    """Read one of the sample's files by its path below `data`."""
    return importlib.resources.files("cf_ai_platform_client.sandbox").joinpath("data", *name.split("/")).read_bytes()


class Sandbox:
    """The platform's API with a real sample project, for tests and trials: no account, no network.

    A context manager, plain or async; it listens on 127.0.0.1 only, on `port` or a free one.

    Args:
        items: how many work items the project has: the sample's 36, repeated under new ids. None for just these.
        project: another project to serve instead (`cf_ai_platform_client.sandbox.Project`), as it is: without `items`.
        latency: seconds that every answer takes longer.
        faults: what goes wrong, see `Fault` and `faults.load`; chosen with `seed`.
        url_lifetime: seconds after which a signed URL is refused, by `clock` (Unix time).
        record: keep every request in `requests`; `counts` are kept always.
        export_polls: how many GETs of an export there are until it is COMPLETED, IN_PROGRESS from half of them on.
        webhook_url: where a webhook goes when a status is changed, see `set_status`; needs the extra `webhooks`.
        webhook_waits: seconds between the attempts of one delivery.

    >>> with Sandbox(items=100) as sandbox:
    ...     sandbox.project_id, sandbox.space_id, sandbox.api_key
    ('sample-project', 'sample-space', 'sandbox-key')
    """

    def __init__(
        self,
        *,
        items: int | None = None,
        project: ServedProject | None = None,
        port: int = 0,
        latency: float = 0.0,
        faults: Iterable[Fault] = (),
        seed: int = 0,
        api_key: str = API_KEY,
        url_lifetime: float = 3600.0,
        record: bool = True,
        clock: Callable[[], float] = time.time,
        export_polls: int = 2,
        webhook_url: str | None = None,
        webhook_waits: Sequence[float] = WAITS,
    ) -> None:
        if items is not None and items < 0:
            raise ValueError(f"items is {items!r}: it must not be negative.")
        if items is not None and project is not None:
            raise ValueError(f"items is {items!r}: it must be left out where a project is given.")
        if not 0 <= port <= 65535:
            raise ValueError(f"port is {port!r}: it must be between 0 and 65535, 0 for a free one.")
        if latency < 0:
            raise ValueError(f"latency is {latency!r}: it must not be negative.")
        if export_polls < 0:
            raise ValueError(f"export_polls is {export_polls!r}: it must not be negative.")
        served = ChangingProject(project if project is not None else read_sample(read_data, items))
        self.project: ServedProject = served
        self.api_key = api_key
        self._wanted_port = port
        self._recorder = Recorder(keep=record)
        exports = Exports(export_polls, clock)
        self._state = State(
            project=served,
            webhooks=Webhooks(SigningKeys(clock), clock, webhook_waits),
            exports=exports,
            export_files=ExportFiles(served, exports),
            secret=secrets.token_bytes(32),
            url_lifetime=url_lifetime,
            clock=clock,
        )
        self._state.set_webhook_url(webhook_url)
        self._service = Service(self._state, api_key, latency, Script(faults, seed), self._recorder)
        self._last_port = port
        self._running: Running | None = None

    @property
    def base_url(self) -> str:
        """What to give a client as `base_url`."""
        return f"http://{HOST}:{self.port}/api/v1"

    @property
    def port(self) -> int:
        """Where it listens. Raises RuntimeError before it does."""
        return self._started().port

    @property
    def project_id(self) -> str:
        """The only project."""
        return self.project.project_id

    @property
    def space_id(self) -> str:
        """The only space."""
        return self.project.space_id

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests that it has answered, in the order of their answers."""
        return list(self._recorder.requests)

    @property
    def counts(self) -> Counter[str]:
        """How many requests came in, by endpoint."""
        return Counter(self._recorder.counts)

    @property
    def faults_done(self) -> Counter[str]:
        """How many faults struck, by action."""
        return Counter(self._recorder.faults)

    @property
    def most_at_once(self) -> Counter[str]:
        """How many requests were open at once at the most, by endpoint."""
        return Counter(self._recorder.most_at_once)

    @property
    def exports(self) -> list[dict[str, Any]]:
        """The exports of the space, newest first, as they are served; looking at them does not move them on."""
        origin = f"http://{HOST}:{self._last_port}"
        return [self._state.served_export(export, origin) for export in self._state.exports.listing()]

    def fail_next_export(self, reason: str) -> None:
        """Let the next export that is made end FAILED with this reason.

        >>> sandbox = Sandbox()
        >>> sandbox.fail_next_export("out of space")
        """
        self._state.exports.fail_next(reason)

    @property
    def jwks_url(self) -> str:
        """Where the keys that sign webhooks are. Raises RuntimeError before it listens."""
        return f"http://{HOST}:{self.port}{JWKS_PATH}"

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhooks that were sent, or given up, in the order of their ends."""
        return list(self._state.webhooks.deliveries)

    def set_status(self, item_id: str, status: str) -> Delivery | None:
        """Change a work item's status, and deliver a webhook where there is a URL for them; wait for its end.

        Raises ValueError for an unknown item or an empty status. In async code run it in a thread: it blocks.

        >>> with Sandbox(items=3) as sandbox:
        ...     sandbox.set_status("0520a8e8-6160-5229-842a-5eeff9033a39", "CLIENT_REVIEW")
        """
        url = self._state.webhooks.url
        if url is not None:
            self._started()
        item = self._found(lambda: self._state.change_status(item_id, status))
        return None if url is None else self._started().call(self._state.webhooks.deliver(item, url))

    def deliver(self, item_id: str, url: str | None = None) -> Delivery:
        """Deliver a webhook of a work item as it is, to the sandbox's webhook URL or another; wait for its end.

        Raises ValueError for an unknown item or a bad URL, ImportError without the extra `webhooks`.
        """
        there = url or self._state.webhooks.url
        if there is None:
            raise ValueError("There is no webhook URL: give url, or Sandbox(webhook_url=...).")
        item = self._found(lambda: self._state.item(item_id))
        return self._started().call(self._state.webhooks.deliver(item, check_url(there)))

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers with which these bytes are a delivery. Raises ImportError without the extra `webhooks`."""
        return self._state.webhooks.keys.sign(body)

    def rotate_keys(self) -> str:
        """Sign with a new key from now on and return its id; the JWKS keeps the one before beside it."""
        return self._state.webhooks.keys.rotate()

    def start(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        if self._running is None:
            self._running = Running(self._service, self._wanted_port)
            self._last_port = self._running.port
        return self

    def stop(self) -> None:
        """Stop listening and end the thread; open connections are cut."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def wait(self) -> None:
        """Wait until another thread stops it, or an interrupt."""
        if self._running is not None:
            self._running.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _started(self) -> Running:
        if self._running is None:
            raise RuntimeError("The sandbox is not running: use it as a context manager, or call start().")
        return self._running

    def _found(self, find: Callable[[], JSONObject]) -> JSONObject:
        try:
            return find()
        except Problem as problem:
            raise ValueError(f"{problem.message}.") from None
