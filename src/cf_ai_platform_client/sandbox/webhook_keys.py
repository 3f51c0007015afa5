"""The keys that sign webhooks: Ed25519, published as a JWKS."""

from __future__ import annotations

import base64
import importlib.util
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NEEDED = "Webhooks are signed with the package cryptography: pip install 'cf-ai-platform-client[webhooks]'"
_KEYS_PUBLISHED = 2


def can_sign() -> bool:
    """Tell whether the package that signs is there."""
    return importlib.util.find_spec("cryptography") is not None


class SigningKeys:
    """Keys made at random when they are first needed, the newest signs; safe to use from several threads.

    Each method raises ImportError, with a sentence on what to install, without the package `cryptography`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: list[tuple[str, Ed25519PrivateKey]] = []
        self._made = 0

    def rotate(self) -> str:
        """Make a new key that signs from now on and return its id; the one before stays published."""
        with self._lock:
            self._current()
            return self._make()[0]

    def document(self) -> dict[str, Any]:
        """Return the JWKS, the key that signs first."""
        with self._lock:
            self._current()
            return {"keys": [_jwk(key_id, key) for key_id, key in self._keys[::-1]]}

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery of these bytes, signed now."""
        with self._lock:
            key_id, key = self._current()
        return {
            "X-Payload-Signature": base64.b64encode(key.sign(body)).decode(),
            "X-Payload-Key-Id": key_id,
            "X-Payload-Timestamp": str(int(self._clock())),
        }

    def _current(self) -> tuple[str, Ed25519PrivateKey]:
        return self._keys[-1] if self._keys else self._make()

    def _make(self) -> tuple[str, Ed25519PrivateKey]:
        if not can_sign():
            raise ImportError(NEEDED)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._made += 1
        self._keys = [*self._keys, (f"sandbox-key-{self._made}", Ed25519PrivateKey.generate())][-_KEYS_PUBLISHED:]
        return self._keys[-1]


def _jwk(key_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    point = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": key_id, "use": "sig", "alg": "EdDSA"}
