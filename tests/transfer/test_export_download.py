from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.core.export_orders import ExportOrder
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.errors import CFError, ExportError
from cf_ai_platform_client.events import Event, ExportBytes, ExportStored
from cf_ai_platform_client.sandbox import Fault, Sandbox
from cf_ai_platform_client.transfer.export_download import download_export, existing_export
from cf_ai_platform_client.transfer.exporting import create_export, get_export

from ..conftest import Clock, files_below
from .runs import bounded, make_calls

NAME = SafeName("e.zip")


def downloaded(clock: Clock, folder: Path, *faults: Fault, polls: int = 0, **sandbox: Any) -> tuple[Any, list[Event]]:
    events: list[Event] = []
    with Sandbox(api_key="canary-key", export_polls=polls, faults=list(faults), **sandbox) as running:

        async def run() -> Any:
            calls = make_calls(running.base_url, clock, events.append)
            made = await create_export(calls, "sample-space", ExportOrder("n"))
            export = await get_export(calls, "sample-space", str(made.export_id))
            try:
                return await download_export(calls, "sample-space", export, str(folder), NAME)
            except CFError as error:
                return error

        return bounded(run()), events


def test_the_zip_is_here_under_its_name(tmp_path: Path, clock: Clock) -> None:
    path, events = downloaded(clock, tmp_path)
    assert path == str(tmp_path / NAME)
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
    stored = [event for event in events if isinstance(event, ExportStored)]
    assert [(event.path, event.size, event.fetched) for event in stored] == [(path, Path(path).stat().st_size, True)]
    assert [event.bytes for event in events if isinstance(event, ExportBytes)] == [Path(path).stat().st_size]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("storage", nth=[1, 2], action="status", status=503),
        Fault("storage", nth=1, action="reset"),
        Fault("storage", nth=1, action="truncated"),
        Fault("storage", nth=1, action="status", status=403),
        Fault("storage", nth=1, action="status", status=429, headers={"Retry-After": "9"}),
    ],
    ids=str,
)
def test_what_passes_costs_only_time(fault: Fault, tmp_path: Path, clock: Clock) -> None:
    path, _ = downloaded(clock, tmp_path, fault)
    assert path == str(tmp_path / NAME)


def test_what_stays_ends_it(tmp_path: Path, clock: Clock) -> None:
    error, _ = downloaded(clock, tmp_path, Fault("storage", action="status", status=404))
    assert (error.code, error.status) == ("not_found", 404)
    assert files_below(tmp_path) == {}


def test_an_export_that_is_not_done_has_no_file(tmp_path: Path, clock: Clock) -> None:
    error, _ = downloaded(clock, tmp_path, polls=100)
    assert isinstance(error, ExportError)
    assert error.code == "no_result"


def test_a_file_that_is_here_is_an_event_too(tmp_path: Path, clock: Clock) -> None:
    path, events = downloaded(clock, tmp_path)
    calls = make_calls("http://127.0.0.1:1", clock, events.append)
    assert bounded(existing_export(calls, "e", str(tmp_path), NAME)) == path
    assert events[-1] == ExportStored("e", path, Path(path).stat().st_size, fetched=False)
    assert bounded(existing_export(calls, "e", str(tmp_path), SafeName("other.zip"))) is None
