"""R9, rule 13 and 409: space exports are created and deleted once, whatever the platform answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.errors import ConflictError, NoConnectionError, NotFoundError

from ..adapters.wire import ok
from ..conftest import Clock
from .promise import KEY, Kept
from .space import EXPORT, NAME, SHORT, ZIP, Reaction, Space, break_off, during, hang, serving


async def pending(head: str, writer: asyncio.StreamWriter) -> None:
    writer.write(Space().export("PENDING"))
    await writer.drain()


OPEN_END = [
    pytest.param(hang, id="no answer in time"),
    pytest.param(break_off, id="reset"),
    pytest.param(b"", id="closed"),
    *(pytest.param(ok(b"{}", status=f"{status} x"), id=str(status)) for status in (408, 500, 502, 503, 504)),
]


def create(space: Space, destination: Path, clock: Clock, **more: Any) -> Kept:
    async def act(client: CFUserClient, _: Any) -> object:
        return await client.create_export("sample-space", "nightly", "CSV")

    return during(space, destination, act, clock, **more)[0]


def delete(space: Space, destination: Path, clock: Clock, **more: Any) -> Kept:
    async def act(client: CFUserClient, _: Any) -> object:
        return await client.delete_export("sample-space", EXPORT)

    return during(space, destination, act, clock, **more)[0]


@pytest.mark.parametrize("answer", [*OPEN_END, pytest.param(ok(b"<html>"), id="201 that nobody can read")])
def test_r9_a_create_with_an_open_end_is_made_once_and_says_so(
    answer: Reaction, destination: Path, clock: Clock
) -> None:
    space = Space(creates=[answer])
    kept = create(space, destination, clock, limits=SHORT)
    assert len(space.asked("POST")) == 1
    assert (kept.code, clock.slept) == ("unknown_outcome", [])
    assert "Nobody knows whether the export nightly was created: look for it in list_exports" in str(kept.error)
    assert not getattr(kept.error, "retryable", True)


def test_r9_a_create_that_was_refused_for_now_is_made_again(destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", "Retry-After: 7", status="429 x"), pending])
    kept = create(space, destination, clock)
    assert (kept.error, len(space.asked("POST"))) == (None, 2)
    assert sum(clock.slept) >= 7
    assert space.bodies[0] == space.bodies[1]


@pytest.mark.parametrize("act", ["create_export", "delete_export"])
def test_r9_a_call_that_was_never_sent_is_made_again(act: str, destination: Path, clock: Clock) -> None:
    async def call(_: CFUserClient, __: Any) -> object:
        client = CFUserClient(KEY, "http://127.0.0.1:1/api/v1", runtime=clock.runtime)
        return await getattr(client, act)("sample-space", EXPORT)

    kept, _ = during(Space(), destination, call)
    assert isinstance(kept.error, NoConnectionError)
    assert (kept.code, len(clock.slept)) == ("network", 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_r9_what_is_refused_is_no_open_end(status: int, destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", status=f"{status} x")], deletes=[ok(b"{}", status=f"{status} x")])
    for act in (create, delete):
        kept = act(space, destination, clock)
        assert (kept.code != "unknown_outcome", getattr(kept.error, "status", 0)) == (True, status)
    assert (len(space.asked("POST")), len(space.asked("DELETE")), clock.slept) == (1, 1, [])


@pytest.mark.parametrize("answer", OPEN_END)
def test_rule_13_a_delete_with_an_open_end_is_made_once(answer: Reaction, destination: Path, clock: Clock) -> None:
    space = Space(deletes=[answer])
    kept = delete(space, destination, clock, limits=SHORT)
    assert len(space.asked("DELETE")) == 1
    assert (kept.code, clock.slept) == ("unknown_outcome", [])
    assert "Nobody knows whether the export was deleted: ask with get_export" in str(kept.error)


def test_a_delete_of_an_unknown_export_is_a_not_found_error(destination: Path, clock: Clock) -> None:
    space = Space(deletes=[ok(b'{"message": "gone"}', status="404 x")])
    kept = delete(space, destination, clock)
    assert isinstance(kept.error, NotFoundError)
    assert EXPORT in str(kept.error)


def test_r9_an_export_that_timed_out_is_not_repeated_by_the_method_that_does_all(
    destination: Path, clock: Clock
) -> None:
    space = Space(creates=[hang])

    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.export("sample-space", "nightly", destination, on_event=on_event)

    kept, _ = during(space, destination, act, clock, limits=SHORT)
    assert (kept.code, len(space.heads), kept.files) == ("unknown_outcome", 1, {})


def listing(*exports: dict[str, Any]) -> bytes:
    return ok(json.dumps({"items": list(exports), "meta": {}}).encode())


ANOTHER = {"exportId": EXPORT, "name": "weekly\x1b[2J", "createdBy": "ann@example.com", "status": "IN_PROGRESS"}


DONE = {"exportId": "11111111-1111-4111-8111-111111111111", "name": "old", "status": "COMPLETED"}


def export_all(space: Space, destination: Path, clock: Clock, **options: Any) -> tuple[Kept, Any]:
    async def act(client: CFUserClient, on_event: Any) -> object:
        return await client.export("sample-space", "nightly", destination, on_event=on_event, **options)

    return during(space, destination, act, clock)


def test_a_409_names_the_running_export(destination: Path, clock: Clock) -> None:
    space = Space(creates=[ok(b"{}", status="409 x")], polls=[listing(DONE, ANOTHER)])
    kept, _ = export_all(space, destination, clock)
    assert isinstance(kept.error, ConflictError)
    assert f"weekly\\x1b[2J ({EXPORT}, created by ann@example.com, IN_PROGRESS)" in str(kept.error)
    assert kept.error.item_id == EXPORT
    assert kept.error.response.status_code == 409
    assert "attach=True" in str(kept.error)


def test_a_409_is_attached_to_where_the_user_says_so(destination: Path, clock: Clock) -> None:
    space = Space(
        creates=[ok(b"{}", status="409 x")],
        polls=[listing(DONE, ANOTHER), "PENDING", "COMPLETED"],
        files=[serving(ZIP)],
    )
    kept, path = export_all(space, destination, clock, attach=True)
    assert (kept.files, path) == ({NAME: ZIP}, str(destination / NAME))


@pytest.mark.parametrize("same", [True, False])
def test_a_409_is_attached_to_where_this_client_made_it_with_equal_arguments(
    same: bool, destination: Path, clock: Clock
) -> None:
    space = Space(
        creates=[pending, ok(b"{}", status="409 x")], polls=[listing(ANOTHER), "COMPLETED"], files=[serving(ZIP)]
    )

    async def act(client: CFUserClient, _: Any) -> object:
        await client.create_export("sample-space", "nightly", "CSV", ["p"] if same else ["q"])
        return await client.export("sample-space", "nightly", destination, export_format="CSV", project_ids=("p",))

    kept, _ = during(space, destination, act, clock)
    assert kept.code == (None if same else "conflict")


def test_a_409_that_is_over_is_created_after_all(destination: Path, clock: Clock) -> None:
    space = Space(
        creates=[ok(b"{}", status="409 x"), pending], polls=[listing(DONE), "COMPLETED"], files=[serving(ZIP)]
    )
    kept, _ = export_all(space, destination, clock)
    assert (kept.files, len(space.asked("POST"))) == ({NAME: ZIP}, 2)
    space = Space(creates=[ok(b'{"message": "busy"}', status="409 x")], polls=[listing(DONE)])
    kept, _ = export_all(space, destination, clock)
    assert (kept.code, len(space.asked("POST"))) == ("conflict", 2)
    assert "busy" in str(kept.error)


def test_l4_an_export_without_an_id_is_left_out_and_said(
    destination: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"exportId": EXPORT, "status": "COMPLETED"}
    entries = [good, {"status": "COMPLETED"}, {"exportId": EXPORT}, 7]

    async def act(client: CFUserClient, _: Any) -> object:
        page = await client.list_exports("sample-space")
        return [str(export.export_id) for export in page.items]

    kept, found = during(Space(polls=[ok(json.dumps({"items": entries}).encode())]), destination, act, clock)
    assert (kept.error, found) == (None, [EXPORT])
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["3 exports in the listing have no id or no status: left out."]


@pytest.mark.parametrize("place", ["file", "file/below", "file/below/it"])
def test_d2_no_export_is_created_for_a_destination_that_is_none(place: str, destination: Path, clock: Clock) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    (destination / "file").write_bytes(b"mine")

    async def act(client: CFUserClient, _: Any) -> object:
        return await client.export("sample-space", "nightly", destination / place, progress=False)

    space = Space(creates=[pending])
    kept, _ = during(space, destination, act, clock)
    assert (kept.code, space.heads) == ("disk_error", [])
    assert str(destination / "file") in str(kept.error)
    assert (destination / "file").read_bytes() == b"mine"
