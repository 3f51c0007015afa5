"""Rows W1 to W4: deliveries that were altered, that are late, whose keys change, that come again."""

from __future__ import annotations

import asyncio
import base64
import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.webhooks import (
    DeliveryStore,
    MemoryStore,
    SQLiteStore,
    Verifier,
    WebhookError,
    WebhookEvent,
    WebhookReason,
)

from ..webhooks.signing import NOW, KeyServer, Signer, Time, body_of, key_server

OURS, OTHER = Signer("key-1"), Signer("key-1")
BODY = body_of()
GOOD = OURS.headers(BODY)
Calls = Callable[[Verifier, Any, Any], WebhookEvent]


def blocking(verifier: Verifier, body: Any, headers: Any) -> WebhookEvent:
    return verifier.verify(body, headers)


def in_a_loop(verifier: Verifier, body: Any, headers: Any) -> WebhookEvent:
    return asyncio.run(verifier.averify(body, headers))


both = pytest.mark.parametrize("call", [blocking, in_a_loop])


def refused(body: Any, headers: Any, verifier: Verifier | None = None, call: Calls = blocking) -> WebhookReason:
    """Return why a delivery is refused, by the one error."""
    with pytest.raises(Exception) as caught:
        call(verifier or OURS.verifier(), body, headers)
    error = caught.value
    assert type(error) is WebhookError
    assert pickle.loads(pickle.dumps(error)).reason == copy.copy(error).reason == error.reason
    assert len(str(error)) < 400
    assert error.code == {"keys_unavailable": "network", "invalid_body": "invalid_item"}.get(error.reason, "mismatch")
    return error.reason


# W1


def signature(data: bytes) -> dict[str, Any]:
    return {**GOOD, "X-Payload-Signature": base64.b64encode(data).decode()}


RIGHT = base64.b64decode(GOOD["X-Payload-Signature"])
HEADERS: dict[str, tuple[Any, WebhookReason]] = {
    "63 bytes": (signature(RIGHT[:63]), "malformed_header"),
    "65 bytes": (signature(RIGHT + b"\0"), "malformed_header"),
    "an empty signature": (OURS.headers(BODY, Signature=""), "malformed_header"),
    "not base64": (OURS.headers(BODY, Signature="!" * 88), "malformed_header"),
    "base64 for URLs": (OURS.headers(BODY, Signature="-_" * 43 + "=="), "malformed_header"),
    "base64 without its end": (
        OURS.headers(BODY, Signature=GOOD["X-Payload-Signature"].rstrip("=")),
        "malformed_header",
    ),
    "another signature": (signature(bytes(64)), "wrong_signature"),
    "all ones": (signature(b"\xff" * 64), "wrong_signature"),
    "another key of the same id": (OTHER.headers(BODY), "wrong_signature"),
    "an unknown key": (OURS.headers(BODY, Key_Id="key-2"), "unknown_key"),
    "the key id in capitals": (OURS.headers(BODY, Key_Id="KEY-1"), "unknown_key"),
    "an empty key id": (OURS.headers(BODY, Key_Id=""), "malformed_header"),
    "an endless key id": (OURS.headers(BODY, Key_Id="k" * 300), "malformed_header"),
    "a non-ASCII key id": (OURS.headers(BODY, Key_Id="k\u00e9y"), "malformed_header"),
    "a non-ASCII signature": (OURS.headers(BODY, Signature="\u0661" * 88), "malformed_header"),
    "a non-ASCII timestamp": (OURS.headers(BODY, Timestamp="\u0661\u0667\u0668"), "malformed_header"),
    "control characters": (OURS.headers(BODY, Key_Id="key-1\n"), "malformed_header"),
    "bytes that are not ASCII": (
        {name.encode(): b"\xff" + value.encode() for name, value in GOOD.items()},
        "malformed_header",
    ),
    "a value that is no text": ({**GOOD, "X-Payload-Key-Id": None}, "malformed_header"),
    "a number": ({**GOOD, "X-Payload-Timestamp": int(NOW)}, "malformed_header"),
    "nothing": ({}, "missing_header"),
    "no pairs": ([], "missing_header"),
    "a doubled mapping": ({**GOOD, "x-payload-key-id": "key-1"}, "doubled_header"),
    "names that are no text": ({7: "x", None: "y"}, "missing_header"),
}


