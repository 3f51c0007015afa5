from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from cf_ai_platform_client.adapters.runtime import Runtime

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # what the tests start is not measured: it would start slowly
    for size in ("COLUMNS", "LINES"):
        os.environ.pop(size, None)  # a worker has a width of its own, tests expect a pipe's

settings.register_profile("default", deadline=None)
settings.load_profile("default")


@dataclass
class Clock:
    """A clock that moves only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list[float])

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)

    @property
    def runtime(self) -> Runtime:
        return Runtime(monotonic=lambda: self.now, wall=lambda: self.now, sleep=self.sleep, jitter=lambda: 0.5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the keys, proxies and profiles of whoever runs the tests out of them."""
    names = ("CF_API_KEY", "CF_PLATFORM_BASE_URL", "CF_PROFILE", "CF_PROJECT_ID", "CF_SPACE_ID", "CF_DESTINATION")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (*names, "CF_MAX_WORKERS", *proxies, *(proxy.lower() for proxy in proxies)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Take back what commands that ran in this process set up for their log."""
    package = "cf_ai_platform_client"
    loggers = [logging.getLogger(name) for name in (package, f"{package}.transfer", f"{package}.exports", "asyncio")]
    before = [(logger.level, list(logger.handlers), list(logger.filters)) for logger in loggers]
    yield
    for logger, (level, handlers, filters) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:], logger.filters[:] = handlers, filters


def files_below(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative path, the journal aside."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and ".cf-ai" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@cache
def platform_port() -> int:
    """Find a port that is this process's own: none of those that the system gives to connections."""
    for port in range(20_000 + os.getpid() % 8_000, 32_000):
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port
    raise OSError("No port is free.")
