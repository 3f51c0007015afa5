"""The security rules, each by what a server, a terminal, a log or the disk gets to see."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import re
import ssl
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from cf_ai_platform_client import CFUserClient, DownloadSummary, SyncCFUserClient
from cf_ai_platform_client.errors import ERROR_CODES, RETRYABLE_CODES, CFError
from cf_ai_platform_client.events import ItemFailed, Warned
from cf_ai_platform_client.sandbox import STORM, Fault, Sandbox
from cf_ai_platform_client.sandbox.faults import Endpoint

from ..adapters.wire import PUBLIC, RawServer, ok, proxy_to, raw_server
from ..conftest import Clock
from .promise import KEY, SECRETS, Kept, client_of, documents_of, run, watched
from .witness import ENDPOINTS, command_line, document_of, download_command, project_of, refused

README = Path(__file__).parents[2] / "README.md"
SIGNED = "?X-Amz-Signature=canary-signature&X-Amz-Credential=canary-signature"
NOBODY = CFUserClient(KEY, "http://127.0.0.1:1")

Call = Callable[..., Awaitable[DownloadSummary]]


def signing(*urls: str, path: str = "coco_output/a.json") -> Fault:
    """Let every path be signed with these URLs."""
    answers = [{"path": path, "signedUrl": url} for url in urls]
    return refused("signed_urls", 200, body=json.dumps({"items": answers}))


def unseen(*texts: str) -> None:
    """Neither the key nor a signature is in them."""
    for secret in SECRETS:
        assert not [text for text in texts if secret in text], secret


# 1: the key goes to the base URL's origin only


def elsewhere(answer: bytes, faults: Callable[[RawServer], list[Fault]], seen: list[RawServer]) -> Call:
    """Download from a sandbox whose faults name another server, which is noted in `seen`."""

    async def call(_: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        async with raw_server(answer) as other:
            seen.append(other)
            with Sandbox(project=project_of("a", "b"), api_key=KEY, faults=faults(other)) as sandbox:
                client = client_of(sandbox, Clock())
                return await client.download_project("sample-project", "sample-space", folder, **more)

    return call


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_rule_1_no_redirect_is_followed(endpoint: Endpoint, status: int, destination: Path) -> None:
    seen: list[RawServer] = []

    def faults(other: RawServer) -> list[Fault]:
        return [refused(endpoint, status, headers={"Location": other.url(f"/x{SIGNED}")})]

    kept = run(NOBODY, destination, call=elsewhere(ok(document_of("a")), faults, seen))
    assert (seen[0].connections, kept.files, kept.retries) == (0, {}, [])
    assert (kept.code or "") in {"", "listing_failed"}
    assert kept.codes <= {"rejected"}


def test_rule_1_a_storage_elsewhere_sees_neither_key_nor_cookie(destination: Path) -> None:
    seen: list[RawServer] = []

    def signed(other: RawServer) -> Iterator[dict[str, str]]:
        for name in "ab":
            yield {"path": f"coco_output/{name}.json", "signedUrl": other.url(f"/{name}.json{SIGNED}")}

    def faults(other: RawServer) -> list[Fault]:
        cookie = {"Set-Cookie": f"session={KEY}; Path=/"}
        return [
            refused("signed_urls", 200, body=json.dumps({"items": list(signed(other))})),
            *(Fault(name, action="headers", headers=cookie) for name in ENDPOINTS[:3]),
        ]

    answer = ok(document_of("a"), "Set-Cookie: stored=1; Path=/", f"X-Echo: {KEY}")
    kept = run(NOBODY, destination, call=elsewhere(answer, faults, seen), max_workers=1)
    assert (kept.error, kept.counts()) == (None, (2, 0, 0, 0))
    assert len(seen[0].heads) == 2  # the second would bring back the cookie of the first
    for head in seen[0].heads:
        assert KEY not in head
        assert not re.search(r"(?im)^(cookie|x-api-key|authorization|referer):", head)
        assert "canary-signature" in head  # as it was signed


def test_rule_1_the_key_goes_with_every_call_and_with_no_document(destination: Path, clock: Clock) -> None:
    with Sandbox(items=150, api_key=KEY, faults=STORM) as sandbox:
        run(client_of(sandbox, clock), destination)
        requests = sandbox.requests
    keys = {(request.endpoint == "storage", request.key) for request in requests}
    assert keys == {(False, "present"), (True, "absent")}
    unseen(*(request.path + request.query for request in requests))


# 2 and 3: which URLs are called


@pytest.fixture
def tls(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return what a server needs to be `platform.example` and `storage.example`."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("authority")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("platform.example", "storage.example").configure_cert(context)
    return context


def public_platform(url: str, tls: ssl.SSLContext, patch: pytest.MonkeyPatch, told: list[str]) -> Call:
    """Download from a platform on the internet that signs `url`; what the proxy between is told is noted."""
    answers = {
        "/workItems?": {"items": [{"id": "a"}]},
        "/batches?": {"items": []},
        "/annotations?": {"workItemID": "a", "metadata": {"coco_results_url": "coco_output/a.json"}},
        "/signedurls": {"items": [{"path": "coco_output/a.json", "signedUrl": url}]},
        "/a.json?": {"images": [{"file_name": "of a"}], "annotations": []},
    }

    async def call(_: CFUserClient, folder: Path, **more: Any) -> DownloadSummary:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                length = re.search(r"(?i)content-length: (\d+)", server.heads[-1])
                await reader.readexactly(int(length[1]) if length else 0)
                target = server.heads[-1].split(" ")[1]
                body = next(body for part, body in answers.items() if part in target)
                writer.write(ok(json.dumps(body).encode()))
                server.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))

        async with raw_server(converse, tls) as server, proxy_to(server.port) as proxy:
            patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            patch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            client = CFUserClient(KEY, PUBLIC, runtime=Clock().runtime)
            try:
                return await client.download_project("sample-project", "sample-space", folder, **more)
            finally:
                told.extend(head.split("\r\n")[0] for head in proxy.heads)

    return call


def test_rule_2_a_storage_on_the_internet_is_called_by_https(
    destination: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    url = f"https://storage.example/a.json{SIGNED}"
    kept = run(NOBODY, destination, call=public_platform(url, tls, monkeypatch, told))
    assert (kept.error, kept.counts()) == (None, (1, 0, 0, 0))
    assert {line.split(" ")[1] for line in told} == {"platform.example:443", "storage.example:443"}
    unseen(*told)


UNSAFE = [
    "http://storage.example/a.json",
    "https://user:canary-signature@storage.example/a.json",
    "https://127.0.0.1/a.json",
    "https://10.1.2.3/a.json",
    "https://192.168.0.1:8443/a.json",
    "https://169.254.169.254/a.json",
    "https://[::1]/a.json",
    "https://[fd00::1]/a.json",
    "https://[::ffff:127.0.0.1]/a.json",
    "https://2130706433/a.json",
    "https://0x7f.1/a.json",
    "https://0/a.json",
    "https://localhost/a.json",
    "https://LOCALHOST./a.json",
    "ftp://storage.example/a.json",
    "file:///etc/passwd",
    "//storage.example/a.json",
    "/a.json",
    "https:///a.json",
    "https://storage.example:port/a.json",
    "https://[::1/a.json",
    "https://storage.example/a\r\nX-Api-Key: x/a.json",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", UNSAFE)
def test_rule_3_a_signed_url_into_the_users_own_network_is_not_called(
    url: str, destination: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    kept = run(NOBODY, destination, call=public_platform(url + SIGNED, tls, monkeypatch, told))
    assert (kept.error, kept.counts()) == (None, (0, 0, 1, 0))
    assert (kept.codes, kept.retries) == ({"unsafe_url"}, [])
    assert {line.split(" ")[1] for line in told} == {"platform.example:443"}


@pytest.mark.parametrize("url", ["http://user@127.0.0.1:1/a.json", "ftp://127.0.0.1/a.json", "file:///etc/passwd", ""])
def test_rule_3_some_urls_are_not_called_by_those_who_work_inside_either(url: str, destination: Path) -> None:
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[signing(url + SIGNED)]) as sandbox:
        kept = run(client_of(sandbox, Clock()), destination)
        assert sandbox.counts["storage"] == 0
    assert kept.codes == {"unsafe_url"}


def test_rule_2_a_key_that_travels_unencrypted_is_one_warning() -> None:
    with pytest.warns(UserWarning, match="travels unencrypted") as noted:
        CFUserClient(KEY, "http://platform.example/api/v1")
    assert len(noted) == 1
    unseen(str(noted[0].message))


# 4 and 5: what a server may not name

ODD_IDS = ["../../e", "/abs", "x?y=1", "a#b", "a%2Fb", "a b", "..%2f", "é", "a;b", "\\\\host\\x", "C:x", "a\x00b", "~"]


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_rule_4_an_id_is_one_quoted_segment(item_id: str, destination: Path) -> None:
    with Sandbox(project=project_of(item_id, "good"), api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
        annotations = [request.path for request in sandbox.requests if request.endpoint == "annotations"]
        assert sandbox.counts["unknown"] == 0
    assert kept.error is None
    assert kept.counts()[0] >= 1
    assert all(path.count("/") == 7 and ".." not in path.split("/") for path in annotations)
    assert all(name.count("/") == 1 and name.startswith("Default/") for name in kept.files)


@pytest.mark.parametrize("item_id", [".", ".."])
def test_rule_4_an_id_that_is_no_segment_fails_alone(item_id: str, destination: Path) -> None:
    with Sandbox(project=project_of(item_id, "good"), api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
        assert sandbox.counts["annotations"] == 1
    assert (kept.codes, kept.counts(), list(kept.files)) == ({"unsafe_name"}, (1, 0, 1, 0), ["Default/good.json"])


@pytest.mark.parametrize("name", ["project_id", "space_id"])
@pytest.mark.parametrize("value", ["", " ", ".", ".."])
def test_rule_4_an_argument_that_is_no_segment_is_refused_before_any_request(
    name: str, value: str, destination: Path
) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination, **{name: value})
        assert sandbox.counts == {}
    assert type(kept.error) is ValueError
    assert name in str(kept.error)


@pytest.mark.parametrize(
    "disposition",
    ['attachment; filename="../../evil.sh"', "attachment; filename=/etc/passwd", "inline; filename*=UTF-8''..%2Fx"],
)
def test_rule_5_no_header_names_a_file(disposition: str, destination: Path) -> None:
    headers = {
        "Content-Disposition": disposition,
        "Content-Location": "/etc/passwd",
        "Content-Type": "application/x-sh",
    }
    with Sandbox(
        project=project_of("a"), api_key=KEY, faults=[Fault("storage", action="headers", headers=headers)]
    ) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert list(kept.files) == ["Default/a.json"]


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("coco_output/x.exe", ".json"),
        ("coco_output/.bashrc", ".json"),
        ("../../x.desktop", ".json"),
        ("x.json/", ".json"),
        ("x.GEOJSON", ".json"),
        ("x.geojson", ".geojson"),
        ("x.csv", ".csv"),
        ("x.json.lnk", ".json"),
        ("no-extension", ".json"),
        ("x.\x1b[31m", ".json"),
    ],
)
def test_rule_5_no_url_names_a_file(path: str, extension: str, destination: Path) -> None:
    project = project_of("a", annotations={"a": {"workItemID": "a", "metadata": {"coco_results_url": path}}})
    project.documents[path] = document_of("a")  # type: ignore[index]
    with Sandbox(project=project, api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert all(name.lower() == f"default/a{extension}" for name in kept.files)
    assert kept.counts()[0] == 1 or kept.codes <= {"not_found", "unsafe_url"}


# 8: secrets


LEAKS = {
    "the key in an error": ("annotations", {"status": 404, "body": json.dumps({"message": f"no such key {KEY}"})}),
    "the key in a refusal": ("work_items", {"status": 401, "body": json.dumps({"message": f"{KEY} is wrong"})}),
    "the key in a header": ("annotations", {"status": 500, "headers": {"X-Request-Id": KEY, "Server": KEY}}),
    "the key in a page": ("work_items", {"status": 200, "body": f"<html>{KEY}</html>"}),
    "a signature in an error": (
        "storage",
        {"status": 403, "body": f"<Error><Message>bad https://x/a{SIGNED}</Message></Error>"},
    ),
    "a signature in a JSON error": (
        "signed_urls",
        {"status": 422, "body": json.dumps({"message": f"https://x/a{SIGNED}"})},
    ),
    "a signature in a location": ("storage", {"status": 302, "headers": {"Location": f"https://x/a{SIGNED}"}}),
}


@pytest.mark.parametrize(("endpoint", "fault"), LEAKS.values(), ids=LEAKS)
def test_rule_8_what_a_server_repeats_is_not_repeated(
    endpoint: Endpoint, fault: dict[str, Any], destination: Path, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    fault = {"headers": {}, **fault}
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[refused(endpoint, **fault)]) as sandbox:
        kept = run(client_of(sandbox, clock, attempts=2), destination)
        if fault["status"] < 500:
            said = download_command(capfd, sandbox, destination, "-vv", "--json", "--results", "all")
            unseen(said.out, said.err)
    assert kept.codes or kept.code
    check_error(kept)


def check_error(kept: Kept) -> None:
    """Whatever can be had of an error shows nothing: copies, pickles, causes, httpx's request and response."""
    error = kept.error
    if not isinstance(error, CFError):
        return
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        unseen(str(each), repr(each), repr(vars(each)), *traceback.format_exception(each))
        response = getattr(each, "response", None)
        if response is not None:
            unseen(response.text, repr(response.headers), str(response.url), repr(response.request.headers))
            assert "X-API-Key" not in response.request.headers