@both
@pytest.mark.parametrize(("headers", "reason"), HEADERS.values(), ids=HEADERS)
def test_w1_headers_that_are_not_as_they_should_be(headers: Any, reason: WebhookReason, call: Calls) -> None:
    assert refused(BODY, headers, call=call) == reason


@both
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_w1_missing_and_doubled_headers(name: str, as_bytes: bool, call: Calls) -> None:
    def given(pairs: list[tuple[str, str]]) -> Any:
        return [(key.lower().encode(), value.encode()) for key, value in pairs] if as_bytes else pairs

    assert refused(BODY, given([pair for pair in GOOD.items() if pair[0] != name]), call=call) == "missing_header"
    assert refused(BODY, given([*GOOD.items(), (name, GOOD[name])]), call=call) == "doubled_header"
    assert call(OURS.verifier(), BODY, given([*GOOD.items()])).body == BODY


BODIES = {
    "a space more": BODY + b" ",
    "a byte less": BODY[:-1],
    "nothing": b"",
    "written again": BODY.replace(b": ", b":"),
    "another status": BODY.replace(b"COMPLETED", b"CLIENT_REVIEW"),
    "not UTF-8": BODY.replace(b"image", b"im\xffge"),
}


@both
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_w1_an_altered_body(body: bytes, call: Calls) -> None:
    assert refused(body, GOOD, call=call) == "wrong_signature"


