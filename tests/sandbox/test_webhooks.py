from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cf_ai_platform_client.sandbox import Fault, Project, Sandbox
from cf_ai_platform_client.sandbox.webhook_keys import SigningKeys
from cf_ai_platform_client.sandbox.webhooks import WAITS, Webhooks, check_url

from ..receiver import Headers, Receiver
from .conftest import NUCLEUS, visit

NOW = 1780272000.5
ITEM = {"id": "a", "assetType": "image", "assetUrl": "b", "createdAt": "c", "status": "COMPLETED", "updatedAt": "d"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def public_keys(document: dict[str, Any]) -> dict[str, Ed25519PublicKey]:
    """Read a JWKS as a receiver does."""
    keys: dict[str, Ed25519PublicKey] = {}
    for key in document["keys"]:
        assert {name: key[name] for name in ("kty", "crv", "use", "alg")} == {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
        }
        assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}
        assert "=" not in key["x"]
        keys[key["kid"]] = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    return keys


def verify(document: dict[str, Any], body: bytes, headers: Headers) -> None:
    key = public_keys(document)[headers["X-Payload-Key-Id"]]
    key.verify(base64.b64decode(headers["X-Payload-Signature"], validate=True), body)


def delivering(webhooks: Webhooks, url: str) -> Any:
    return asyncio.run(webhooks.deliver(ITEM, url))


