from __future__ import annotations

import pickle

import httpx
import pytest

from cf_ai_platform_client.core.requests import Endpoint, Reply, error_of
from cf_ai_platform_client.errors import (
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateLimitError,
    RejectedError,
    ServerError,
    StatusError,
)

SIGNED = "https://user:pw@store.example/spaces/s/a.json?X-Amz-Signature=canary"
EXPIRED_XML = b"<Error><Code>AccessDenied</Code><Message>Request\nhas expired</Message></Error>"


def error(status: int, endpoint: Endpoint = "work_items", body: bytes = b"", **headers: str) -> StatusError:
    reply = Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, SIGNED)
    found = error_of(reply, endpoint, item_id="a" if endpoint == "storage" else None, now=1_000_000_000.0)
    assert isinstance(found, StatusError)
    return found


@pytest.mark.parametrize("endpoint", ["work_items", "batches", "annotations", "signed_urls"])
@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, AuthenticationError, "unauthorized"),
        (403, ForbiddenError, "forbidden"),
        (404, NotFoundError, "not_found"),
        (408, ServerError, "timeout"),
        (409, ConflictError, "conflict"),
        (429, RateLimitError, "rate_limited"),
        (500, ServerError, "server_error"),
        (503, ServerError, "server_error"),
        (599, ServerError, "server_error"),
        (400, RejectedError, "rejected"),
        (422, RejectedError, "rejected"),
        (302, RejectedError, "rejected"),
        (199, RejectedError, "rejected"),
    ],
)
def test_statuses_are_errors_that_httpx_users_catch(
    endpoint: Endpoint, status: int, kind: type[StatusError], code: str
) -> None:
    found = error(status, endpoint)
    assert type(found) is kind
    assert (found.code, found.status, found.response.status_code) == (code, status, status)
    with pytest.raises(httpx.HTTPStatusError):
        raise found


@pytest.mark.parametrize("status", [200, 204, 206, 299])
def test_good_answers_are_no_errors(status: int) -> None:
    assert error_of(Reply(status, {}, b""), "storage") is None


def test_what_is_not_modified_is_good_where_it_may_have_been_asked() -> None:
    assert error_of(Reply(304, {}, b""), "storage") is None
    found = error(304)
    assert (found.code, found.retryable) == ("rejected", False)
    assert found.hint == "It was not asked whether anything changed: a cache in between may be at fault."


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        pytest.param(403, b"", "expired_url", id="403"),
        pytest.param(403, b"<Code>SignatureDoesNotMatch</Code>", "expired_url", id="403 of any reason"),
        pytest.param(400, b"<Error><Code>ExpiredToken</Code></Error>", "expired_url", id="ExpiredToken"),
        pytest.param(400, b"<Message>request HAS EXPIRED</Message>", "expired_url", id="in other letters"),
        pytest.param(400, EXPIRED_XML, "expired_url", id="AccessDenied, expired"),
        pytest.param(400, b" " * 4096 + EXPIRED_XML, "rejected", id="too far down"),
        pytest.param(400, b"<Error><Code>Other</Code></Error>", "rejected", id="another 400"),
        pytest.param(404, b"", "not_found", id="404"),
        pytest.param(401, b"", "unauthorized", id="401"),
        pytest.param(503, EXPIRED_XML, "server_error", id="503"),
    ],
)
def test_the_storage_has_its_own_way_to_say_expired(status: int, body: bytes, code: str) -> None:
    assert error(status, "storage", body).code == code
    assert error(400, "signed_urls", body).code == "rejected"


@pytest.mark.parametrize(
    ("status", "endpoint", "hint"),
    [
        (401, "work_items", "Check the API key"),
        (403, "batches", "Ask the project's owner"),
        (404, "annotations", "Check the ids"),
        (429, "work_items", "fewer workers"),
        (429, "exports", "Wait and run again."),
        (429, "export", "Wait and run again."),
        (302, "work_items", "check the base URL"),
        (302, "storage", "a proxy or a login page"),
        (401, "storage", "Check the API key"),
        (502, "work_items", "run again later"),
        (403, "storage", "it is signed again"),
        (404, "storage", None),
        (422, "work_items", None),
    ],
)
def test_the_hint_says_what_to_do(status: int, endpoint: Endpoint, hint: str | None) -> None:
    found = error(status, endpoint).hint
    assert found is None if hint is None else hint in str(found)


def test_a_file_of_an_export_is_called_so() -> None:
    found = error_of(Reply(429, {}, b""), "storage", item_id="a", what="the export's file")
    assert str(found) == "429 for the export's file. Wait and run again."