@given(st.integers(0, len(BODY) * 8 - 1))
def test_w1_no_bit_of_the_body_can_be_turned(bit: int) -> None:
    altered = bytearray(BODY)
    altered[bit // 8] ^= 1 << bit % 8
    assert refused(bytes(altered), GOOD) == "wrong_signature"


@given(st.integers(0, 511))
def test_w1_no_bit_of_the_signature_can_be_turned(bit: int) -> None:
    altered = bytearray(RIGHT)
    altered[bit // 8] ^= 1 << bit % 8
    assert refused(BODY, signature(bytes(altered))) == "wrong_signature"


SIGNED_NONSENSE = {
    "not UTF-8": body_of().replace(b"image", b"im\xffge"),
    "UTF-16": BODY.decode().encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf" + BODY,
    "nothing": b"",
    "not JSON": b"workItemID=7",
    "a list": b"[" + BODY + b"]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a long number": b'{"n": ' + b"9" * 10_000 + b"}",
    "no id": body_of(workItemID=...),
    "an empty id": body_of(workItemID=""),
    "an id that is a number": body_of(workItemID=7),
    "no status": body_of(status=None),
    "an asset that is a list": body_of(assetUrl=["a"]),
    "no time": body_of(deliveredAt=...),
    "a time that is a number": body_of(createdAt=1_780_000_000),
    "a time that is none": body_of(updatedAt="2026-02-30T00:00:00Z"),
    "a leap second at noon": body_of(updatedAt="2016-12-31T12:00:60Z"),
    "a leap second after all": body_of(updatedAt="9999-12-31T23:59:60Z"),
    "second 61": body_of(updatedAt="2016-12-31T23:59:61Z"),
    "a time before all": body_of(updatedAt="0001-01-01T00:00:00+23:00"),
    "a time after all": body_of(updatedAt="9999-12-31T23:59:59-23:00"),
}


@both
@pytest.mark.parametrize("body", SIGNED_NONSENSE.values(), ids=SIGNED_NONSENSE)
def test_w1_a_signed_body_that_is_no_event(body: bytes, call: Calls) -> None:
    assert refused(body, OURS.headers(body), call=call) == "invalid_body"
    assert refused(body, OTHER.headers(body), call=call) == "wrong_signature"


@given(st.binary(max_size=60))
def test_w1_whatever_is_signed_is_an_event_or_the_one_error(body: bytes) -> None:
    assert refused(body, OURS.headers(body)) == "invalid_body"


@given(st.lists(st.tuples(st.sampled_from([*GOOD, "Host"]), st.text() | st.sampled_from([*GOOD.values()]))))
def test_w1_whatever_the_headers_are_it_is_the_one_error(pairs: list[tuple[str, str]]) -> None:
    assert refused(BODY + b" ", pairs)


# W2


@both
@pytest.mark.parametrize("off", [-300, -299, 0, 299, 300])
def test_w2_a_timestamp_within_the_tolerance(off: int, call: Calls) -> None:
    assert call(OURS.verifier(), BODY, OURS.headers(BODY, NOW + off)).body == BODY


@both
@pytest.mark.parametrize("off", [-301, 301, -86_400, 10**9])
def test_w2_a_timestamp_beyond_it(off: int, call: Calls) -> None:
    assert refused(BODY, OURS.headers(BODY, NOW + off), call=call) == "outside_tolerance"


@pytest.mark.parametrize(("part", "taken"), [(0.0, True), (0.001, False), (-0.001, True)])
def test_w2_the_boundary_is_exact_to_parts_of_a_second(part: float, taken: bool) -> None:
    for off in (300 + part, -300 - part):
        verifier = OURS.verifier(clock=partial(float, NOW + off))
        if taken:
            verifier.verify(BODY, GOOD)
        else:
            assert refused(BODY, GOOD, verifier) == "outside_tolerance"


@pytest.mark.parametrize("tolerance", [0, 0.5, 10, timedelta(seconds=10), timedelta(days=3)])
def test_w2_the_tolerance_is_the_users_to_set(tolerance: Any) -> None:
    verifier = OURS.verifier(tolerance=tolerance)
    seconds = tolerance.total_seconds() if isinstance(tolerance, timedelta) else tolerance
    for sign in (-1, 1):
        verifier.verify(BODY, OURS.headers(BODY, NOW + sign * int(seconds)))
        assert refused(BODY, OURS.headers(BODY, NOW + sign * int(seconds + 1)), verifier) == "outside_tolerance"


NO_TIMES = ["NaN", "nan", "inf", "-1", "+5", "1e9", "1.0", "0x10", "1_000", " ", "", "9" * 13, "1" * 5000, f"{NOW}"]


@both
@pytest.mark.parametrize("text", NO_TIMES)
def test_w2_what_is_no_number_of_seconds(text: str, call: Calls) -> None:
    assert refused(BODY, OURS.headers(BODY, Timestamp=text), call=call) == "malformed_header"
    assert refused(BODY, OURS.headers(BODY, Timestamp=text), OURS.verifier(tolerance=None)) == "malformed_header"


@pytest.mark.parametrize("text", ["0", "1", "999999999999", "000000000000"])
def test_w2_a_time_far_away_is_refused_unless_nobody_looks(text: str) -> None:
    headers = OURS.headers(BODY, Timestamp=text)
    assert refused(BODY, headers) == "outside_tolerance"
    assert OURS.verifier(tolerance=None).verify(BODY, headers).body == BODY


def test_w1_a_timestamp_altered_within_the_tolerance_is_not_known_to_be_signed_and_passes() -> None:
    """What the platform is known to sign is the body; a store of deliveries, or `delivered_at`, knows a replay."""
    assert OURS.verifier().verify(BODY, OURS.headers(BODY, Timestamp=str(int(NOW) + 7))).body == BODY


# W3


def fetching(server: KeyServer, time: Time, **options: Any) -> Verifier:
    return Verifier(server.url, clock=lambda: NOW, monotonic=time, **options)


@both
def test_w3_a_rotation_is_one_refresh(call: Calls) -> None:
    time, new = Time(), Signer("key-2")
    with key_server(OURS) as server:
        verifier = fetching(server, time)
        for _ in range(5):
            call(verifier, BODY, GOOD)
        assert server.asked == 1
        server.publish(OURS, new)
        time.now += 60
        for _ in range(5):
            call(verifier, BODY, new.headers(BODY))
            call(verifier, BODY, GOOD)
        assert server.asked == 2


@both
def test_w3_a_thousand_unknown_kids_are_one_fetch_a_minute(call: Calls) -> None:
    time = Time()
    with key_server(OURS) as server:
        verifier = fetching(server, time)
        call(verifier, BODY, GOOD)
        for number in range(1000 if call is blocking else 50):
            headers = OURS.headers(BODY, Key_Id=f"unknown-{number}")
            assert refused(BODY, headers, verifier, call) == "keys_unavailable"  # nobody asked since it came
        assert server.asked == 1
        for minute in range(3):
            time.now += 60
            for number in range(20):
                headers = OURS.headers(BODY, Key_Id=f"later-{minute}-{number}")
                reason = "keys_unavailable" if number else "unknown_key"
                assert refused(BODY, headers, verifier, call) == reason
            assert server.asked == 2 + minute
        call(verifier, BODY, GOOD)


def test_w3_many_threads_and_loops_share_one_fetch() -> None:
    with key_server(OURS) as server:
        verifier = fetching(server, Time())

        async def many() -> None:
            await asyncio.gather(*(verifier.averify(BODY, GOOD) for _ in range(50)))

        with ThreadPoolExecutor(8) as threads:
            done = [threads.submit(verifier.verify, BODY, GOOD) for _ in range(50)]
            done += [threads.submit(lambda: asyncio.run(many())) for _ in range(4)]  # type: ignore[arg-type, misc]
            for each in done:
                each.result()
        assert server.asked == 1


@both
def test_w3_a_cached_key_verifies_until_max_stale_when_the_url_is_down(call: Calls) -> None:
    time = Time()
    with key_server(OURS) as server:
        verifier = fetching(server, time, max_stale=timedelta(hours=1))
        call(verifier, BODY, GOOD)
        server.status = 503
        time.now += 300 + 3599
        for _ in range(5):
            call(verifier, BODY, GOOD)
        assert server.asked == 2
        assert refused(BODY, OURS.headers(BODY, Key_Id="key-2"), verifier, call) == "keys_unavailable"
        time.now += 1
        assert refused(BODY, GOOD, verifier, call) == "keys_unavailable"
        assert server.asked == 2  # not again within the minute
        server.status = 200
        time.now += 60
        call(verifier, BODY, GOOD)
        assert server.asked == 3


@both
def test_w3_a_key_that_is_published_no_more_ends_with_its_freshness(call: Calls) -> None:
    time = Time()
    with key_server(OURS, cache_control="max-age=600") as server:
        verifier = fetching(server, time)
        call(verifier, BODY, GOOD)
        server.publish(Signer("key-2"))
        time.now += 599
        call(verifier, BODY, GOOD)
        time.now += 1
        assert refused(BODY, GOOD, verifier, call) == "unknown_key"


def no_keys(server: KeyServer) -> None:
    server.body = b"<html>"


def redirected(server: KeyServer) -> None:
    server.status, server.headers["Location"] = 302, "/elsewhere"


def endless(server: KeyServer) -> None:
    server.body = server.body + b" " * (64 << 10)


def squeezed(server: KeyServer) -> None:
    server.headers["Content-Encoding"] = "gzip"


def empty(server: KeyServer) -> None:
    server.body = b'{"keys": []}'


def of_another_kind(server: KeyServer) -> None:
    server.body = b'{"keys": [{"kty": "RSA", "kid": "key-1"}]}'


def broken(server: KeyServer) -> None:
    server.status = 502


spoilt = pytest.mark.parametrize("spoil", [no_keys, redirected, endless, squeezed, empty, of_another_kind, broken])


@spoilt
@both
def test_w3_an_answer_that_is_no_key_set_replaces_no_keys_and_tells_of_no_id(
    spoil: Callable[[KeyServer], None], call: Calls
) -> None:
    time, new = Time(), Signer("key-2")
    with key_server(OURS) as server:
        verifier = fetching(server, time)
        call(verifier, BODY, GOOD)
        good = server.status, server.body, dict(server.headers)
        time.now += 60
        spoil(server)
        assert refused(BODY, new.headers(BODY), verifier, call) == "keys_unavailable"
        time.now += 300
        call(verifier, BODY, GOOD)
        server.status, server.body, server.headers = good
        server.publish(OURS, new)
        assert refused(BODY, new.headers(BODY), verifier, call) == "keys_unavailable"  # asked within the minute
        time.now += 60
        call(verifier, BODY, new.headers(BODY))
        assert server.asked == 4


@both
def test_w3_a_stranger_does_not_use_up_the_fetch_of_a_new_key(call: Calls) -> None:
    time, new = Time(), Signer("key-2")
    with key_server(OURS) as server:
        verifier = fetching(server, time)
        call(verifier, BODY, GOOD)
        time.now += 61
        for key_id in ("stranger", "key-2"):
            refused(BODY, OTHER.headers(BODY, Key_Id=key_id), verifier, call)
        server.publish(OURS, new)
        time.now += 30
        assert refused(BODY, new.headers(BODY), verifier, call) == "keys_unavailable"
        time.now += 31
        call(verifier, BODY, new.headers(BODY))
        assert refused(BODY, OTHER.headers(BODY, Key_Id="stranger"), verifier, call) == "keys_unavailable"
        time.now += 60
        assert refused(BODY, OTHER.headers(BODY, Key_Id="stranger"), verifier, call) == "unknown_key"


@spoilt
def test_w3_an_answer_that_is_no_key_set_is_none(spoil: Callable[[KeyServer], None]) -> None:
    time = Time()
    with key_server(OURS) as server:
        spoil(server)
        verifier = fetching(server, time)
        assert refused(BODY, GOOD, verifier) == "keys_unavailable"
        assert refused(BODY, GOOD, verifier) == "keys_unavailable"
        assert server.asked == 1


def test_w3_the_sandboxs_keys_rotate() -> None:
    time = Time()
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox.jwks_url, monotonic=time)
        before = sandbox.sign(BODY)
        verifier.verify(BODY, before)
        sandbox.rotate_keys()
        assert refused(BODY, sandbox.sign(BODY), verifier) == "keys_unavailable"  # asked within the minute
        time.now += 60
        verifier.verify(BODY, sandbox.sign(BODY))
        verifier.verify(BODY, before)
        assert sandbox.counts["jwks"] == 2


# W4


@pytest.fixture(params=[MemoryStore, SQLiteStore])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param is MemoryStore:
        yield MemoryStore()
    else:
        with SQLiteStore(tmp_path / "deliveries.sqlite3") as made:
            yield made


def test_w4_the_same_delivery_again_is_a_duplicate(store: DeliveryStore) -> None:
    verifier = OURS.verifier()
    first = verifier.verify(BODY, GOOD)
    assert store.add(first)
    assert not store.add(verifier.verify(BODY, GOOD))
    signed_anew = body_of(deliveredAt="2026-06-01T00:00:00Z", updatedAt="2026-05-28T18:26:40Z")
    assert not store.add(verifier.verify(signed_anew, OURS.headers(signed_anew)))
    store.mark_handled(first)
    assert not store.add(verifier.verify(BODY, GOOD))


@pytest.mark.parametrize(
    "change", [{"status": "CLIENT_REVIEW"}, {"updatedAt": "2026-05-28T20:26:41+02:00"}, {"workItemID": "b"}]
)
def test_w4_another_change_is_another_delivery(store: DeliveryStore, change: dict[str, str]) -> None:
    verifier, other = OURS.verifier(), body_of(**change)
    assert store.add(verifier.verify(BODY, GOOD))
    assert store.add(verifier.verify(other, OURS.headers(other)))
