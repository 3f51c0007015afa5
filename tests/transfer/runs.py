"""Transfers against a sandbox, ended after ten seconds if they hang, and what every one of them must keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.core.retry import RetryPolicy
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import EventHandler
from cf_ai_platform_client.models import AnnotatedItem, DownloadSummary
from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.transfer.calls import Calls

from ..adapters.wire import make_http
from ..conftest import Clock, files_below

T = TypeVar("T")

NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"


def bounded(run: Coroutine[Any, Any, T]) -> T:
    """Run it; afterwards no task may be left."""

    async def whole() -> T:
        try:
            return await asyncio.wait_for(run, 10)
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(whole())


def make_calls(base_url: str, clock: Clock, on_event: EventHandler | None = None, **policy: Any) -> Calls:
    return Calls(make_http(base_url), RetryPolicy(**policy), clock.runtime, base_url, on_event)


def client_of(sandbox: Sandbox, clock: Clock | None = None, **policy: Any) -> CFUserClient:
    runtime = clock.runtime if clock else None
    return CFUserClient(sandbox.api_key, sandbox.base_url, retry=RetryPolicy(**policy), runtime=runtime)


def download(client: CFUserClient, destination: Path, **more: Any) -> DownloadSummary:
    """Download all; the numbers add up and the files are those that are counted."""
    return checked(bounded(client.download_project("sample-project", "sample-space", destination, **more)), destination)


def failed_download(client: CFUserClient, destination: Path, **more: Any) -> tuple[CFError, DownloadSummary]:
    """Return what ends a download and the summary of what was done before."""
    with pytest.raises(CFError) as caught:
        bounded(client.download_project("sample-project", "sample-space", destination, **more))
    assert caught.value.summary is not None
    return caught.value, checked(caught.value.summary, destination)


def checked(summary: DownloadSummary, destination: Path) -> DownloadSummary:
    assert summary.total_items == summary.successful + summary.failed + summary.not_attempted
    files = files_below(destination) if destination.is_dir() else {}
    assert len(files) == summary.successful
    assert sum(map(len, files.values())) == summary.bytes
    assert all(name.endswith(".json") and isinstance(json.loads(content), dict) for name, content in files.items())
    return summary


async def read_all(client: CFUserClient, **more: Any) -> list[AnnotatedItem]:
    return [result async for result in client.iter_annotations("sample-project", "sample-space", **more)]