@pytest.mark.parametrize(
    ("endpoint", "what"),
    [
        ("work_items", "404 for the work items. "),
        ("batches", "404 for the batches. "),
        ("annotations", "404 for the annotation. "),
        ("signed_urls", "404 for the signed URLs. "),
        ("storage", "404 for the document of a."),
    ],
)
def test_the_message_says_what_failed(endpoint: Endpoint, what: str) -> None:
    assert str(error(404, endpoint)).startswith(what)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": "No such project."}', "404 for the work items: No such project. "),
        (b'{"error": "gone"}', "404 for the work items: gone. "),
        (b'{"title": "gone", "detail": "for ever"}', "404 for the work items: for ever. "),
        (b'{"message": " ", "error": 5, "title": "gone"}', "404 for the work items: gone. "),
        (b'{"detail": {"x": 1}}', "404 for the work items. "),
        (b'["x"]', "404 for the work items. "),
        (b"[" * 100_000, "404 for the work items. "),
        (b"", "404 for the work items. "),
        (b"\xff", "404 for the work items. "),
        (b"<Error><Code>NoSuchKey</Code><Message>gone\xff</Message></Error>", "NoSuchKey: gone\ufffd. "),
        (b"<Code>A</Message>", "404 for the work items. "),
        (b"plain text", "404 for the work items. "),
        (b'{"message": "bad\\u001b[31m\\nline"}', "bad\\x1b[31m line. "),
        (b"<Message>bad\x1b[31m</Message>", "bad\\x1b[31m. "),
    ],
    ids=range(14),
)
def test_the_servers_own_words_are_in_the_message(body: bytes, said: str) -> None:
    assert said in str(error(404, body=body))


def test_long_words_are_cut() -> None:
    assert len(str(error(404, body=b'{"message": "' + b"x" * 1_000_000 + b'"}'))) < 500


@pytest.mark.parametrize("endpoint", ["work_items", "storage"])
def test_no_query_no_key_and_no_user_is_in_an_error(endpoint: Endpoint) -> None:
    secrets = {"x_api_key": "canary", "set_cookie": "canary", "location": SIGNED, "x_request_id": SIGNED}
    found = error(403, endpoint, b'{"message": "see https://x.example/a?sig=canary"}', **secrets)
    shown = [str(found), repr(found), found.__dict__, found.__reduce__(), found.request.url, found.request.headers]
    assert "canary" not in repr([*shown, found.response.headers])
    assert "pw@" not in repr(shown)


def test_the_body_of_the_storage_is_not_kept_as_it_repeats_the_signed_request() -> None:
    body = b"<Code>SignatureDoesNotMatch</Code><SignatureProvided>canary</SignatureProvided>"
    found = error(403, "storage", body)
    assert found.response.content == b""
    assert "SignatureDoesNotMatch" in str(found)
    assert b"canary" not in pickle.dumps(found)


def test_request_and_response_are_those_of_httpx() -> None:
    found = error(404, body=b'{"message": "gone"}', content_type="application/json", content_length="99")
    assert isinstance(found.request, httpx.Request)
    assert str(found.request.url) == "https://store.example/spaces/s/a.json"
    assert found.response.json() == {"message": "gone"}
    assert found.response.headers["content-type"] == "application/json"
    assert found.response.request is found.request
    with pytest.raises(httpx.HTTPStatusError):
        found.response.raise_for_status()


def test_of_a_large_body_the_beginning_is_kept() -> None:
    assert len(error(500, body=b"x" * 100_000).response.content) == 65_536


def test_what_helps_support_is_kept() -> None:
    found = error(500, x_request_id="r-1", retry_after="3", content_encoding="gzip")
    assert (found.request_id, found.retry_after) == ("r-1", 3.0)
    assert error(500, x_amz_request_id="r\x1b").request_id == "r\\x1b"
    assert error(500, x_correlation_id="c", x_request_id="r").request_id == "r"
    assert error(500).request_id is None
    assert error(429, retry_after="Sun, 09 Sep 2001 01:46:45 GMT").retry_after == 5.0


@pytest.mark.parametrize(
    "url", ["", "https://1.2.3.999/a", "https://x/" + "a" * 70_000, "https://[x", "https://ſ--.x/"]
)
def test_odd_addresses_do_no_harm(url: str) -> None:
    found = error_of(Reply(500, {}, b"", url, "POST"), "batches")
    assert isinstance(found, StatusError)
    assert (found.request.method, found.status) == ("POST", 500)


def test_odd_headers_do_no_harm() -> None:
    found = error(500, server="Müller\udcff", etag='"é"', date="")
    assert found.response.headers["server"] == "M\\xfcller\\udcff"
