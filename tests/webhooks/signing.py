"""A platform of the tests' own: keys that sign deliveries, and a server that publishes them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cf_ai_platform_client.webhooks import Verifier, WebhookEvent

NOW = 1_780_000_000.0
"""What clocks say that stand still, in Unix seconds."""

FIELDS: dict[str, Any] = {
    "workItemID": "0520a8e8-6160-5229-842a-5eeff9033a39",
    "assetType": "image",
    "assetUrl": "assets/a.jpg",
    "createdAt": "2026-01-01T08:00:00Z",
    "status": "COMPLETED",
    "updatedAt": "2026-05-28T20:26:40+02:00",
    "deliveredAt": "2026-05-28T20:26:41.5+02:00",
}


def body_of(**changes: Any) -> bytes:
    """Make a body; a field that is ... is left out."""
    fields = {name: value for name, value in {**FIELDS, **changes}.items() if value is not ...}
    return json.dumps(fields).encode()


def event_of(number: int = 7, **changes: Any) -> WebhookEvent:
    """Make an event that nobody signed."""
    return WebhookEvent.from_body(body_of(workItemID=f"item-{number}", **changes))


@dataclass(frozen=True)
class Signer:
    """A key with its id."""

    key_id: str = "key-1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def jwk(self) -> dict[str, Any]:
        x = base64.urlsafe_b64encode(self.public).decode().rstrip("=")
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.key_id, "use": "sig", "alg": "EdDSA"}

    def headers(self, body: bytes, at: float = NOW, **changes: str) -> dict[str, str]:
        """Sign a body; `changes` are put in place of headers, by what follows X-Payload-, and ... leaves one out."""
        named = {
            "Signature": base64.b64encode(self.key.sign(body)).decode(),
            "Key-Id": self.key_id,
            "Timestamp": str(int(at)),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return {f"X-Payload-{name}": value for name, value in named.items() if value is not ...}

    def verifier(self, **options: Any) -> Verifier:
        """Make a verifier that holds this key, and for which it is NOW."""
        return Verifier(keys={self.key_id: self.public}, **{"clock": lambda: NOW, **options})


@dataclass
class KeyServer:
    """What it answers, and how often it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = b'{"keys": []}'
    headers: dict[str, str] = field(default_factory=dict[str, str])
    asked: int = 0
    before: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"

    def publish(self, *signers: Signer) -> None:
        self.body = json.dumps({"keys": [signer.jwk for signer in signers]}).encode()


@contextmanager
def key_server(*signers: Signer, cache_control: str = "max-age=300") -> Iterator[KeyServer]:
    """Publish keys on a real port until the block ends."""
    told = KeyServer(headers={"Cache-Control": cache_control})
    told.publish(*signers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            told.before()
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=lambda: server.serve_forever(0.01))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Time:
    """A clock that stands still until it is moved."""

    now: float = 5_000.0

    def __call__(self) -> float:
        return self.now
