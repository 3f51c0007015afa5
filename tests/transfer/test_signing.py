from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import pytest

from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.transfer.job import Job
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.signing import Signing
from cf_ai_platform_client.transfer.waiting import WaitingRoom

from ..adapters.wire import ok, raw_server
from ..conftest import Clock
from .runs import bounded, make_calls

Signer = Callable[[Sequence[str]], "int | Sequence[tuple[str, str]]"]
"""From the paths of a call to the paths and URLs of the answer, or to an error status."""


def sign_all(paths: Sequence[str]) -> list[tuple[str, str]]:
    return [(path, f"https://storage.example/{path}") for path in paths]


@dataclass
class Desk:
    """What came of some jobs: their URLs, their failures, the sizes of the calls made."""

    urls: dict[str, str] = field(default_factory=dict[str, str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    not_attempted: int = 0
    calls: list[list[str]] = field(default_factory=list[list[str]])

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]


def path_of(number: int) -> str:
    return f"coco_output/{number:08x}-0000-4000-8000-000000000000.json"


def signed(
    clock: Clock, sign: Signer, waves: Sequence[Sequence[str]], *, listing: bool = False, **policy: float
) -> Desk:
    """Let jobs with these paths be signed; each wave comes when the one before is done."""
    desk = Desk()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await reader.readexactly(int(server.header("Content-Length") or 0))
        paths: list[str] = json.loads(body)["paths"]
        desk.calls.append(paths)
        found = sign(paths)
        if isinstance(found, int):
            writer.write(ok(b"{}", status=f"{found} No"))
        else:
            items = [{"path": path, "signedUrl": url} for path, url in found]
            writer.write(ok(json.dumps({"items": items}).encode()))
        await writer.drain()

    async def wave(base_url: str, signing: Signing, ledger: Ledger, paths: Sequence[str]) -> None:
        for path in paths:
            job = await ledger.admit(WorkItem(id=str(ledger.listed)))
            job.path = path
            signing.add(job)
        while ledger.in_flight:
            await asyncio.sleep(0)

    def hand_on(ledger: Ledger, job: Job) -> None:
        desk.urls[job.item.id] = job.url
        ledger.count_stored(job, "", 0, ())

    async def run() -> None:
        calls = make_calls(server.url("/api"), clock, **policy)
        ledger, waiting, more = Ledger("failed", calls.emit), WaitingRoom(clock.runtime), [0]
        signing = Signing(
            calls,
            "sample-space",
            ledger=ledger,
            waiting=waiting,
            hand_on=lambda job: hand_on(ledger, job),
            more_may_come=lambda: listing or more[0] > 0,
        )
        async with calls.http.connected(), anyio.create_task_group() as tasks:
            signing.start(tasks)
            tasks.start_soon(waiting.serve)
            for paths in waves:
                more[0] = 1
                feeding = asyncio.ensure_future(wave("", signing, ledger, paths))
                await asyncio.sleep(0)
                more[0] = 0
                signing.upstream_idle()
                await feeding
            tasks.cancel_scope.cancel()
        signing.close()
        summary = ledger.summary(0.0)
        desk.not_attempted = summary.not_attempted
        desk.failed = {result.item_id: str(result.error_code) for result in summary.results}
        assert len(desk.urls) + len(desk.failed) + (0 if desk.failed else desk.not_attempted) == sum(map(len, waves))

    async def whole() -> None:
        nonlocal server
        async with raw_server(answer) as listening:
            server = listening
            await run()

    server = None  # type: ignore[assignment]
    bounded(whole())
    return desk


PATHS = [path_of(number) for number in range(250)]


def test_a_call_takes_a_hundred_paths(clock: Clock) -> None:
    desk = signed(clock, sign_all, [PATHS])
    assert sorted(desk.sizes) == [50, 100, 100]
    assert desk.urls == {str(number): f"https://storage.example/{path_of(number)}" for number in range(250)}


def test_what_is_left_leaves_after_a_moment(clock: Clock) -> None:
    assert signed(clock, sign_all, [PATHS[:3]], listing=True).sizes == [3]


@pytest.mark.parametrize(
    "spelled",
    [
        lambda path: f"/{path}",
        lambda path: f"spaces/sample-space/{path}",
        lambda path: path.replace("/", "%2F"),
        lambda path: f"s3://bucket/spaces/sample-space/{path}",
    ],
)
def test_answers_are_matched_by_path_in_any_order_and_spelling(clock: Clock, spelled: Callable[[str], str]) -> None:
    def sign(paths: Sequence[str]) -> list[tuple[str, str]]:
        return [(spelled(path), url) for path, url in reversed(sign_all(paths))]

    desk = signed(clock, sign, [PATHS])
    assert desk.urls == {str(number): f"https://storage.example/{path_of(number)}" for number in range(250)}
    assert len(desk.calls) == 3


def test_equal_paths_are_asked_for_once(clock: Clock) -> None:
    desk = signed(clock, sign_all, [[PATHS[0], PATHS[1], PATHS[0]]])
    assert desk.sizes == [2]
    assert desk.urls["0"] == desk.urls["2"] != desk.urls["1"]


def test_what_an_answer_lacks_is_signed_alone(clock: Clock) -> None:
    def sign(paths: Sequence[str]) -> list[tuple[str, str]]:
        return sign_all(paths if len(paths) == 1 else [path for path in paths if path not in PATHS[5:7]])

    desk = signed(clock, sign, [PATHS[:100]])
    assert sorted(desk.sizes) == [1, 1, 100]
    assert len(desk.urls) == 100


def test_what_is_never_signed_is_a_mismatch(clock: Clock) -> None:
    def sign(paths: Sequence[str]) -> list[tuple[str, str]]:
        return sign_all([path for path in paths if path != PATHS[5]])

    desk = signed(clock, sign, [PATHS[:100]])
    assert (len(desk.urls), desk.failed, sorted(desk.sizes)) == (99, {"5": "mismatch"}, [1, 100])


def test_the_url_of_another_item_is_a_mismatch(clock: Clock) -> None:
    desk = signed(clock, lambda paths: sign_all([PATHS[9]]), [PATHS[:1]])
    assert desk.failed == {"0": "mismatch"}
    crossed = signed(clock, lambda paths: sign_all([PATHS[9]] * len(paths)), [PATHS[:3]])
    assert crossed.failed == {"0": "mismatch", "1": "mismatch", "2": "mismatch"}


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("most", [1, 7, 50, 99])
def test_a_server_that_refuses_several_gets_fewer(clock: Clock, status: int, most: int) -> None:
    desk = signed(clock, lambda paths: status if len(paths) > most else sign_all(paths), [PATHS[:100], PATHS[100:200]])
    assert len(desk.urls) == 200
    first, second = desk.sizes[: _calls_of_first(desk)], desk.sizes[_calls_of_first(desk) :]
    assert first[0] == 100
    assert max(second) <= most  # remembered
    assert sum(second) == 100


def _calls_of_first(desk: Desk) -> int:
    return next(n for n, call in enumerate(desk.calls) if set(call) & set(PATHS[100:200]))


def test_one_path_that_is_refused_does_not_slow_the_others_down(clock: Clock) -> None:
    def sign(paths: Sequence[str]) -> int | list[tuple[str, str]]:
        return 422 if PATHS[5] in paths else sign_all(paths)

    desk = signed(clock, sign, [PATHS[:100], PATHS[100:200], PATHS[200:]])
    assert (len(desk.urls), desk.failed) == (249, {"5": "rejected"})
    assert len(desk.calls) < 20  # 15 to find the bad one, then few


def test_a_refusal_of_every_path_ends(clock: Clock) -> None:
    desk = signed(clock, lambda paths: 400, [PATHS])
    assert set(desk.failed.values()) == {"rejected"}
    assert len(desk.failed) == 250
    assert len(desk.calls) < 2 * 250


def test_calls_are_made_again(clock: Clock) -> None:
    answers = iter([503, 503])
    desk = signed(clock, lambda paths: next(answers, None) or sign_all(paths), [PATHS[:20]])
    assert (desk.sizes, len(desk.urls)) == ([20, 20, 20], 20)
    assert clock.now == 1000.375


@pytest.mark.parametrize(("status", "code", "calls"), [(503, "server_error", 4), (403, "forbidden", 1)])
def test_calls_that_fail_for_good_fail_their_items(clock: Clock, status: int, code: str, calls: int) -> None:
    desk = signed(clock, lambda paths: status, [PATHS[:20]], attempts=4)
    assert (desk.sizes, set(desk.failed.values()), len(desk.failed)) == ([20] * calls, {code}, 20)


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (409, "conflict"), (418, "rejected")])
def test_a_path_that_cannot_be_signed_costs_no_other(clock: Clock, status: int, code: str) -> None:
    desk = signed(clock, lambda paths: status if PATHS[7] in paths else sign_all(paths), [PATHS[:20]])
    assert (len(desk.urls), desk.failed) == (19, {"7": code})
    assert desk.sizes == [20, *[1] * 20]


def test_after_a_401_nothing_more_is_signed(clock: Clock) -> None:
    desk = signed(clock, lambda paths: 401, [PATHS[:50], PATHS[50:100]])
    assert (desk.sizes, desk.urls, desk.not_attempted) == ([50], {}, 100)
    assert set(desk.failed.values()) == {"not_attempted"}


def test_closing_sends_nothing_more(clock: Clock) -> None:
    async def run() -> None:
        calls = make_calls("http://127.0.0.1:1", clock)
        ledger = Ledger("none", calls.emit)
        signing = Signing(
            calls,
            "s",
            ledger=ledger,
            waiting=WaitingRoom(clock.runtime),
            hand_on=lambda job: None,
            more_may_come=lambda: True,
        )
        async with anyio.create_task_group() as tasks:
            signing.start(tasks)
            signing.add(await ledger.admit(WorkItem(id="a")))
            signing.close()
            signing.flush()
        assert ledger.in_flight == 1

    bounded(run())
