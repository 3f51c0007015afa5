"""Ed25519, from the package `cryptography` of the extra `webhooks`."""

from __future__ import annotations

from importlib.util import find_spec


def require_cryptography() -> None:
    """Raise an ImportError that says what to install, where `cryptography` is missing."""
    if find_spec("cryptography") is None:
        raise ImportError(
            "Webhooks are verified with the package cryptography, which is not installed: "
            "pip install 'cf-ai-platform-client[webhooks]'",
            name="cryptography",
        )


def is_signed(body: bytes, signature: bytes, key: bytes) -> bool:
    """Tell whether the owner of a public key (32 bytes) signed these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, body)
    except InvalidSignature:
        return False
    return True
