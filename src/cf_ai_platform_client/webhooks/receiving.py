"""What is answered to whom: decided from values, the same for every server and framework."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import WebhookError, WebhookReason

LONGEST_BODY = 1 << 20
"""Bytes of a body; a delivery has a few hundred."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, text and headers. The text tells a stranger nothing of what was wrong."""

    status: int
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """The text as it is sent."""
        return f"{self.text}\n".encode("ascii") if self.text else b""

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """The headers as they are sent."""
        if not self.text:
            return [*self.headers]
        return [("Content-Type", "text/plain"), ("Content-Length", str(len(self.body))), *self.headers]


ACCEPTED = Answer(204)
"""Stored, or here already."""

NOT_POST = Answer(405, "Method not allowed.", (("Allow", "POST"),))
TOO_LARGE = Answer(413, "Too large.")
NO_LENGTH = Answer(411, "Length required.")
NOT_NOW = Answer(503, "Try again later.", (("Retry-After", "60"),))
BAD, REFUSED = Answer(400, "Bad request."), Answer(401, "Refused.")

_ANSWERS: dict[WebhookReason, Answer] = {
    "outside_tolerance": REFUSED,
    "unknown_key": REFUSED,
    "wrong_signature": REFUSED,
    "keys_unavailable": NOT_NOW,
}


def answer_before_reading(method: str, length: int | None) -> Answer | None:
    """Return the answer to a request whose body needs not be read, else None."""
    if method != "POST":
        return NOT_POST
    return TOO_LARGE if length is not None and length > LONGEST_BODY else None


def answer_to(error: WebhookError) -> Answer:
    """Return the answer to a delivery that is refused: what may be right later gets a 503, so that it comes again."""
    return _ANSWERS.get(error.reason, BAD)


def length_of(text: str | None) -> int | None:
    """Read a Content-Length; None where there is none that is one."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 18 else None
