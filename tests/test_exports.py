"""The clients' methods for space exports, against the sandbox."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient, ExportFormat, SyncCFUserClient
from cf_ai_platform_client.errors import ConflictError, ExportError, NotFoundError
from cf_ai_platform_client.events import Event, ExportBytes, ExportStatusChanged, ExportStored, Progress
from cf_ai_platform_client.sandbox import Sandbox

from .conftest import Clock, files_below


@pytest.fixture
def client(cf_sandbox: Sandbox) -> Any:
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        yield client


def ways(sandbox: Sandbox, clock: Clock) -> CFUserClient:
    return CFUserClient(sandbox.api_key, sandbox.base_url, runtime=clock.runtime)


def test_an_export_from_creation_to_deletion(client: SyncCFUserClient, cf_sandbox: Sandbox, tmp_path: Path) -> None:
    export = client.create_export("sample-space", "nightly", format="CSV", batch_ids=[101])
    assert (export.name, export.status.value, export.format) == ("nightly", "PENDING", ExportFormat.CSV)
    events: list[Event] = []
    path = client.download_export_file(
        "sample-space", export.export_id, tmp_path, poll_interval=0, progress=False, on_event=events.append
    )
    assert path == str(tmp_path / f"{export.export_id}.zip")
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["annotations.csv"]
    kinds = [type(event) for event in events]
    assert kinds == [ExportStatusChanged, ExportStatusChanged, ExportBytes, ExportStored]
    before = len(cf_sandbox.requests)
    assert client.download_export_file("sample-space", str(export.export_id).upper(), tmp_path) == path
    assert len(cf_sandbox.requests) == before
    assert client.list_exports("sample-space", ExportFormat.CSV, 5).items[0].name == "nightly"
    assert client.list_exports("sample-space", format="JSON").items == []
    assert [found.export_id for found in client.iter_exports("sample-space")] == [export.export_id]
    client.delete_export("sample-space", export.export_id)
    for gone in (client.get_export, client.delete_export, client.wait_for_export):
        with pytest.raises(NotFoundError):
            gone("sample-space", export.export_id)


def test_all_in_one(cf_sandbox: Sandbox, tmp_path: Path, clock: Clock) -> None:
    seen: list[Progress] = []
    path = asyncio.run(ways(cf_sandbox, clock).export("sample-space", "all", tmp_path, progress=seen.append))
    assert files_below(tmp_path).keys() == {Path(path).name}
    with zipfile.ZipFile(path) as file:
        assert len(file.namelist()) == 36
    assert seen[0] == Progress(0, 0, 1, 0)
    assert seen[-1] == Progress(1, 0, 1, Path(path).stat().st_size)


def test_a_failed_export_is_an_error_with_the_reason(cf_sandbox: Sandbox, tmp_path: Path, clock: Clock) -> None:
    cf_sandbox.fail_next_export("out of space")
    with pytest.raises(ExportError, match="failed: out of space"):
        asyncio.run(ways(cf_sandbox, clock).export("sample-space", "all", tmp_path / "out"))
    assert files_below(tmp_path) == {}


def test_another_client_is_told_whose_export_is_in_the_way(
    client: SyncCFUserClient, cf_sandbox: Sandbox, tmp_path: Path, clock: Clock
) -> None:
    export = client.create_export("sample-space", "nightly")
    with pytest.raises(ConflictError, match=f"nightly .{export.export_id}, created by sandbox@example.com, PENDING"):
        asyncio.run(ways(cf_sandbox, clock).export("sample-space", "nightly", tmp_path))
    own = client.export("sample-space", "nightly", tmp_path, poll_interval=0)
    assert own == str(tmp_path / f"{export.export_id}.zip")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("create_export", {"name": ""}),
        ("create_export", {"name": "n", "export_format": ""}),
        ("create_export", {"name": "n", "format": " "}),
        ("create_export", {"name": "n", "content": "INFERENCE"}),
        ("create_export", {"name": "n", "project_ids": ["p"] * 51}),
        ("create_export", {"name": "n", "space_id": ""}),
        ("get_export", {"export_id": ""}),
        ("delete_export", {"export_id": ".."}),
        ("list_exports", {"limit": 101}),
        ("list_exports", {"format": 7}),
        ("wait_for_export", {"export_id": "e", "poll_interval": -1}),
        ("wait_for_export", {"export_id": "e", "timeout": float("nan")}),
        ("wait_for_export", {"export_id": "e", "progress": 7}),
        ("wait_for_export", {"export_id": "e", "on_event": 7}),
        ("download_export_file", {"export_id": "e", "destination": ""}),
        ("export", {"name": "n", "destination": " "}),
        ("export", {"name": "", "destination": "out"}),
    ],
)
def test_bad_arguments_are_value_errors_before_any_request(
    method: str, arguments: dict[str, Any], client: SyncCFUserClient, cf_sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=" is | holds "):
        getattr(client, method)(**{"space_id": "sample-space", **arguments})
    for bad in ({"export_format": 7}, {"space_id": ""}):
        with pytest.raises(ValueError, match=" is "):
            list(client.iter_exports(**{"space_id": "sample-space", **bad}))
    assert cf_sandbox.requests == []
