from __future__ import annotations

from collections import Counter

import httpx
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from cf_ai_platform_client.sandbox import Fault, Sandbox, SeenRequest
from cf_ai_platform_client.sandbox.record import Recorder

from .conftest import BATCHES, DOCUMENT, SIGNED_URLS, WORK_ITEMS, sign


def a_request() -> web.Request:
    return make_mocked_request("GET", "/api/v1/x?a=1")


def test_the_most_at_once_is_kept() -> None:
    recorder = Recorder(keep=False)
    numbers = [recorder.arrived("storage") for _ in range(3)]
    for number in numbers[:2]:
        recorder.left(number, "storage", a_request(), 200, None)
    recorder.arrived("storage")
    recorder.arrived("batches")
    assert numbers == [1, 2, 3]
    assert recorder.most_at_once == {"storage": 3, "batches": 1}
    assert recorder.counts == {"storage": 4, "batches": 1}


def test_single_requests_are_kept_where_they_are_wanted() -> None:
    for keep in (True, False):
        recorder = Recorder(keep=keep)
        fault = Fault("*", "status")
        number = recorder.arrived("batches", fault)
        assert recorder.faults == {"status": 1}
        recorder.left(number, "batches", a_request(), 503, fault)
        assert [(seen.number, seen.fault) for seen in recorder.requests] == ([(1, "status")] if keep else [])


def test_what_was_asked_is_told_and_no_secret(cf_sandbox: Sandbox, api: httpx.Client, web: httpx.Client) -> None:
    api.get(WORK_ITEMS, params={"batchIds": [101, 102]}, headers={"User-Agent": "me", "Range": "bytes=0-1"})
    url = sign(api)
    web.get(url, headers={"User-Agent": "you", "Accept-Encoding": "gzip"})
    listed, signed, stored = cf_sandbox.requests
    assert listed == SeenRequest(
        number=1,
        endpoint="work_items",
        method="GET",
        path=f"/api/v1{WORK_ITEMS}",
        query="batchIds=101&batchIds=102",
        status=200,
        key="present",
        headers={"User-Agent": "me", "Range": "bytes=0-1", "Accept-Encoding": listed.headers["Accept-Encoding"]},
        fault=None,
    )
    assert (signed.method, signed.path, signed.query) == ("POST", f"/api/v1{SIGNED_URLS}", "")
    assert signed.headers["Content-Type"] == "application/json"
    assert (stored.path, stored.query, stored.key) == (f"/storage/spaces/sample-space/{DOCUMENT}", "", "absent")
    assert stored.headers == {"User-Agent": "you", "Accept-Encoding": "gzip"}
    assert cf_sandbox.api_key not in repr(cf_sandbox.requests)
    assert "X-Amz" not in repr(cf_sandbox.requests)


def test_errors_are_told_too(cf_sandbox: Sandbox, api: httpx.Client, web: httpx.Client) -> None:
    api.get("/projects/other/batches")
    web.get(f"{cf_sandbox.base_url}{BATCHES}")
    api.delete("/exports")
    web.get(sign(api, "no/such.json"))
    assert [(seen.endpoint, seen.status, seen.key) for seen in cf_sandbox.requests] == [
        ("batches", 404, "present"),
        ("batches", 401, "absent"),
        ("unknown", 404, "present"),
        ("signed_urls", 200, "present"),
        ("storage", 404, "absent"),
    ]
    assert cf_sandbox.counts == Counter(batches=2, unknown=1, signed_urls=1, storage=1)
