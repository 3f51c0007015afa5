"""The sandbox: the platform in a thread of this process, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType

from aiohttp import web
from typing_extensions import Self

from .app import Service
from .faults import Fault, Script
from .project import ServedProject, read_sample
from .record import Recorder, SeenRequest

HOST = "127.0.0.1"
API_KEY = "sandbox-key"

_ROUNDS_TO_GET_IN = 5
"""Of the event loop: from accepting a connection until the server knows of it it takes three."""


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
    ) -> None:
        if items is not None and items < 0:
            raise ValueError(f"items is {items!r}: it must not be negative.")
        if items is not None and project is not None:
            raise ValueError(f"items is {items!r}: it must be left out where a project is given.")
        if not 0 <= port <= 65535:
            raise ValueError(f"port is {port!r}: it must be between 0 and 65535, 0 for a free one.")
        if latency < 0:
            raise ValueError(f"latency is {latency!r}: it must not be negative.")
        self.project: ServedProject = project if project is not None else read_sample(read_data, items)
        self.api_key = api_key
        self._wanted_port = port
        self._recorder = Recorder(keep=record)
        self._service = Service(
            project=self.project,
            api_key=api_key,
            secret=secrets.token_bytes(32),
            url_lifetime=url_lifetime,
            latency=latency,
            clock=clock,
            script=Script(faults, seed),
            recorder=self._recorder,
        )
        self._running: _Running | None = None

    @property
    def base_url(self) -> str:
        """What to give a client as `base_url`."""
        return f"http://{HOST}:{self.port}/api/v1"

    @property
    def port(self) -> int:
        """Where it listens. Raises RuntimeError before it does."""
        if self._running is None:
            raise RuntimeError("The sandbox is not running: use it as a context manager, or call start().")
        return self._running.port

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

    def start(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        if self._running is None:
            self._running = _Running(self._service, self._wanted_port)
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


class _Running:
    """A server in a thread with an event loop of its own, so that a caller who blocks does not starve it."""

    def __init__(self, service: Service, port: int) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self._service = service
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="cf-ai-sandbox", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        if self._loop is not None and self._end is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def wait(self) -> None:
        while self._thread.is_alive():
            self._thread.join(0.5)  # in steps, so that Windows sees an interrupt

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._service.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._started.set()
        await self._end.wait()
        await self._let_nobody_in(self._loop)
        transports = [connection.transport for connection in runner.server.connections] if runner.server else []
        await runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()  # close() waits for those who do not read

    async def _let_nobody_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept no more, and wait for the last ones: closing the server loses them, with their sockets open."""
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.remove_reader(self._socket)
        for _ in range(_ROUNDS_TO_GET_IN):
            await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        message = f"The sandbox cannot listen on port {port} of {HOST}: choose another port, or 0 for a free one."
        raise OSError(error.errno, message) from error
