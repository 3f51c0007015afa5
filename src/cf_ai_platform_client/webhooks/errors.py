"""The one error of this room, and why a delivery is refused."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import CFError, ErrorCode

WebhookReason = Literal[
    "missing_header",
    "doubled_header",
    "malformed_header",
    "outside_tolerance",
    "unknown_key",
    "keys_unavailable",
    "wrong_signature",
    "invalid_body",
]

_CODES: dict[WebhookReason, ErrorCode] = {"keys_unavailable": "network", "invalid_body": "invalid_item"}


class WebhookError(CFError):
    """A delivery is not verified, or cannot be read.

    `reason` tells why: `missing_header`, `doubled_header`, `malformed_header`; `outside_tolerance` (of the timestamp);
    `unknown_key` (its key id is not in the JWKS, fetched since it came), `keys_unavailable` (the JWKS cannot be had, or
    not again within a minute: the same delivery may be verified later); `wrong_signature`; `invalid_body` (rightly
    signed, and no event). `code` is `network` for `keys_unavailable`, `invalid_item` for `invalid_body`, else
    `mismatch`.
    """

    def __init__(self, message: str, *, reason: WebhookReason, code: ErrorCode | None = None, **more: Any) -> None:
        super().__init__(message, code=code or _CODES.get(reason, "mismatch"), **more)
        self.reason: WebhookReason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, (kind, message, keywords, attributes) = super().__reduce__()
        return rebuild, (kind, message, {**keywords, "reason": self.reason}, attributes)