def test_rule_8_a_signature_without_its_url_is_masked(destination: Path, clock: Clock) -> None:
    fault = refused("storage", 403, body=f"<Error><Message>bad /a{SIGNED}</Message></Error>")
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[fault]) as sandbox:
        kept = watched(client_of(sandbox, clock), destination)
    said = [kept.log, repr(kept.summary), *map(repr, kept.events)]
    assert "X-Amz-Signature=***" in kept.log
    assert not [text for text in said if "canary" in text]


@pytest.mark.parametrize("seed", range(2))
def test_rule_8_a_storm_at_the_command_line_shows_no_secret(
    seed: int, destination: Path, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(items=150, api_key=KEY, faults=STORM, seed=seed) as sandbox:
        kept = run(client_of(sandbox, clock), destination, expected=documents_of(sandbox))
    assert kept.retries
    faults = [refused("annotations", 404, match="-5a5a-"), Fault("storage", action="reset", nth=3)]
    with Sandbox(items=60, api_key=KEY, faults=faults) as sandbox:
        said = download_command(capfd, sandbox, destination, "-vv", "--json", "--results", "all", "--overwrite")
        status = command_line(capfd, sandbox, "status", destination, "--json")
        verify = command_line(capfd, sandbox, "verify", destination)
    assert said.code == 1
    assert "Stored" in said.err  # the log was there to be looked at
    unseen(*(text for run in (said, status, verify) for text in (run.out, run.err)))


def test_rule_8_a_result_with_a_query_leaves_none_in_the_journal(destination: Path) -> None:
    path = f"coco_output/a.json{SIGNED}"
    project = project_of("a", annotations={"a": {"workItemID": "a", "metadata": {"coco_results_url": path}}})
    project.documents[path] = document_of("a")  # type: ignore[index]
    with Sandbox(project=project, api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert kept.counts()[0] + kept.counts()[2] == 1


def test_rule_8_an_asset_with_a_query_is_in_its_file_only(destination: Path) -> None:
    asset = f"https://images.example/a.jpg{SIGNED}"
    with Sandbox(project=project_of(items=[{"id": "a", "assetUrl": asset}]), api_key=KEY) as sandbox:
        kept = run(client_of(sandbox), destination)
    assert json.loads(kept.files["Default/a.json"])["info"]["asset_url"] == asset


@pytest.mark.parametrize("make", [CFUserClient, SyncCFUserClient])
def test_rule_8_a_client_shows_no_key(make: Callable[..., Any]) -> None:
    client = make(KEY, "https://platform.example/api/v1")
    unseen(repr(client), str(client), f"{client}", repr(vars(client)))
    for copied in (pickle.dumps, copy.deepcopy):
        try:
            unseen(repr(copied(client)))
        except TypeError as error:
            unseen(str(error))


@pytest.mark.parametrize("key", ["", " ", f"{KEY} x", f"{KEY}\n{KEY}", f"{KEY}é", None, 5, KEY.encode()])
@pytest.mark.parametrize("make", [CFUserClient, CFUserClient.create_with_api_key, SyncCFUserClient.create_with_api_key])
def test_rule_8_a_malformed_key_is_refused_without_being_shown(make: Callable[..., Any], key: Any) -> None:
    with pytest.raises(ValueError) as caught:
        make(key)
    unseen("".join(traceback.format_exception(caught.value)).replace(repr(key), ""))


# 9: the key on a command line


def test_rule_9_a_key_on_the_command_line_draws_a_warning_and_no_other_way_does(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(KEY)
    with Sandbox(items=3, api_key=KEY) as sandbox:
        ways = {
            "argument": ("--api-key", KEY),
            "file": ("--api-key-file", tmp_path / "key"),
            "environment": (),
            "wrong": ("--api-key", f"{KEY} {KEY}"),
        }
        said = {way: download_command(capfd, sandbox, tmp_path / way, "-vv", *more) for way, more in ways.items()}
    warned = {way for way, each in said.items() if "other users of this machine can see a key" in each.err}
    assert warned == {"argument", "wrong"}
    assert {way: each.code for way, each in said.items()} == {"argument": 0, "file": 0, "environment": 0, "wrong": 2}
    unseen(*(text for each in said.values() for text in (each.out, each.err)))


# 10: control characters

EVIL = "x\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202egnp.exe\u2066\x00"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_rule_10_what_the_server_says_reaches_no_terminal_or_log_as_it_is(
    destination: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    batch = {"id": 7, "name": EVIL}
    project = project_of("a", items=[{"id": f"b{EVIL}", "batchId": 7}, {"id": "c", "batchId": 7}], batches=[batch])
    with Sandbox(project=project, api_key=KEY) as sandbox:
        run(client_of(sandbox), destination)
    renamed = project_of("a", items=project.items[1:], batches=[{"id": 7, "name": EVIL[::-1]}])
    faults = [refused("annotations", 404, match="/a/", body=json.dumps({"message": EVIL}))]
    with Sandbox(project=renamed, api_key=KEY, faults=faults) as sandbox, caplog.at_level(logging.DEBUG):
        kept = run(client_of(sandbox), destination, overwrite=True)
        commands = [
            download_command(capfd, sandbox, destination, "-vv", "--overwrite"),
            command_line(capfd, sandbox, "batches", "sample-project"),
            command_line(capfd, sandbox, "items", "sample-project"),
            command_line(capfd, sandbox, "status", destination),
            command_line(capfd, sandbox, "verify", destination),
        ]
    assert kept.codes == {"not_found"}
    assert [event for event in kept.events if isinstance(event, Warned)]
    shown = [kept.log, *(text for said in commands for text in (said.out, said.err)), caplog.text]
    shown += [event.error for event in kept.events if isinstance(event, ItemFailed)]
    shown += [event.message for event in kept.events if isinstance(event, Warned)]
    found = [
        (match.group(), text[max(0, match.start() - 60) : match.end() + 20])
        for text in shown
        if (match := CONTROL.search(text))
    ]
    assert not found


# 13 and 14: retries and codes


@pytest.mark.parametrize(
    ("policy", "attempts"),
    [
        ({"attempts": 1}, 1),
        ({"attempts": 3}, 3),
        ({"total": 0.0}, 1),
        ({"budget": 0}, 1),
        ({"budget": 4, "refill": 0.0}, 5),
    ],
    ids=str,
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_rule_13_retries_are_bounded_by_attempts_time_and_budget(
    endpoint: Endpoint, policy: dict[str, Any], attempts: int, destination: Path, clock: Clock
) -> None:
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[refused(endpoint, 503)]) as sandbox:
        kept = run(client_of(sandbox, clock, **policy), destination)
        assert sandbox.counts[endpoint] == attempts
    assert len(kept.retries) == attempts - 1
    assert kept.files == {}


@pytest.mark.parametrize("policy", [{"attempts": 1}, {"budget": 0}], ids=str)
@pytest.mark.parametrize("endpoint", ["annotations", "signed_urls", "storage"])
def test_rule_13_a_broken_connection_is_no_way_around(
    endpoint: Endpoint, policy: dict[str, Any], destination: Path, clock: Clock
) -> None:
    with Sandbox(project=project_of("a"), api_key=KEY, faults=[Fault(endpoint, action="reset")]) as sandbox:
        kept = run(client_of(sandbox, clock, **policy), destination)
        assert sandbox.counts[endpoint] <= 2  # the HTTP library opens a kept connection anew, once
    assert (kept.codes, kept.retries) == ({"network"}, [])


STATUSES = [201, 204, 206, 300, 304, 400, 406, 407, 410, 413, 429, 451, 499, 501, 520]


@pytest.mark.parametrize("status", STATUSES)
def test_rule_14_every_status_is_a_code_of_the_closed_set(status: int, destination: Path, clock: Clock) -> None:
    faults = [
        refused("annotations", status, match="/first/"),
        refused("storage", status, match="second.json"),
        refused("signed_urls", status, nth=range(2, 100)),
        refused("work_items", status, nth=range(2, 100)),
    ]
    with Sandbox(project=project_of("first", "second", "third", *range(10)), api_key=KEY, faults=faults) as sandbox:
        kept = run(client_of(sandbox, clock, attempts=2), destination, limit=5)
    ended = {kept.code} if kept.code else set()
    assert kept.codes | ended <= ERROR_CODES
    assert {retry.code for retry in kept.retries} <= RETRYABLE_CODES
    assert kept.codes
    for event in kept.events:
        if isinstance(event, ItemFailed):
            tried = [retry for retry in kept.retries if retry.item_id == event.item_id]
            assert event.code in RETRYABLE_CODES or not tried


def test_rule_14_every_code_is_in_the_readmes_table_and_retried_as_it_says() -> None:
    rows = re.findall(r"(?m)^\| ((?:`\w+`(?:, )?)+) \| .* \| (\w+)[^|]*\|$", README.read_text(encoding="utf-8"))
    told = {code: how for codes, how in rows for code in re.findall(r"`(\w+)`", codes)}
    assert set(told) == ERROR_CODES
    assert {code for code, how in told.items() if how != "no"} == RETRYABLE_CODES