def waited(*waits: float) -> tuple[Webhooks, list[float]]:
    """Webhooks whose waits are noted and take no time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return Webhooks(SigningKeys(lambda: NOW), lambda: NOW, waits or WAITS, sleep), slept


# Keys


def test_a_signature_is_over_the_raw_body_by_a_published_key() -> None:
    keys = SigningKeys(lambda: NOW)
    headers = keys.sign(b"body \xff")
    assert set(headers) == {"X-Payload-Signature", "X-Payload-Key-Id", "X-Payload-Timestamp"}
    assert headers["X-Payload-Timestamp"] == "1780272000"
    verify(keys.document(), b"body \xff", headers)
    with pytest.raises(InvalidSignature):
        verify(keys.document(), b"body \xfe", headers)


def test_keys_are_of_each_sandbox_its_own() -> None:
    assert SigningKeys(lambda: NOW).document() != SigningKeys(lambda: NOW).document()


def test_a_rotation_keeps_the_key_before_for_what_is_under_way() -> None:
    keys = SigningKeys(lambda: NOW)
    ids, signed = [keys.sign(b"")["X-Payload-Key-Id"]], [keys.sign(b"x")]
    for _ in range(2):
        ids.append(keys.rotate())
        signed.append(keys.sign(b"x"))
        assert signed[-1]["X-Payload-Key-Id"] == ids[-1]
        assert [key["kid"] for key in keys.document()["keys"]] == ids[:-3:-1]
        for headers in signed[-2:]:
            verify(keys.document(), b"x", headers)
    assert len(set(ids)) == 3


def test_a_rotation_before_any_use_is_one_too() -> None:
    keys = SigningKeys(lambda: NOW)
    newest = keys.rotate()
    first, other = (key["kid"] for key in keys.document()["keys"])
    assert first == newest != other


def test_the_jwks_is_for_anybody_and_says_how_long_it_holds() -> None:
    with Sandbox(faults=[Fault("jwks", "status", nth=2)]) as sandbox:
        assert sandbox.jwks_url == f"http://127.0.0.1:{sandbox.port}/api/.well-known/jwks.json"
        answers = [httpx.get(sandbox.jwks_url, verify=False) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 503, 200]
        assert answers[0].headers["Cache-Control"] == "max-age=300"
        verify(answers[0].json(), b"x", sandbox.sign(b"x"))
        first = answers[0].json()["keys"][0]["kid"]
        second = sandbox.rotate_keys()
        now = httpx.get(sandbox.jwks_url, verify=False).json()
        assert [key["kid"] for key in now["keys"]] == [second, first]
        assert sandbox.counts == {"jwks": 4}


# Deliveries


def test_a_delivery_is_what_the_contract_says(receiver: Receiver) -> None:
    webhooks, slept = waited()
    delivery = delivering(webhooks, receiver.url)
    ((body, headers),) = receiver.seen
    assert json.loads(body) == {
        "workItemID": "a",
        "assetType": "image",
        "assetUrl": "b",
        "createdAt": "c",
        "status": "COMPLETED",
        "updatedAt": "d",
        "deliveredAt": "2026-06-01T00:00:00Z",
    }
    verify(webhooks.keys.document(), body, headers)
    assert headers["Content-Type"] == "application/json"
    assert "X-API-Key" not in headers
    assert (delivery.item_id, delivery.url, delivery.body) == ("a", receiver.url, body)
    assert delivery.headers.items() <= headers.items()
    assert (delivery.status, delivery.attempts, delivery.delivered, delivery.error, slept) == (204, 1, True, None, [])
    assert webhooks.deliveries == [delivery]


def test_what_fails_is_sent_again_as_it_was_with_growing_waits() -> None:
    webhooks, slept = waited()
    with Receiver(500, 404) as receiver:
        delivery = delivering(webhooks, receiver.url)
    assert (delivery.status, delivery.attempts, delivery.delivered) == (204, 3, True)
    assert slept == [1.0, 2.0]
    assert len({body for body, _ in receiver.seen}) == 1
    assert len({headers["X-Payload-Signature"] for _, headers in receiver.seen}) == 1
    assert len({headers["X-Payload-Timestamp"] for _, headers in receiver.seen}) == 1


def test_it_gives_up_after_the_last_wait() -> None:
    webhooks, slept = waited(3.0, 9.0)
    with Receiver(503, 503, 503) as receiver:
        delivery = delivering(webhooks, receiver.url)
        assert (delivery.status, delivery.attempts, delivery.delivered, slept) == (503, 3, False, [3.0, 9.0])
        assert len(receiver.seen) == 3
    assert webhooks.deliveries == [delivery]


def test_nobody_there_is_no_status_and_a_reason() -> None:
    webhooks, slept = waited()
    delivery = delivering(webhooks, f"http://127.0.0.1:{closed_port()}/")
    assert (delivery.status, delivery.attempts, delivery.delivered) == (0, 4, False)
    assert slept == list(WAITS)
    assert delivery.error is not None
    assert "no connection to 127.0.0.1" in delivery.error


def test_a_redirect_is_not_followed() -> None:
    webhooks, _ = waited(1.0)
    with Receiver(307, 308) as receiver:
        delivery = delivering(webhooks, receiver.url)
    assert (delivery.status, delivery.attempts, delivery.delivered, len(receiver.seen)) == (308, 2, False, 2)


@pytest.mark.parametrize("url", ["", "nonsense", "/hooks", "ftp://x/", "http://", "http://[::1", "http://x:99999/"])
def test_a_url_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"^The webhook URL is .*: it must be an http or https URL"):
        check_url(url)
    if url:
        with Sandbox() as sandbox, pytest.raises(ValueError, match="it must be an http or https URL"):
            sandbox.deliver(NUCLEUS, url)
    with pytest.raises(ValueError, match="it must be an http or https URL"):
        Sandbox(webhook_url=url)


# The sandbox


def test_a_change_of_status_is_delivered(receiver: Receiver) -> None:
    with Sandbox(webhook_url=receiver.url, clock=lambda: NOW) as sandbox:
        delivery = sandbox.set_status(NUCLEUS, "CLIENT_REVIEW")
        jwks = httpx.get(sandbox.jwks_url, verify=False).json()
    ((body, headers),) = receiver.seen
    verify(jwks, body, headers)
    event = json.loads(body)
    assert (event["workItemID"], event["status"], event["assetUrl"]) == (
        NUCLEUS,
        "CLIENT_REVIEW",
        "assets/nuclei_1_1.jpg",
    )
    assert event["updatedAt"] == event["deliveredAt"] == "2026-06-01T00:00:00Z"
    assert delivery is not None
    assert delivery.delivered
    assert sandbox.deliveries == [delivery]


def test_one_is_delivered_on_demand_where_one_likes(receiver: Receiver) -> None:
    with Sandbox() as sandbox:
        delivery = sandbox.deliver(NUCLEUS, receiver.url)
        assert delivery.delivered
        assert json.loads(delivery.body)["status"] == "COMPLETED"
        with pytest.raises(ValueError, match=r"There is no webhook URL: give url, or Sandbox\(webhook_url="):
            sandbox.deliver(NUCLEUS)
        with pytest.raises(ValueError, match="Work item nobody was not found"):
            sandbox.deliver("nobody", receiver.url)
    assert len(receiver.seen) == 1


def test_waits_can_be_chosen() -> None:
    with Receiver(500, 500) as receiver, Sandbox(webhook_url=receiver.url, webhook_waits=[0, 0]) as sandbox:
        assert sandbox.deliver(NUCLEUS).attempts == 3


def test_from_outside_a_url_is_set_and_a_status_changed(receiver: Receiver) -> None:
    with Sandbox() as sandbox, visit(sandbox) as api:
        control = f"http://127.0.0.1:{sandbox.port}/sandbox"
        assert api.post(f"{control}/webhook", json={"url": receiver.url}).json() == {"url": receiver.url}
        answer = api.post(f"{control}/workItems/{NUCLEUS}/status", json={"status": "CLIENT_REVIEW"})
        assert answer.json()["delivery"] == {"url": receiver.url, "status": 204, "attempts": 1, "error": None}
        assert answer.json()["workItem"]["status"] == "CLIENT_REVIEW"
        assert len(receiver.seen) == len(sandbox.deliveries) == 1
        assert api.post(f"{control}/webhook", json={"url": None}).json() == {"url": None}
        again = api.post(f"{control}/workItems/{NUCLEUS}/status", json={"status": "COMPLETED"})
        assert again.json()["delivery"] is None
        wrong = [api.post(f"{control}/webhook", json=body).status_code for body in ({"url": 5}, {"url": "x"}, 7)]
        assert wrong == [422, 422, 422]
        assert api.post(f"{control}/webhook", json={"url": "x"}, headers={"X-API-Key": "no"}).status_code == 401
    assert len(receiver.seen) == 1


def test_no_fault_strikes_the_control_calls(receiver: Receiver) -> None:
    with Sandbox(faults=[Fault("*", "status")]) as sandbox, visit(sandbox) as api:
        answer = api.post(f"http://127.0.0.1:{sandbox.port}/sandbox/webhook", json={"url": receiver.url})
        assert answer.status_code == 200
        assert sandbox.counts == {"control": 1}


def test_a_receiver_may_ask_the_sandbox_meanwhile() -> None:
    with Sandbox() as sandbox, Receiver() as receiver:

        class Asking(list[tuple[bytes, Headers]]):
            def append(self, delivery: tuple[bytes, Headers]) -> None:
                verify(httpx.get(sandbox.jwks_url, verify=False).json(), *delivery)
                super().append(delivery)

        receiver.seen = Asking()
        assert sandbox.deliver(NUCLEUS, receiver.url).delivered


def test_it_must_run_to_deliver() -> None:
    sandbox = Sandbox(webhook_url="http://127.0.0.1:1/")
    for deliver in (lambda: sandbox.deliver(NUCLEUS), lambda: sandbox.set_status(NUCLEUS, "X")):
        with pytest.raises(RuntimeError, match="not running"):
            deliver()
    with sandbox, visit(sandbox) as api:
        assert api.get("/projects/sample-project/workItems", params={"status": "X"}).json()["total"] == 0


def test_a_sandbox_that_stops_gives_the_delivery_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Sandbox() as sandbox:
        outcomes: list[str] = []

        def deliver() -> None:
            try:
                sandbox.deliver(NUCLEUS, f"http://127.0.0.1:{silent.getsockname()[1]}/")
            except RuntimeError as error:
                outcomes.append(str(error))

        thread = threading.Thread(target=deliver)
        thread.start()
        with silent.accept()[0]:
            sandbox.stop()
            thread.join()
    assert outcomes == ["The sandbox was stopped meanwhile."]
    assert sandbox.deliveries == []


def test_a_delivery_to_a_sandbox_that_has_just_stopped_is_refused() -> None:
    with Sandbox() as sandbox:
        running = sandbox._started()
    work = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="stopped meanwhile"):
        running.call(work)


def test_odd_items_are_delivered_too(receiver: Receiver) -> None:
    with Sandbox(project=Project([{"id": "a"}])) as sandbox:
        assert json.loads(sandbox.deliver("a", receiver.url).body)["assetUrl"] is None


def test_what_was_sent_is_not_in_the_repr(receiver: Receiver) -> None:
    with Sandbox() as sandbox:
        delivery = sandbox.deliver(NUCLEUS, receiver.url)
    assert delivery.headers["X-Payload-Signature"] not in repr(delivery)


# Without cryptography

WITHOUT = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "cryptography" else found(name, *more)
import httpx
from cf_ai_platform_client.sandbox import Sandbox
def sentence(use):
    try:
        use()
    except ImportError as error:
        return str(error)
with Sandbox() as sandbox:
    assert sandbox.set_status(sys.argv[1], "CLIENT_REVIEW") is None
    answer = httpx.get(sandbox.jwks_url, verify=False)
    control = f"http://127.0.0.1:{sandbox.port}/sandbox/webhook"
    refused = httpx.post(control, json={"url": "http://x/"}, headers={"X-API-Key": sandbox.api_key}, verify=False)
    said = {
        answer.json()["message"],
        refused.json()["message"],
        sentence(lambda: Sandbox(webhook_url="http://127.0.0.1:1/")),
        sentence(lambda: sandbox.sign(b"")),
        sentence(lambda: sandbox.deliver(sys.argv[1], "http://127.0.0.1:1/")),
        sentence(sandbox.rotate_keys),
    }
    print(answer.status_code, refused.status_code, *said, sep="|")
assert "cryptography" not in sys.modules
"""


def test_without_the_extra_all_else_works_and_a_sentence_says_what_to_install() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT, NUCLEUS], check=True, capture_output=True, text=True)
    needed = "Webhooks are signed with the package cryptography: pip install 'cf-ai-platform-client[webhooks]'"
    assert run.stdout.strip() == f"501|501|{needed}"
    assert run.stderr == ""
